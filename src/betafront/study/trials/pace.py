"""How fast a sweep goes, read off its trials: the same from whichever process looks."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from betafront.study.trials.lease import progress
from betafront.study.trials.origin import RESULTS, origin
from betafront.study.trials.status import Status, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

WINDOW_SECONDS = 600.0  # over which the pace is measured
MINUTE, HOUR, DAY = 60, 3600, 86400


def part_done(trial: "FrozenTrial") -> float:
    """How much of a running trial is done, from 0 to 1, when its lease was last renewed."""
    return min(runs_done(trial) / progress(trial).get("replicates", 1), 1.0)


def runs_done(trial: "FrozenTrial") -> float:
    """How many runs of a running trial were done when its lease was last renewed, with the parts of
    those that are trained."""
    now = progress(trial)
    part = now.get("step", 0) / max(now.get("steps", 1), 1)
    return now.get("replicate", 1) - 1 + now.get("at_once", 1) * part


def pace(trials: "Sequence[FrozenTrial]", now: float) -> float:
    """Trials per second over the last minutes in which any trial was running; of a running trial
    the part that is done counts. 0 where nothing is known yet.

    Args:
        trials: of the study.
        now: Unix time.
    """
    since, work = now - WINDOW_SECONDS, 0.0
    spans: list[tuple[float, float]] = []
    for trial in trials:
        span = _span(trial, now)
        if span is None or span[1] <= since:
            continue
        start, end = span
        done = 1.0 if trial.state.is_finished() else part_done(trial)
        work += done * (end - max(start, since)) / max(end - start, 1e-9)
        spans.append((max(start, since), end))
    return work / max(covered(spans), 1e-9) if work else 0.0


def seconds_left(trials: "Sequence[FrozenTrial]", todo: float, now: float) -> float:
    """How long the trials that have not ended will take at this pace; infinite where nothing is
    known yet.

    Args:
        trials: of the study.
        todo: how many have not ended, whether they run or not.
        now: Unix time.
    """
    speed = pace(trials, now)
    if speed == 0.0:
        return float("inf")
    begun = sum(
        part_done(t) for t in trials if (found := status(t, now)).runs and not found.of_confirmation
    )
    return max(todo - begun, 0.0) / speed


def duration(seconds: float) -> str:
    """Seconds in words: `45 s`, `12 min`, `3.5 h`, `2.1 days`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * MINUTE:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"


def clock(seconds: float) -> str:
    """Seconds as a clock shows them: `0:07`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


NO_WORK = (Status.GIVEN_BACK, Status.LOST, Status.LOST_ADDING, Status.ABANDONED, Status.FOREIGN)


def _span(trial: "FrozenTrial", now: float) -> tuple[float, float] | None:
    """From when to when a trial was trained; None where nothing came of it, or not yet, where it
    was taken over from another study, and for a run that confirms the decision, which is longer
    than a trial."""
    found = status(trial, now)
    if trial.datetime_start is None or found in NO_WORK or found.of_confirmation:
        return None
    source = origin(trial).source
    if source is not None and source.takes == RESULTS:
        return None
    end = trial.datetime_complete.timestamp() if trial.datetime_complete else now
    return trial.datetime_start.timestamp(), end


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the union of intervals."""
    length, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        length += max(0.0, end - max(start, until))
        until = max(until, end)
    return length
