"""What has become of a trial, in every case, and what follows for budget, tables and display."""

import time
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from betafront.study.results.table import complete
from betafront.study.trials.lease import LEASE
from betafront.study.trials.origin import Confirms, Origin, origin
from betafront.study.trials.ours import IMPORTED, ORIGIN, RECORD, has_record
from betafront.study.trials.status import (
    OVER_BUDGET,
    REASON,
    RELEASED,
    TAKEN,
    Status,
    finished,
    numbers_by_word,
    reason,
    status,
)

ADDS = {ORIGIN: {"first": 0, "tops": 0, "replicates": 3}}
CONFIRMS = {ORIGIN: {"confirms": [0, 0.5, 0, 4]}}
AGAIN = {ORIGIN: {"first": 0, "before": 0, "retry": 1}}
EXPIRED = {LEASE: {"machine": "another", "until": 0.0}}
HELD = {LEASE: {"machine": "another", "until": 1e12}}
FAILED = HELD | {REASON: "diverged: at step 3"}
STOPPED = HELD | {REASON: "pruned: at step 50 of 400"}
RECORDED = HELD | {RECORD: {"metrics": {}, "scale": {}, "folder": "trial-0000"}}
OF_OTHER_STUDY = HELD | {RECORD: {"metrics": {}, "scale": {}, "folder": "trial-0007"}}
COPIED = {IMPORTED: {"study": "another"}}
# What other programs may keep under our names.
GARBAGE = {LEASE: "two years", ORIGIN: {"a": 1}, RECORD: "of 2021", REASON: 3, IMPORTED: True}
CASES: list[tuple[TrialState, dict[str, Any], Status]] = [
    (TrialState.WAITING, {}, Status.WAITING),
    (TrialState.WAITING, GARBAGE, Status.WAITING),
    (TrialState.WAITING, RECORDED, Status.WAITING),  # a copy of a trial of ours, to be run again
    (TrialState.RUNNING, HELD, Status.RUNNING),
    (TrialState.RUNNING, EXPIRED, Status.ABANDONED),
    (TrialState.RUNNING, EXPIRED | ADDS, Status.ABANDONED),
    (TrialState.RUNNING, HELD | ADDS, Status.ADDING),
    (TrialState.COMPLETE, RECORDED, Status.COMPLETE),
    (TrialState.COMPLETE, RECORDED | AGAIN, Status.COMPLETE),
    (TrialState.COMPLETE, OF_OTHER_STUDY | AGAIN, Status.COMPLETE),  # by an earlier attempt
    (TrialState.COMPLETE, RECORDED | ADDS, Status.ADDED),
    (TrialState.COMPLETE, COPIED, Status.IMPORTED),
    (TrialState.FAIL, FAILED, Status.FAILED),
    (TrialState.FAIL, FAILED | ADDS, Status.NOT_ADDED),
    (TrialState.FAIL, HELD, Status.LOST),
    (TrialState.FAIL, HELD | {RELEASED: True}, Status.LOST),
    (TrialState.FAIL, HELD | ADDS, Status.LOST_ADDING),
    (TrialState.FAIL, HELD | {REASON: OVER_BUDGET}, Status.GIVEN_BACK),
    (TrialState.FAIL, HELD | {REASON: TAKEN} | ADDS, Status.GIVEN_BACK),
    (TrialState.FAIL, HELD | {REASON: "refused: the space has no x"}, Status.REFUSED),
    (TrialState.PRUNED, HELD, Status.FAILED),  # by another program
    (TrialState.PRUNED, STOPPED, Status.PRUNED),
    (TrialState.PRUNED, STOPPED | AGAIN, Status.PRUNED),
    (TrialState.RUNNING, EXPIRED | CONFIRMS, Status.ABANDONED),
    (TrialState.RUNNING, HELD | CONFIRMS, Status.CONFIRMING),
    (TrialState.COMPLETE, RECORDED | CONFIRMS, Status.CONFIRMS),
    (TrialState.FAIL, FAILED | CONFIRMS, Status.NOT_CONFIRMS),
    (TrialState.FAIL, HELD | CONFIRMS, Status.LOST_CONFIRMING),
    (TrialState.FAIL, HELD | {REASON: TAKEN} | CONFIRMS, Status.GIVEN_BACK),
    # Told by another program, or copied from another study, though a worker of ours had made it.
    (TrialState.COMPLETE, HELD, Status.FOREIGN),
    (TrialState.COMPLETE, HELD | ADDS, Status.FOREIGN),
    (TrialState.COMPLETE, OF_OTHER_STUDY, Status.FOREIGN),
    *((state, {}, Status.FOREIGN) for state in TrialState if state is not TrialState.WAITING),
    *((state, GARBAGE, Status.FOREIGN) for state in TrialState if state is not TrialState.WAITING),
]
# Of each status: how tables call it, and whether it counts, is done again, and is news.
FACTS = {
    Status.WAITING: ("waiting", True, False, False),
    Status.REFUSED: ("refused", False, False, True),
    Status.FOREIGN: ("foreign", False, False, False),
    Status.RUNNING: ("running", True, False, False),
    Status.ABANDONED: ("lost", True, False, False),
    Status.COMPLETE: ("complete", True, False, True),
    Status.FAILED: ("failed", True, False, True),
    Status.PRUNED: ("pruned", True, False, True),
    Status.LOST: ("lost", False, True, True),
    Status.GIVEN_BACK: ("", False, False, False),
    Status.IMPORTED: ("", False, False, False),
    Status.ADDING: ("running", False, False, False),
    Status.ADDED: ("", False, False, True),
    Status.NOT_ADDED: ("", False, False, True),
    Status.LOST_ADDING: ("", False, True, True),
    Status.CONFIRMING: ("running", False, False, False),
    Status.CONFIRMS: ("", False, False, True),
    Status.NOT_CONFIRMS: ("", False, False, True),
    Status.LOST_CONFIRMING: ("", False, True, True),
}


