"""What has become of a trial, in every case, and what follows for budget, tables and display."""

import time
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from betafront.study.trials.lease import LEASE
from betafront.study.trials.origin import ORIGIN, Confirms, Origin, origin
from betafront.study.trials.status import (
    IMPORTED,
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
FAILED = {REASON: "diverged: at step 3"}
CASES: list[tuple[TrialState, dict[str, Any], Status]] = [
    (TrialState.WAITING, {}, Status.WAITING),
    (TrialState.RUNNING, {LEASE: {"machine": "another", "until": 1e12}}, Status.RUNNING),
    (TrialState.RUNNING, EXPIRED, Status.ABANDONED),
    (TrialState.RUNNING, EXPIRED | ADDS, Status.ABANDONED),
    (TrialState.RUNNING, {LEASE: {"machine": "another", "until": 1e12}} | ADDS, Status.ADDING),
    (TrialState.COMPLETE, {}, Status.COMPLETE),
    (TrialState.COMPLETE, AGAIN, Status.COMPLETE),
    (TrialState.COMPLETE, ADDS, Status.ADDED),
    (TrialState.COMPLETE, {IMPORTED: {}}, Status.IMPORTED),
    (TrialState.FAIL, FAILED, Status.FAILED),
    (TrialState.FAIL, FAILED | ADDS, Status.NOT_ADDED),
    (TrialState.FAIL, {}, Status.LOST),
    (TrialState.FAIL, {RELEASED: True}, Status.LOST),
    (TrialState.FAIL, ADDS, Status.LOST_ADDING),
    (TrialState.FAIL, {REASON: OVER_BUDGET}, Status.GIVEN_BACK),
    (TrialState.FAIL, {REASON: TAKEN} | ADDS, Status.GIVEN_BACK),
    (TrialState.PRUNED, {}, Status.FAILED),
    (TrialState.RUNNING, EXPIRED | CONFIRMS, Status.ABANDONED),
    (
        TrialState.RUNNING,
        {LEASE: {"machine": "another", "until": 1e12}} | CONFIRMS,
        Status.CONFIRMING,
    ),
    (TrialState.COMPLETE, CONFIRMS, Status.CONFIRMS),
    (TrialState.FAIL, FAILED | CONFIRMS, Status.NOT_CONFIRMS),
    (TrialState.FAIL, CONFIRMS, Status.LOST_CONFIRMING),
    (TrialState.FAIL, {REASON: TAKEN} | CONFIRMS, Status.GIVEN_BACK),
]
# Of each status: how tables call it, and whether it counts, is done again, and is news.
FACTS = {
    Status.WAITING: ("", True, False, False),
    Status.RUNNING: ("running", True, False, False),
    Status.ABANDONED: ("lost", True, False, False),
    Status.COMPLETE: ("complete", True, False, True),
    Status.FAILED: ("failed", True, False, True),
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
    return create_trial(state=state, values=values, user_attrs=attrs)


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
    assert list(found.items()) == [("complete", 2), ("failed", 2), ("running", 3), ("lost", 5)]
    assert finished(trials) == 4


def test_every_failure_has_a_reason() -> None:
    assert reason(trial(TrialState.FAIL, FAILED)) == "diverged: at step 3"
    assert reason(trial(TrialState.FAIL, {})) == "stale: its worker was lost"
    assert reason(trial(TrialState.PRUNED, {})) == "pruned: by another program"


RUN = Confirms(trial=7, factor=0.5, seed=1, times=4)


@pytest.mark.parametrize(
    "why", [Origin(), Origin(point=0), Origin(0, 1, 2), Origin(3, adds_to=3), Origin(confirms=RUN)]
)
def test_an_origin_is_written_and_read(why: Origin) -> None:
    assert origin(trial(TrialState.FAIL, {ORIGIN: why.written()})) == why
    assert "adds_to" not in why.written()  # the storage calls it `tops`
