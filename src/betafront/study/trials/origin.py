"""Why a trial was made: drawn, asked for, tried again, to add replicates to a finished trial, or to
confirm the decision."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ORIGIN = "origin"
"""The trial's user attribute that holds its origin; a plain draw has none."""

# The fields of an origin, by their names in the storage.
STORED = {
    "first": "first",
    "before": "before",
    "retry": "retry",
    "point": "point",
    "tops": "adds_to",
    "replicates": "replicates",
    "confirms": "confirms",
}


class Confirms(NamedTuple):
    """Which run a trial is of those that confirm a decision (`betafront.study.confirm`).

    Attributes:
        trial: the number of the trial that was picked, whose settings the run has.
        factor: of its β to that of the picked trial: 1 at the pick, ½ and 2 at its neighbours.
        seed: which of the further seeds, from 0.
        times: its optimiser steps, as a multiple of those of the picked trial.
    """

    trial: int
    factor: float
    seed: int
    times: int


@dataclass(frozen=True)
class Origin:
    """Why a trial was made. A plain draw has none of these.

    Attributes:
        first: the number of the first attempt at the same run. The run's seed comes from it, so
            that every attempt trains the same run.
        before: the number of the previous attempt, whose worker was lost or let go of it.
        retry: how many previous attempts were lost with their workers.
        point: the place in the study's queue of points that were asked for.
        adds_to: the number of the finished trial to which this one adds replicates.
        replicates: how many replicates that finished trial is to have then.
        confirms: which run it is of those that confirm the decision.
    """

    first: int | None = None
    before: int | None = None
    retry: int = 0
    point: int | None = None
    adds_to: int | None = None
    replicates: int | None = None
    confirms: Confirms | None = None

    def written(self) -> dict[str, Any]:
        """What the storage keeps: the fields that are set, by their stored names."""
        every = {key: getattr(self, name) for key, name in STORED.items()}
        return {k: v for k, v in every.items() if v is not None and (k, v) != ("retry", 0)}


DRAWN = Origin()


def origin(trial: "FrozenTrial") -> Origin:
    """Why a trial was made."""
    written = trial.user_attrs.get(ORIGIN)
    if not written:
        return DRAWN
    fields = {STORED[key]: value for key, value in written.items()}
    if "confirms" in fields:  # a list in the storage
        fields["confirms"] = Confirms(*fields["confirms"])
    return Origin(**fields)


def first_attempt(trial: "FrozenTrial") -> int:
    """The number of the first attempt at a trial's run: the trial's own, unless it repeats a lost
    trial or adds replicates to a finished one."""
    first = origin(trial).first
    return trial.number if first is None else first