def trial(state: TrialState, attrs: dict[str, Any]) -> FrozenTrial:
    values = [1.0] if state is TrialState.COMPLETE else None
    made = create_trial(state=state, values=values, user_attrs=attrs)
    made.number = 0
    return made


@pytest.mark.parametrize(("state", "attrs", "expected"), CASES)
def test_the_status_of_a_trial(state: TrialState, attrs: dict[str, Any], expected: Status) -> None:
    made = trial(state, attrs)
    assert status(made, time.time()) is expected
    if expected is not Status.ABANDONED:  # which the storage alone does not tell
        assert status(made) is expected
    else:
        assert status(made).runs


def test_what_follows_from_a_status() -> None:
    assert {s: (s.word, s.counts, s.again, s.is_news) for s in Status} == FACTS
    assert [s for s in Status if s.failed] == [Status.FAILED, Status.NOT_ADDED, Status.NOT_CONFIRMS]


def test_trials_are_counted_by_word_and_against_the_budget() -> None:
    trials = [trial(state, attrs) for state, attrs, _ in CASES]
    found = numbers_by_word(trials, time.time())
    assert found == {
        "complete": 3, "failed": 2, "running": 3, "lost": 5, "pruned": 2, "waiting": 3,
        "refused": 1, "foreign": 11,
    }  # fmt: skip
    assert finished(trials) == 7


def test_what_counts_as_complete_is_what_stands_in_the_table() -> None:
    trials = [trial(state, attrs) for state, attrs, _ in CASES]
    shown = complete(trials)
    assert len(shown) == numbers_by_word(trials, time.time())["complete"]
    assert all(t.state.is_finished() and status(t).counts for t in shown)
    assert all(has_record(t) for t in shown)


def test_every_failure_has_a_reason() -> None:
    assert reason(trial(TrialState.FAIL, FAILED)) == "diverged: at step 3"
    assert reason(trial(TrialState.FAIL, HELD)) == "stale: its worker was lost"
    assert reason(trial(TrialState.PRUNED, {})) == "pruned: by another program"


RUN = Confirms(trial=7, factor=0.5, seed=1, times=4)


@pytest.mark.parametrize(
    "why", [Origin(), Origin(point=0), Origin(0, 1, 2), Origin(3, adds_to=3), Origin(confirms=RUN)]
)
def test_an_origin_is_written_and_read(why: Origin) -> None:
    assert origin(trial(TrialState.FAIL, HELD | {ORIGIN: why.written()})) == why
    assert origin(trial(TrialState.FAIL, {ORIGIN: why.written()})) == Origin()  # no worker of ours
    assert "adds_to" not in why.written()  # the storage calls it `tops`
