"""Why a trial was made: drawn, asked for, taken from another study, tried again, to add replicates
to a finished trial, or to confirm the decision."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from betafront.errors import UserError
from betafront.study.trials.ours import ORIGIN, is_ours

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# The fields of an origin, by their names in the storage.
STORED = {
    "first": "first",
    "before": "before",
    "retry": "retry",
    "point": "point",
    "tops": "adds_to",
    "replicates": "replicates",
    "seed": "seed",
    "source": "source",
    "confirms": "confirms",
}

RESULTS, WEIGHTS, SEEDS = "results", "weights", "seeds"
"""What a trial takes over from a trial of another study: its results; the weights and the whole
state after its last step, from which a longer run goes on; or its point and the seeds of its runs
alone."""


@dataclass(frozen=True)
class Source:
    """The trial of another study that a trial stands for.

    Attributes:
        study: the name of the other study.
        number: of the trial there.
        steps: for which its runs were trained there.
        takes: RESULTS, WEIGHTS or SEEDS.
        runs: the folders of its runs, in order, below the folder of the other study.
    """

    study: str
    number: int
    steps: int
    takes: str
    runs: tuple[str, ...] = ()

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "Source":
        """A source as the storage keeps it."""
        return cls(**{**written, "runs": tuple(written["runs"])})

    def __str__(self) -> str:
        return f"trial {self.number} of {self.study}"


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
        replicates: how many replicates that finished trial is to have then, or this one where it is
            taken from another study.
        seed: the seed of the other study with which `first` gives the run's seed; None where that
            is the seed of this study.
        source: the trial of another study that this one stands for.
        confirms: which run it is of those that confirm the decision.
    """

    first: int | None = None
    before: int | None = None
    retry: int = 0
    point: int | None = None
    adds_to: int | None = None
    replicates: int | None = None
    seed: int | None = None
    source: Source | None = None
    confirms: Confirms | None = None

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "Origin":
        """An origin as the storage keeps it; keys that are none of its fields are left out."""
        found: dict[str, Any] = {STORED[k]: value for k, value in written.items() if k in STORED}
        if "source" in found:
            found["source"] = Source.read(found["source"])
        if "confirms" in found:  # a list in the storage
            found["confirms"] = Confirms(*found["confirms"])
        return cls(**found)

    def written(self) -> dict[str, Any]:
        """What the storage keeps: the fields that are set, by their stored names."""
        every = {key: getattr(self, name) for key, name in STORED.items()}
        every["source"] = asdict(self.source) if self.source else None
        return {k: v for k, v in every.items() if v is not None and (k, v) != ("retry", 0)}


DRAWN = Origin()


def origin(trial: "FrozenTrial") -> Origin:
    """Why a trial was made. Of another program's trial nothing is known."""
    written = trial.user_attrs.get(ORIGIN)
    if isinstance(written, Mapping) and is_ours(trial):
        return Origin.read(written)
    return DRAWN


def first_attempt(trial: "FrozenTrial") -> int:
    """The number of the first attempt at a trial's run: the trial's own, unless it repeats a lost
    trial, adds replicates to a finished one, or is taken from another study, where that number is
    of the other study."""
    first = origin(trial).first
    return trial.number if first is None else first


def numbered(trials: "Sequence[FrozenTrial]", number: int) -> "FrozenTrial | None":
    """The trial of a number; None where it was deleted from the storage.

    Args:
        trials: all of the study, in the order of their numbers.
        number: which an origin names, or a user.
    """
    place = bisect_left(trials, number, key=attrgetter("number"))
    found = trials[place] if place < len(trials) else None
    return found if found is not None and found.number == number else None


def existing(trials: "Sequence[FrozenTrial]", number: int) -> "FrozenTrial":
    """As `numbered`.

    Raises:
        UserError: the trial was deleted from the storage.
    """
    found = numbered(trials, number)
    if found is None:
        raise UserError(f"trial {number} is not in the storage any more")
    return found
