"""When a sweep stops before its trials are done: its time is up, or too much fails."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from betafront.study.spec import Spec
from betafront.study.trials.lease import LEASE
from betafront.study.trials.ledger import counts, is_failed, kind, outline, reason
from betafront.study.trials.pace import covered

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FIRST_FAILURES = 3  # that fail the same way before anything succeeds, or one per worker
ENOUGH_FOR_A_RATE = 5


def stopped(spec: Spec, trials: "Sequence[FrozenTrial]", since: int) -> str | None:
    """Why a study shall not go on now: its time is up, or too much fails.

    Args:
        spec: of the study.
        trials: all of them.
        since: the number from which trials belong to this launch.
    """
    return out_of_time(spec, trials) or too_many_failures(spec, trials, since)


def out_of_time(spec: Spec, trials: "Sequence[FrozenTrial]") -> str | None:
    """Whether the study has used up its wall-clock time, over all workers and all resumes."""
    if spec.seconds is None:
        return None
    spent = seconds_spent(trials)
    if spent < spec.seconds:
        return None
    return (
        f"the {spec.seconds:g} s of study.budget.seconds are used ({spent:.0f} s): a larger "
        "study.budget.seconds goes on"
    )


def seconds_spent(trials: "Sequence[FrozenTrial]") -> float:
    """The time in which at least one trial was running; pauses between two launches are free."""
    return covered((t.datetime_start.timestamp(), _ended(t)) for t in trials if t.datetime_start)


def _ended(trial: "FrozenTrial") -> float:
    """When a trial ended, or was last known to run: a lost one is found only by the next launch."""
    found_lost = is_failed(trial) and kind(trial) == "stale"
    if trial.datetime_complete and not found_lost:
        return trial.datetime_complete.timestamp()
    until: float = trial.user_attrs.get(LEASE, {"until": 0.0})["until"]
    return min(time.time(), until)


def too_many_failures(spec: Spec, trials: "Sequence[FrozenTrial]", since: int = 0) -> str | None:
    """Why a study with these failures should not go on.

    Args:
        spec: of the study.
        trials: all of them.
        since: the number from which trials belong to this launch; what failed before it may have
            been mended.
    """
    failed = [t for t in trials if is_failed(t) and counts(t)]
    if not failed:  # mostly so, and asked before every trial
        return None
    ended = [t for t in trials if counts(t) and t.state.is_finished()]
    fresh = [t for t in ended if t.number >= since]
    if spec.fail_fast and any(is_failed(t) for t in fresh):
        last = next(t for t in fresh if is_failed(t))
        return f"study.fail_fast: trial {last.number} {reason(last)}"
    if spec.max_failures is not None and len(failed) > _most(spec.max_failures, len(ended)):
        return (
            f"{len(failed)} of {len(ended)} trials failed, more than study.max_failures="
            f"{spec.max_failures:g} allows: mend what fails, or allow more"
        )
    return _all_the_same(fresh, max(FIRST_FAILURES, spec.workers))


def _most(limit: float, ended: int) -> float:
    """The number of failures that a count, or a rate below 1, allows."""
    return limit if limit >= 1 or limit == 0 else limit * max(ended, ENOUGH_FOR_A_RATE)


def _all_the_same(fresh: "Sequence[FrozenTrial]", enough: int) -> str | None:
    if len(fresh) < enough or not all(is_failed(t) for t in fresh):
        return None
    if len({outline(t) for t in fresh}) > 1:
        return None
    return f"the first {len(fresh)} trials all failed the same way: {reason(fresh[0])}"
