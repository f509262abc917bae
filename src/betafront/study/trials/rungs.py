"""The rungs of a trial, as the storage keeps them: what it had there, for the others to be compared
with. They are user attributes: Optuna's own reports know one objective alone."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from betafront.front.table import DISTORTION, RATE
from betafront.study.pruning.own_line import AtRung
from betafront.study.trials.origin import first_attempt
from betafront.study.trials.ours import is_ours
from betafront.study.trials.status import Status, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RUNGS = "rungs"
"""The user attribute: a list, the rungs in the order in which the trial has come to them."""


@dataclass(frozen=True)
class Rung:
    """A rung that a trial has come to.

    Attributes:
        part: of the steps of the run, that the rung is at.
        step: optimiser steps taken.
        distortion, rate, beta, final, judged: as in `betafront.study.pruning.own_line.AtRung`.
        stopped: whether the run is stopped there; its trial may end later, with those of its stack.
    """

    part: float
    step: int
    distortion: float
    rate: float
    beta: float
    final: float
    judged: bool
    stopped: bool = False

    def seen(self, stopped: bool) -> AtRung:
        """The trial at the rung, for the rule."""
        return AtRung(self.distortion, self.rate, self.beta, self.final, self.judged, stopped)

    def written(self) -> dict[str, Any]:
        """As the storage keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Rung | None":
        """A rung as the storage keeps it; None of what another program may have written there."""
        try:
            written = {"stopped": False, **kept}
            found = cls(**{name: written[name] for name in cls.__dataclass_fields__})
            numbers = (found.part, found.distortion, found.rate, found.beta, found.final)
            return found if all(map(math.isfinite, numbers)) else None
        except (KeyError, TypeError):
            return None


def rungs_of(trial: "FrozenTrial") -> list[Rung]:
    """The rungs that a trial of ours has come to, in order."""
    kept = trial.user_attrs.get(RUNGS)
    if not isinstance(kept, list) or not is_ours(trial):
        return []
    found = (Rung.read(one) for one in kept if isinstance(one, Mapping))
    return [one for one in found if one is not None]


def others_at(part: float, trial: "FrozenTrial", trials: "Iterable[FrozenTrial]") -> list[AtRung]:
    """What the runs of other trials have had at a rung; of several attempts at a run the last one.

    Args:
        part: which rung.
        trial: that is compared with them.
        trials: of the study, in the order of their numbers.
    """
    own, found = first_attempt(trial), dict[int, AtRung]()
    for other in trials:
        rungs = rungs_of(other)
        stopped = status(other) is Status.PRUNED or any(rung.stopped for rung in rungs)
        for rung in rungs:
            if rung.part == part and first_attempt(other) != own:
                found[first_attempt(other)] = rung.seen(stopped)
    return list(found.values())


def reached(trial: "FrozenTrial", objectives: Iterable[str]) -> list[float] | None:
    """The values of the objectives that a pruned trial had at its last rung; None where it has none
    or they are no rate and distortion.

    Args:
        trial: that is pruned.
        objectives: in order.
    """
    rungs = rungs_of(trial)
    if not rungs:
        return None
    known = {RATE: rungs[-1].rate, DISTORTION: rungs[-1].distortion}
    found = [known.get(name, math.nan) for name in objectives]
    return found if all(map(math.isfinite, found)) else None


def earlier_rungs(trial: "FrozenTrial", trials: "Iterable[FrozenTrial]") -> list[Rung]:
    """The rungs that earlier attempts at a trial's run have come to: it goes on from there.

    Args:
        trial: the attempt that begins.
        trials: of the study.
    """
    own = first_attempt(trial)
    before = (t for t in trials if t.number < trial.number and first_attempt(t) == own)
    return [replace(r, stopped=False) for attempt in before for r in rungs_of(attempt)]
