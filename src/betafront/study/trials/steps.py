"""The optimiser steps that a study has used, of `study.budget.steps`: over all workers and all
resumes.

A trial that has ended counts with the steps that its runs really took, one that runs with those
that it is to take, so that no more begin than the budget has room for. What a lost attempt has
taken is the beginning of the run that the next attempt goes on with, and counts there. Runs that
confirm the decision, and trials of other programs, count nothing.
"""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from betafront.config.overrides import bare
from betafront.study.spec import STEPS, Spec
from betafront.study.trials.lease import progress
from betafront.study.trials.origin import RESULTS, WEIGHTS, Origin, origin
from betafront.study.trials.pace import runs_done
from betafront.study.trials.queue import not_taken_up
from betafront.study.trials.rungs import rungs_of
from betafront.study.trials.status import Status, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from betafront.study.trials.tally import Tally

USED = "steps"
"""The user attribute of a trial that has ended: the optimiser steps that its runs took, summed."""

WITHOUT = (Status.FOREIGN, Status.GIVEN_BACK, Status.REFUSED, Status.IMPORTED, Status.WAITING)
"""The statuses of trials that take no steps of ours."""


def in_words(steps: int | None) -> str:
    """A number of optimiser steps that a study may use: `20,000 steps`, or `no limit`."""
    return "no limit" if steps is None else f"{steps:,} steps"


def used_in_words(trials: "Iterable[FrozenTrial]", spec: Spec) -> str:
    """How many of its optimiser steps a study has used: `12,000 of 20,000 steps`; empty where it
    may use any number."""
    return "" if spec.steps is None else f"{steps_used(trials, spec):,} of {in_words(spec.steps)}"


def given_steps(spec: Spec, params: Mapping[str, Any]) -> int | None:
    """The optimiser steps that each run of a trial is given; None where the configuration does not
    say, as with epochs of batches whose size is searched.

    Args:
        spec: of the study.
        params: of the trial.
    """
    searched = {bare(key): value for key, value in params.items()}
    steps = searched.get(STEPS, spec.base.get(STEPS))
    return steps if isinstance(steps, int) and not isinstance(steps, bool) else None


def planned_steps(trial: "FrozenTrial", spec: Spec) -> int:
    """The optimiser steps that the runs of a trial are to take, summed; 0 where only a run that has
    begun can say it.

    Args:
        trial: of the study.
        spec: of the study.
    """
    why = origin(trial)
    if why.adds_to is not None:
        runs = max((why.replicates or 1) - 1, 1)
    else:
        runs = why.replicates or spec.replicates
    each = int(given_steps(spec, trial.params) or progress(trial).get("steps", 0))
    return runs * max(each - steps_of_other_study(why), 0)


def steps_of_other_study(why: Origin) -> int:
    """The steps that another study has taken already of a run that is taken over from it."""
    source = why.source
    return source.steps if source is not None and source.takes in (RESULTS, WEIGHTS) else 0


def steps_taken(trial: "FrozenTrial", spec: Spec) -> int:
    """The optimiser steps that a trial has taken: of one that has not ended, and of one that did
    not say it, as far as is known."""
    found = status(trial)
    if found in WITHOUT or found.again or found.of_confirmation:
        return 0
    told = trial.user_attrs.get(USED)
    if trial.state.is_finished() and isinstance(told, int) and told >= 0:
        return told
    if found is Status.COMPLETE:  # of a version that did not write it
        return planned_steps(trial, spec)
    seen, rungs = round(runs_done(trial) * progress(trial).get("steps", 0)), rungs_of(trial)
    seen = max(seen, rungs[-1].step if rungs else 0)
    return max(seen - steps_of_other_study(origin(trial)), 0)


def steps_used(trials: "Iterable[FrozenTrial]", spec: Spec) -> int:
    """The optimiser steps that the trials of a study have taken so far."""
    return sum(steps_taken(t, spec) for t in trials)


def most_trials(trials: "Iterable[FrozenTrial]", spec: Spec) -> float:
    """How many trials may end yet, by the steps that are left for those that have not; infinite
    where that is not limited, or not known."""
    each = spec.base.get(STEPS)
    if spec.steps is None or not isinstance(each, int):
        return math.inf
    used = steps_used((t for t in trials if t.state.is_finished()), spec)
    return max(math.ceil((spec.steps - used) / (each * spec.replicates)), 0)


def has_steps(spec: Spec, tally: "Tally", number: int | None = None) -> bool:
    """Whether the budget has steps left for a new trial: where the trials that have ended, run or
    wait to be tried again will not have taken them all.

    Args:
        spec: of the study.
        tally: of its trials.
        number: of the new trial, so that those with higher numbers do not count; None where it is
            not made yet.
    """
    if spec.steps is None:
        return True
    below = [t for t in tally.trials if number is None or t.number < number]
    running = sum(
        max(planned_steps(t, spec) - steps_taken(t, spec), 0) for t in below if status(t).runs
    )
    again = sum(planned_steps(t, spec) for t in not_taken_up(below) if origin(t).confirms is None)
    return steps_used(below, spec) + running + again < spec.steps
