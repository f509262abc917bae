"""When a sweep stops before its trials are done: its time is up, its steps are used, or too much
fails."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from betafront.study.spec import Spec
from betafront.study.trials.lease import lease_of
from betafront.study.trials.pace import covered
from betafront.study.trials.status import (
    Status,
    kind_of_failure,
    reason,
    reason_without_numbers,
    status,
)
from betafront.study.trials.steps import in_words, steps_used

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FIRST_FAILURES = 3  # in the same way before any trial succeeds, or one per worker, stop a launch
LEAST_FOR_A_RATE = 5  # trials of which a rate of failures is taken, where fewer have ended


def stopped(spec: Spec, trials: "Sequence[FrozenTrial]", since: int) -> str | None:
    """Why a study shall not go on now: its time is up, its steps are used, or too much fails.

    Args:
        spec: of the study.
        trials: all of the study.
        since: the number from which trials belong to this launch.
    """
    return out_of_budget(spec, trials) or too_many_failures(spec, trials, since)


def out_of_budget(spec: Spec, trials: "Sequence[FrozenTrial]") -> str | None:
    """Why a study that has used up its time or its steps shall not go on, though it has not all of
    its trials; None while there is enough of both."""
    return out_of_time(spec, trials) or out_of_steps(spec, trials)


def out_of_time(spec: Spec, trials: "Sequence[FrozenTrial]") -> str | None:
    """Why a study that has used up its wall-clock time shall not go on: over all workers and all
    resumes. None while there is time."""
    if spec.seconds is None:
        return None
    spent = seconds_spent(trials)
    if spent < spec.seconds:
        return None
    return (
        f"the {spec.seconds:g} s of study.budget.seconds are used ({spent:.0f} s): a larger "
        "study.budget.seconds goes on"
    )


def out_of_steps(spec: Spec, trials: "Sequence[FrozenTrial]") -> str | None:
    """Why a study that has used up its optimiser steps shall not go on: over all workers and all
    resumes. None while trials may begin, and where steps that were kept for running trials may come
    free again, since trials end early."""
    if spec.steps is None:
        return None
    ended = [t for t in trials if t.state.is_finished()]
    used = steps_used(ended, spec)
    if used < spec.steps:
        return None
    return (
        f"the {in_words(spec.steps)} of study.budget.steps are used ({used:,}): a larger "
        "study.budget.steps goes on"
    )


def seconds_spent(trials: "Sequence[FrozenTrial]") -> float:
    """The time in which at least one trial was running, without the pauses between launches, and
    without the runs that confirm the decision and those of other programs."""
    return covered(
        (t.datetime_start.timestamp(), _end(t))
        for t in trials
        if t.datetime_start and _takes_time(t)
    )


def _takes_time(trial: "FrozenTrial") -> bool:
    found = status(trial)
    return found is not Status.FOREIGN and not found.of_confirmation


def _end(trial: "FrozenTrial") -> float:
    """When a trial ended, or was last known to run: a lost trial is ended by the worker that finds
    it, perhaps in a later launch."""
    is_stale = trial.state is TrialState.FAIL and kind_of_failure(trial) == "stale"
    if trial.datetime_complete and not is_stale:
        return trial.datetime_complete.timestamp()
    lease = lease_of(trial)
    return min(time.time(), lease["until"] if lease else 0.0)


def too_many_failures(spec: Spec, trials: "Sequence[FrozenTrial]", since: int = 0) -> str | None:
    """Why a study with these failures shall not go on; None if it may.

    Args:
        spec: of the study.
        trials: all of the study.
        since: the number from which trials belong to this launch: the cause of an earlier failure
            may have been mended.
    """
    # Asked before every trial, and mostly nothing has failed: the quick question comes first.
    failed = sum(t.state is not TrialState.COMPLETE and is_failed(t) for t in trials)
    if not failed:
        return None
    ended = [t for t in trials if t.state.is_finished() and status(t).counts]
    of_launch = [t for t in ended if t.number >= since]
    if spec.fail_fast and any(map(is_failed, of_launch)):
        first = next(filter(is_failed, of_launch))
        return f"study.fail_fast: trial {first.number} {reason(first)}"
    if spec.max_failures is not None and failed > _most(spec.max_failures, len(ended)):
        return (
            f"{failed} of {len(ended)} trials failed, more than study.max_failures="
            f"{spec.max_failures:g} allows: mend what fails, or allow more"
        )
    return _all_the_same(of_launch, max(FIRST_FAILURES, spec.workers))


def is_failed(trial: "FrozenTrial") -> bool:
    """Whether a trial that takes budget has failed."""
    return status(trial) is Status.FAILED


def _most(limit: float, ended: int) -> float:
    """The number of failures that a count, or a rate below 1, allows."""
    return limit if limit >= 1 or limit == 0 else limit * max(ended, LEAST_FOR_A_RATE)


def _all_the_same(ended: "Sequence[FrozenTrial]", enough: int) -> str | None:
    if len(ended) < enough or not all(map(is_failed, ended)):
        return None
    if len({reason_without_numbers(t) for t in ended}) > 1:
        return None
    return f"the first {len(ended)} trials all failed the same way: {reason(ended[0])}"
