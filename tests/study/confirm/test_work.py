"""The runs that confirm a decision are claimed, lost and taken up again as trials are, and take
nothing of the budget."""

import pytest
from optuna.trial import FrozenTrial
from tests.study.conftest import SLEEPING, SPACE, a_spec, a_worker, done

from betafront.study.storage.study_store import Store
from betafront.study.trials.confirming import (
    PLAN,
    ConfirmingLedger,
    confirming_work,
    ended,
    planned_runs,
)
from betafront.study.trials.ending import end_failed, release, tell
from betafront.study.trials.lease import Worker
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import Confirms, origin
from betafront.study.trials.queue import is_met
from betafront.study.trials.status import TAKEN, Status, finished, status

RUNS = [Confirms(0, factor, 0, 4) for factor in (1.0, 0.5, 2.0)]


@pytest.fixture
def planned(store: Store) -> Store:
    """A study of three trials that are complete, with three runs planned."""
    ledger = Ledger(store, SPACE, a_worker(), 0)
    while claim := ledger.claim():
        tell(store, claim.trial, done(claim.trial), claim.spec)
    store.set(PLAN, [list(run) for run in RUNS])
    return store


def claimed(store: Store, worker: Worker | None = None) -> FrozenTrial:
    claim = ConfirmingLedger(store, SPACE, worker or a_worker(), 0).claim()
    assert claim is not None
    return claim.trial


def statuses(store: Store) -> list[Status]:
    return [status(t) for t in store.trials()]


def test_the_runs_are_trained_in_order_and_then_no_more(planned: Store) -> None:
    assert planned_runs(planned.settings()) == RUNS
    ledger = ConfirmingLedger(planned, SPACE, a_worker(), 0)
    had = []
    while claim := ledger.claim():
        had.append(origin(claim.trial).confirms)
        assert claim.trial.params == {}
        tell(planned, claim.trial, done(claim.trial), claim.spec)
    assert had == RUNS
    assert statuses(planned) == [Status.COMPLETE] * 3 + [Status.CONFIRMS] * 3
    assert ended(RUNS, planned.trials()) == set(RUNS)


def test_they_take_no_budget_and_the_sampler_does_not_see_them(planned: Store) -> None:
    trial = claimed(planned)
    tell(planned, trial, done(trial), a_spec())
    claimed(planned)
    assert finished(planned.trials()) == 3
    assert is_met(a_spec(), planned.trials())
    # A larger budget goes on with draws, and leaves them to those who confirm.
    a_spec(trials=4, sampler="tpe").store(planned)
    ledger = Ledger(planned, SPACE, a_worker(), 0)
    claim = ledger.claim()
    assert claim is not None
    assert ledger._drawing is not None
    learnt = [t for t in ledger._drawing.memory.trials if t.state.name != "FAIL"]
    assert len(learnt) == 3
    assert origin(claim.trial).confirms is None
    assert set(claim.trial.params) == {"w"}


def killed() -> None:
    process = SLEEPING.pop()
    process.kill()
    process.wait()


def test_a_lost_run_is_taken_up_again_by_who_confirms_and_by_nobody_else(planned: Store) -> None:
    gone = claimed(planned)
    killed()
    assert Ledger(planned, SPACE, a_worker(), 0).claim() is None  # which finds it lost
    a_spec(trials=4).store(planned)
    other = Ledger(planned, SPACE, a_worker(), 0).claim()
    assert other is not None
    assert origin(other.trial).before is None
    again = claimed(planned)
    assert statuses(planned)[gone.number] is Status.LOST_CONFIRMING
    assert (origin(again).confirms, origin(again).before) == (RUNS[0], gone.number)
    assert origin(again).retry == 1


def test_a_released_run_goes_on_and_a_failed_one_is_not_tried_again(planned: Store) -> None:
    first = claimed(planned)
    release(planned, first)
    again = claimed(planned)
    assert (origin(again).before, origin(again).retry) == (first.number, 0)
    end_failed(planned, again, "diverged: at step 3")
    assert statuses(planned)[-1] is Status.NOT_CONFIRMS
    assert origin(claimed(planned)).confirms == RUNS[1]
    assert finished(planned.trials()) == 3


def test_of_two_that_make_a_trial_for_the_same_run_the_first_keeps_it(
    planned: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers = [ConfirmingLedger(planned, SPACE, a_worker(), n) for n in range(2)]
    work = confirming_work(RUNS, planned.trials())
    assert work is not None
    for ledger in ledgers:  # both have seen the same trials
        ledger._make(work, a_spec(), ledger._tally)
    claims = [ledger.claim() for ledger in ledgers]
    runs = [origin(c.trial).confirms for c in claims if c]
    assert runs == RUNS[:2]
    assert [t.user_attrs.get("reason") for t in planned.trials()][4] == TAKEN
