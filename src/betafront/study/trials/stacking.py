"""How many trials a worker holds at once, and which: those whose runs train as one program
(`study.stack`)."""

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from betafront.study.search.grammar import name_of
from betafront.study.spec import AUTO, Spec
from betafront.study.trials.lease import Worker, lease_of
from betafront.study.trials.origin import Origin, origin
from betafront.study.trials.pace import part_done
from betafront.study.trials.status import status
from betafront.study.trials.steps import planned_steps, steps_used
from betafront.study.trials.tally import Tally

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

WEIGHT = "objective.weight"
OF_OBJECTIVE = ("normalisation", "schedule", "shaping", "controller")
"""Parts of a run of which the runs of a stack may have each its own."""
WITH_NUMBERS = ("optimizer", "lr_schedule", "likelihood", "penalty")
"""Parts which the runs of a stack share, and in whose numbers they may differ."""


def stacks_in_words(spec: Spec) -> str:
    """How many runs a worker of the study trains at once; empty for one."""
    if spec.stack == AUTO:
        return " (stacks where they pay)"
    return "" if spec.stack == 1 else f" (stacks of {spec.stack})"


def of_study(spec: Spec) -> int:
    """How many runs are trained as one program, as far as the study says it."""
    return spec.stack if isinstance(spec.stack, int) else 1


def program(params: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a trial's parameters that say what its runs compute (the model, the data, the number
    of steps, …), and not with which numbers. Trials that are equal in them may be stacked; whether
    their runs train as one program, `betafront.training.fit` finds from their parts.

    Args:
        params: of a trial, or some of them.
    """
    return {key: value for key, value in params.items() if not _may_differ(name_of(key), value)}


def _may_differ(name: str, value: Any) -> bool:
    part, _, rest = name.partition(".")
    if name == WEIGHT or part in OF_OBJECTIVE:
        return True
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return part in WITH_NUMBERS and bool(rest) and number


def may_suit(given: Mapping[str, Any], trial: "FrozenTrial") -> bool:
    """Whether a point of which these parameters are given can have the program of a trial."""
    wanted = program(trial.params)
    return all(key in wanted and wanted[key] == value for key, value in program(given).items())


def is_stacked(why: Origin) -> bool:
    """Whether a trial of this origin may be held together with others: its runs begin now, or go on
    from where an earlier attempt has left them. Runs that confirm a decision, add replicates or are
    taken from another study are trained by themselves."""
    return why.confirms is None and why.adds_to is None and why.source is None


def goes_beside(why: Origin, other: Origin) -> bool:
    """Whether a trial may be stacked with another one, by their origins: runs that go on from a
    checkpoint do not train with runs that begin."""
    same = (why.before is None) == (other.before is None)
    return is_stacked(why) and is_stacked(other) and same


def most_at_once(runs: int, spec: Spec, tally: Tally, trial: "FrozenTrial", worker: Worker) -> int:
    """How many trials a worker may hold, one at least: as many as so many runs are, and no more
    than its fair share of what is left of the budget, so that no worker is without a trial while
    another one holds several that it has not come to.

    Args:
        runs: that are trained as one program.
        spec: of the study.
        tally: of its trials.
        trial: that the worker holds already.
        worker: that asks.
    """
    if runs == 1 or not is_stacked(origin(trial)):
        return 1
    running = [t for t in tally.not_plain if status(t, time.time()).runs]
    left = spec.trials - tally.finished - sum(map(part_done, running))
    planned = planned_steps(trial, spec)
    if spec.steps is not None:
        if not planned:  # before it has begun nobody knows: then one after another
            return 1
        left = min(left, (spec.steps - steps_used(tally.trials, spec)) / planned)
    names = {(lease_of(t) or {}).get("name") for t in running} | {worker.name}
    share = math.ceil(left / max(spec.workers, len(names)))
    return max(min(runs // spec.replicates, share), 1)
