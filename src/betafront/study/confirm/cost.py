"""What the trials of a study have cost, in optimiser steps and seconds."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from betafront.errors import UserError
from betafront.study.results.table import complete
from betafront.study.spec import STEPS, Spec
from betafront.study.trials.replicates import every_run
from betafront.study.trials.steps import given_steps

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def steps_of(spec: Spec, trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> int:
    """The optimiser steps that a run of a trial was given; of epochs whose steps differ from trial
    to trial, those that it took.

    Args:
        spec: of the study.
        trial: complete.
        trials: all of the study.

    Raises:
        UserError: the configuration does not say, as with a trainer of the user's own.
    """
    steps = given_steps(spec, trial.params)
    if steps is None and spec.by_epochs:
        stands = [run.standing for run in every_run(trial, trials)]
        steps = max((standing.steps for standing in stands if standing), default=None)
    if steps is None:
        raise UserError(
            f"the runs of {spec.name} have no {STEPS}, which a confirmation takes a multiple of"
        )
    return steps


def swept_steps(spec: Spec, trials: "Sequence[FrozenTrial]") -> int:
    """The optimiser steps that the complete trials of a study took, all of their replicates
    together: as many as were taken where that was recorded, else as many as they were given."""
    total = 0
    for trial in complete(trials):
        given = steps_of(spec, trial, trials)
        runs = every_run(trial, trials)
        total += sum(run.standing.steps if run.standing else given for run in runs)
    return total


def seconds_per_step(spec: Spec, trials: "Sequence[FrozenTrial]") -> float:
    """The seconds of training and evaluation that a complete trial took per optimiser step: the
    median."""
    return statistics.median(
        trial_seconds / (len(runs) * steps_of(spec, trial, trials))
        for trial in complete(trials)
        if (runs := every_run(trial, trials))
        and (trial_seconds := sum(run.seconds for run in runs)) > 0
    )


def wall_seconds(steps: Sequence[int], per_step: float, workers: int) -> float:
    """How long runs take that `workers` processes share.

    Args:
        steps: optimiser steps of each run.
        per_step: seconds of one step.
        workers: processes, each with a core of its own.
    """
    return per_step * max(sum(steps) / max(min(workers, len(steps)), 1), max(steps, default=0))
