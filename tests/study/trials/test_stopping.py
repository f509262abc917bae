import time
from datetime import datetime, timedelta

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from tests.study.conftest import a_spec

from betafront.study.trials.lease import LEASE, LEASE_SECONDS
from betafront.study.trials.ours import RECORD, trial_folder
from betafront.study.trials.status import REASON
from betafront.study.trials.stopping import out_of_time, seconds_spent, too_many_failures


def trial(
    number: int, start: float = 0, end: float | None = 1, why: str | None = None, beat: float = 0
) -> FrozenTrial:
    """A trial from `start` to `end` (seconds before now), failed where it has a reason."""
    state = TrialState.RUNNING if end is None else TrialState.FAIL if why else TrialState.COMPLETE
    made = create_trial(
        state=state,
        values=[0.0, 0.0] if state == TrialState.COMPLETE else None,
        user_attrs={
            LEASE: {"until": time.time() - beat + LEASE_SECONDS},
            RECORD: {"metrics": {}, "scale": {}, "folder": trial_folder(number)},
        }
        | ({REASON: why} if why and why != "lost" else {}),
    )
    made.number = number
    made.datetime_start = datetime.now() - timedelta(seconds=start)
    made.datetime_complete = None if end is None else datetime.now() - timedelta(seconds=end)
    return made


def test_time_is_that_in_which_anything_ran_and_a_pause_is_free() -> None:
    trials = [trial(0, 100, 90), trial(1, 95, 85), trial(2, 50, 40), trial(3, 48, 45)]
    assert seconds_spent(trials) == pytest.approx(25, abs=1)
    assert seconds_spent([*trials, trial(4, 10, None)]) == pytest.approx(35, abs=1)


def test_a_trial_found_lost_long_after_took_the_time_until_its_last_beat() -> None:
    lost = trial(0, 5000, 0, "lost", beat=4000)
    assert seconds_spent([lost]) == pytest.approx(1000 + LEASE_SECONDS, abs=2)
    stale = trial(0, 5000, 0, "stale: its worker was lost 4 times in a row", beat=4000)
    assert seconds_spent([stale]) == pytest.approx(1000 + LEASE_SECONDS, abs=2)


def test_the_time_of_a_study_is_up() -> None:
    trials = [trial(0, 100, 90)]
    assert out_of_time(a_spec(), trials) is None
    assert out_of_time(a_spec(seconds=11), trials) is None
    assert "study.budget.seconds" in (out_of_time(a_spec(seconds=9), trials) or "")


@pytest.mark.parametrize(
    ("limit", "failed", "of", "stops"),
    [(2, 2, 4, False), (2, 3, 4, True), (0, 1, 40, True), (0.5, 2, 3, False), (0.5, 3, 5, True),
     (0.5, 5, 10, False), (None, 39, 40, False)],
)  # fmt: skip
def test_a_count_and_a_rate_of_failures(
    limit: float | None, failed: int, of: int, stops: bool
) -> None:
    trials = [trial(0)] + [
        trial(i, why="failed: boom" if i <= failed else None) for i in range(1, of)
    ]
    said = too_many_failures(a_spec(max_failures=limit), trials)
    assert (said is not None) == stops
    assert not stops or "study.max_failures" in (said or "")


def test_fail_fast_stops_at_the_first_failure_of_this_launch() -> None:
    trials = [trial(0), trial(1, why="diverged: at step 3"), trial(2)]
    assert "trial 1 diverged" in (too_many_failures(a_spec(fail_fast=True), trials) or "")
    assert too_many_failures(a_spec(fail_fast=True), trials, since=2) is None


def test_a_sweep_whose_first_trials_all_fail_the_same_way_says_why() -> None:
    def failing(*reasons: str) -> list[FrozenTrial]:
        return [trial(i, why=why) for i, why in enumerate(reasons)]

    same = [f"failed: ValueError: bad shape {n}" for n in range(3)]
    said = too_many_failures(a_spec(), failing(*same))
    assert said == f"the first 3 trials all failed the same way: {same[0]}"
    assert too_many_failures(a_spec(), failing(*same[:2])) is None
    assert too_many_failures(a_spec(), failing(*same[:2], "diverged: at step 1")) is None
    assert too_many_failures(a_spec(workers=4), failing(*same)) is None
    assert too_many_failures(a_spec(), [trial(0), *failing(*same)[1:]]) is None
    mended = [*failing(*same), trial(3)]
    assert too_many_failures(a_spec(), mended, since=3) is None


def test_lost_trials_are_no_failures() -> None:
    trials = [trial(i, why="lost") for i in range(5)]
    assert too_many_failures(a_spec(fail_fast=True, max_failures=0), trials) is None
