import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from tests.study.conftest import FORK, SPACE, a_spec, a_worker, lost, tallied
from tests.study.conftest import done as trained

from betafront.study.create import make
from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials import lease
from betafront.study.trials.ending import Outcome, end, end_failed, end_lost, release, tell
from betafront.study.trials.keeping import REPEATS
from betafront.study.trials.lease import Worker, renewed
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import first_attempt, origin
from betafront.study.trials.ours import RECORD
from betafront.study.trials.queue import is_met
from betafront.study.trials.replicates import Record
from betafront.study.trials.status import REASON, TAKEN, Status, finished, reason, status
from betafront.training.result import OnTheScale

Ledgers = Callable[..., Ledger]


def budget(store: Store, trials: int, **more: Any) -> Spec:
    """Give the study another budget."""
    spec = replace(Spec.of(store.settings()), trials=trials, **more)
    spec.store(store)
    return spec


def claim(ledger: Ledger) -> FrozenTrial | None:
    claimed = ledger.claim()
    return None if claimed is None else claimed[0]


def claimed(ledger: Ledger) -> FrozenTrial:
    trial = claim(ledger)
    assert trial is not None
    return trial


def done(store: Store, trial: FrozenTrial, outcome: Outcome | None = None) -> None:
    tell(store, trial, outcome or trained(trial), a_spec())


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lease's time go by."""
    then = time.time() + lease.LEASE_SECONDS + 1
    monkeypatch.setattr(lease.time, "time", lambda: then)


def noted(store: Store, trial: FrozenTrial, written: dict[str, Any]) -> bool:
    """Renew a lease, which is held for good."""
    store.note(trial.number, lease.LEASE, written)
    return True


def states(store: Store) -> list[str]:
    return [t.state.name for t in store.trials()]


def test_a_claim_ends_when_the_budget_is_met(store: Store, ledger_of: Ledgers) -> None:
    ledger = ledger_of()
    for _ in range(3):
        done(store, claimed(ledger))
    assert claim(ledger) is None
    budget(store, 4)
    assert claim(ledger) is not None  # a larger budget goes on


def test_a_claimed_trial_has_its_parameters_and_its_lease_from_the_first_moment(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    make_one = store.make

    def made(trial: FrozenTrial) -> None:
        make_one(trial)
        seen.append(store.trials()[-1])

    monkeypatch.setattr(store, "make", made)
    worker = a_worker()
    trial = claimed(ledger_of(worker))
    assert seen[0].params == trial.params
    assert seen[0].user_attrs[lease.LEASE]["name"] == worker.name


def test_a_failed_trial_takes_budget_and_a_lost_one_does_not(
    store: Store, ledger_of: Ledgers
) -> None:
    budget(store, 1)
    done(store, claimed(ledger_of()), Outcome(reason="failed: boom"))
    assert claim(ledger_of()) is None
    budget(store, 2)
    gone = lost(store)
    again = claimed(ledger_of())
    assert again.params == gone.params
    assert [status(t).counts for t in store.trials()] == [True, False, True]


def test_a_living_worker_keeps_its_trial_also_when_it_is_suspended(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(ledger_of(a_worker()))
    assert not end_lost(store, a_spec(), store.trials())
    later(monkeypatch)
    assert not end_lost(store, a_spec(), store.trials())


def test_a_lease_that_ran_out_elsewhere_is_lost(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(ledger_of(Worker("0-x", "another-host", 1, 0.0, "another machine")))
    assert not end_lost(store, a_spec(), store.trials())
    later(monkeypatch)
    assert end_lost(store, a_spec(), store.trials())


def test_a_worker_in_another_container_is_not_looked_up_by_its_number(
    store: Store, ledger_of: Ledgers
) -> None:
    """Containers may share a host's name, and each has a process 1."""
    claimed(ledger_of(Worker("0-x", socket.gethostname(), 2**22 + 1, 0.0, "another machine")))
    assert not end_lost(store, a_spec(), store.trials())


def test_a_lease_that_ran_out_elsewhere_is_believed_once_its_worker_had_time_to_renew_it(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an hour without a database all have run out, and their workers are alive."""
    other = Worker("0-x", "another-host", 1, 0.0, "another machine")
    trial = claimed(ledger_of(other))
    later(monkeypatch)
    expired = lease.ExpiredLeases()
    clock = [0.0]
    monkeypatch.setattr(lease.time, "monotonic", lambda: clock[0])
    assert expired.without_unconfirmed(store.trials()) == []
    clock[0] += lease.LeaseTimes().confirm - 1
    assert expired.without_unconfirmed(store.trials()) == []
    store.note(trial.number, lease.LEASE, other.lease() | {"until": lease.time.time() - 0.5})
    clock[0] += 2
    assert expired.without_unconfirmed(store.trials()) == []  # renewed meanwhile: it lives
    clock[0] += lease.LeaseTimes().confirm
    assert expired.without_unconfirmed(store.trials()) == store.trials()


def test_a_worker_that_is_sure_takes_up_what_another_machine_has_lost(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(store, 1, lease=0.6)
    gone = claimed(ledger_of(Worker("0-x", "another-host", 1, 0.0, "another machine")))
    later(monkeypatch)
    again = claimed(ledger_of())
    assert again.params == gone.params


def test_a_lease_is_written_anew_at_each_try_while_the_database_is_away(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the one that gets through would be as old as the outage, and have run out."""
    worker, tries = a_worker(), list[float]()
    trial = claimed(ledger_of(worker))
    through, note = threading.Event(), store._trials.note

    def away(number: int, name: str, value: Any) -> None:
        tries.append(value["until"])
        if len(tries) < 4:
            raise StorageInternalError("the server is away")
        note(number, name, value)
        through.set()

    monkeypatch.setattr(store._trials, "note", away)
    with renewed(lambda: noted(store, trial, worker.lease()), 0.3):
        assert through.wait(10)
    assert tries == sorted(set(tries))
    assert store.trials()[0].user_attrs["lease"]["until"] >= tries[3]


def test_a_trial_that_another_program_trains_is_left_to_it(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = store.study.ask(SPACE.distributions)
    later(monkeypatch)
    assert not end_lost(store, a_spec(), store.trials())
    assert [claimed(ledger_of(a_worker())).number for _ in range(3)] == [1, 2, 3]
    store.study.tell(theirs, [1.0, 2.0])
    assert status(store.trials()[0]) is Status.FOREIGN


def test_what_an_earlier_worker_of_the_same_process_left_is_taken_up(
    store: Store, ledger_of: Ledgers
) -> None:
    left = claimed(ledger_of(Worker.here(0)))  # and its loop ended by an exception
    again = claimed(ledger_of(Worker.here(1)))
    assert again.params == left.params
    assert origin(again).retry == 0  # nobody was lost


def test_two_reapers_with_the_same_old_view_end_it_once(store: Store, ledger_of: Ledgers) -> None:
    lost(store)
    before = store.trials()
    assert end_lost(store, a_spec(), before)
    end_lost(store, a_spec(), before)
    assert states(store) == ["FAIL"]
    assert claimed(ledger_of()).number == 1


def test_a_late_result_of_a_lost_lease_is_not_counted(store: Store, ledger_of: Ledgers) -> None:
    for outcome in (None, Outcome(reason="failed: too late"), Outcome(halted=True)):
        late = lost(store)
        end_lost(store, a_spec(), store.trials())
        done(store, late, outcome)
        trial = store.trials()[late.number]
        assert trial.state == TrialState.FAIL
        assert not status(trial).counts


def test_the_lease_is_renewed_while_it_is_held_and_says_how_far_the_trial_is(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = a_worker()
    trial = claimed(ledger_of(worker))
    before = trial.user_attrs["lease"]["until"]
    now = {"step": 7.0}
    with renewed(lambda: noted(store, trial, worker.lease(now)), 0.6):
        for _ in range(100):
            running = store.trials()[0]
            if running.user_attrs["lease"]["until"] > before:
                assert lease.progress(running) == now
                return
            time.sleep(0.05)
    pytest.fail("the lease was never renewed")


def test_a_lease_is_renewed_more_seldom_where_that_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    class Never(Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            asked.append(timeout)
            return len(asked) == 4

    clock = iter([0.0, 0.01, 1.0, 1.1, 2.0, 9.0])  # renewals of 0.01, 0.1 and 7 s
    monkeypatch.setattr(lease, "Event", Never)
    monkeypatch.setattr(lease.random, "uniform", lambda low, high: high)
    monkeypatch.setattr(lease.time, "monotonic", lambda: next(clock))
    with renewed(lambda: True):
        pass  # the thread is waited for
    assert asked == pytest.approx([1.2 * s for s in (5.0, 5.0, 10.0, 16.0)])


@pytest.mark.parametrize("seconds", [5.0, 60.0, 3600.0])
def test_three_renewals_fit_into_any_lease_and_ten_tries_into_the_doubt_about_it(
    seconds: float,
) -> None:
    times = lease.LeaseTimes(seconds)
    assert 3 * 1.2 * times.longest_renewal < seconds
    assert 5 * 1.2 * times.retry < times.confirm
    assert times.pause(took=0.0) == times.renewal < times.pause(took=seconds)


def test_a_lease_is_as_long_as_the_study_says_and_says_so(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who finds it run out may have read another length meanwhile."""
    budget(store, 1, lease=600.0)
    other = Worker("0-x", "another-host", 1, 0.0, "another machine")
    held = claimed(ledger_of(other)).user_attrs[lease.LEASE]
    assert held["until"] == pytest.approx(time.time() + 600, abs=60)
    later(monkeypatch)  # by the length of a lease that is not said
    assert not end_lost(store, a_spec(), store.trials())
    then = held["until"] + 1
    monkeypatch.setattr(lease.time, "time", lambda: then)
    expired, clock = lease.ExpiredLeases(), [0.0]
    monkeypatch.setattr(lease.time, "monotonic", lambda: clock[0])
    assert expired.without_unconfirmed(store.trials()) == []
    clock[0] = 199.0
    assert expired.without_unconfirmed(store.trials()) == []
    clock[0] = 200.0
    assert expired.without_unconfirmed(store.trials()) == store.trials()


def test_nothing_is_renewed_any_more_once_no_trial_is_held() -> None:
    asked, calls = threading.Event(), list[float]()

    def renew() -> bool:
        calls.append(0.0)
        asked.set()
        return False

    with renewed(renew, 0.6):
        assert asked.wait(10)
        time.sleep(0.2)
    assert len(calls) == 1


def test_a_trial_that_failed_and_was_killed_before_it_said_so_is_not_tried_again(
    store: Store, ledger_of: Ledgers
) -> None:
    budget(store, 1)
    trial = lost(store)
    store.note(trial.number, REASON, "failed: boom")
    assert end_lost(store, a_spec(), store.trials())
    assert status(store.trials()[0]).counts
    assert reason(store.trials()[0]) == "failed: boom"
    assert claim(ledger_of()) is None


def test_parameters_that_kill_their_worker_are_tried_as_often_as_the_study_says(
    store: Store, ledger_of: Ledgers
) -> None:
    spec = budget(store, 1, retries=2)
    for attempt in range(3):
        trial = lost(store)
        assert trial.params == store.trials()[0].params
        assert end_lost(store, spec, store.trials())
        assert status(store.trials()[attempt]).counts == (attempt == 2)
    # Every attempt is the first one's run, and follows the one before it.
    trials = store.trials()
    assert [first_attempt(t) for t in trials] == [0, 0, 0]
    assert [origin(t).before for t in trials] == [None, 0, 1]
    assert claim(ledger_of()) is None
    assert "lost 3 times in a row" in reason(trials[2])


def test_a_trial_that_was_let_go_of_is_no_attempt(store: Store, ledger_of: Ledgers) -> None:
    budget(store, 1, retries=0)
    for _ in range(4):
        trial = claimed(ledger_of(a_worker()))
        release(store, trial)
    assert origin(claimed(ledger_of())).retry == 0


def test_of_two_that_take_up_the_same_lost_trial_the_first_keeps_it(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = budget(store, 3)
    lost(store)
    end_lost(store, spec, store.trials())
    old = tallied(store.trials())
    one, two = a_worker(), a_worker()
    for worker in (one, two):  # both act on the same view
        ledger = ledger_of(worker)
        work = ledger._next(spec, old)
        assert work is not None
        ledger._make(work, spec, old)
    assert claimed(ledger_of(one)).number == 1
    assert claimed(ledger_of(two)).number == 3
    assert store.trials()[2].user_attrs[REASON] == TAKEN


def test_a_lost_trial_beyond_a_smaller_budget_is_left_alone(
    store: Store, ledger_of: Ledgers
) -> None:
    done(store, claimed(ledger_of()))
    lost(store)
    budget(store, 1)
    assert claim(ledger_of()) is None
    assert states(store) == ["COMPLETE", "FAIL"]


def test_points_that_were_asked_for_come_first_each_once(store: Store, ledger_of: Ledgers) -> None:
    space = Space.parse(["a=1,2,3", "b=x,y"])
    spec = budget(store, 4, queue=[{"a": 3, "b": "y"}, {"a": 1}])
    gone = lost(store, space)
    assert gone.params == {"a": 3, "b": "y"}
    trials = [claimed(ledger_of(a_worker(), space)) for i in range(4)]
    assert trials[0].params == {"a": 3, "b": "y"}
    assert trials[1].params["a"] == 1
    assert "b" in trials[1].params  # what it left open was drawn
    assert [origin(t).point for t in trials] == [0, 1, None, None]
    assert not is_met(spec, store.trials())


def test_points_asked_for_later_are_still_tried(store: Store, ledger_of: Ledgers) -> None:
    done(store, claimed(ledger_of()))
    budget(store, 3, queue=[{"w": 0.25}])
    assert claimed(ledger_of()).params == {"w": 0.25}


def test_no_point_is_drawn_twice_while_one_is_left(store: Store, ledger_of: Ledgers) -> None:
    space = Space.parse(["a=1,2,3", "b=x,y"])
    budget(store, 8)
    ledger = ledger_of(None, space)
    trials = []
    for _ in range(8):
        trials.append(claimed(ledger))
        done(store, trials[-1])
    points = {(t.params["a"], t.params["b"]) for t in trials[:6]}
    assert len(points) == 6
    assert [REPEATS in t.user_attrs for t in trials] == [False] * 6 + [True] * 2


def test_of_two_that_draw_the_same_point_the_first_keeps_it(
    store: Store, ledger_of: Ledgers
) -> None:
    spec = budget(store, 3)
    one, two = a_worker(), a_worker()
    for worker in (one, two):  # two workers of the same number at the same moment
        ledger = ledger_of(worker)
        work = ledger._next(spec, tallied([]))
        assert work is not None
        ledger._make(work, spec, tallied([]))
    assert store.trials()[0].params == store.trials()[1].params
    assert claimed(ledger_of(one)).number == 0
    assert claimed(ledger_of(two)).params != store.trials()[0].params


def test_a_stopped_sequential_study_draws_what_it_would_have_drawn(
    store: Store, ledger_of: Ledgers, url: str
) -> None:
    def draws(of: Store, lose: int | None) -> list[dict[str, Any]]:
        found = []
        for i in range(6):
            if i == lose:
                lost(of)
            trial = claimed(Ledger(of, SPACE, a_worker(), 0))  # by a new process at every trial
            found.append(trial.params)
            done(of, trial)
        return found

    for sampler in ("random", "tpe", "qmc", "nsga2"):
        storage = open_storage(url)
        stores = []
        for name in (sampler, f"{sampler}-lost"):
            make(storage, a_spec(6, name=name, sampler=sampler))
            stores.append(Store(storage, name))
        assert draws(stores[0], None) == draws(stores[1], 2), sampler


def test_replicates_are_added_to_what_is_finished(store: Store, ledger_of: Ledgers) -> None:
    budget(store, 2)
    for _ in range(2):
        done(store, claimed(ledger_of()))
    spec = budget(store, 2, replicates=3)
    assert not is_met(spec, store.trials())
    for number in range(2):
        gone = lost(store)
        trial = claimed(ledger_of())
        for one in (gone, trial):
            assert origin(one).adds_to == number
            assert first_attempt(one) == number
            assert one.params == store.trials()[number].params
        assert not status(trial).counts
        run = Record({"a": 1.0, "b": 1.0}, OnTheScale.read({}), 1.0, "trial-0000")
        done(store, trial, Outcome(record=replace(run, replicates=(run, run, run))))
    assert claim(ledger_of()) is None
    assert is_met(spec, store.trials())
    assert finished(store.trials()) == 2


def test_a_trial_that_another_program_told_gets_no_replicates_and_takes_no_budget(
    store: Store, ledger_of: Ledgers
) -> None:
    budget(store, 1)
    told = claimed(ledger_of())
    end(store, told, TrialState.COMPLETE, [1.0, 1.0], {})
    spec = budget(store, 1, replicates=3)
    trial = claimed(ledger_of())
    assert origin(trial).adds_to is None
    done(store, trial, trained(trial, 1.0, 2.0, 3.0))
    assert claim(ledger_of()) is None
    assert is_met(spec, store.trials())


def test_a_replicate_that_fails_is_not_tried_for_ever(store: Store, ledger_of: Ledgers) -> None:
    budget(store, 1)
    done(store, claimed(ledger_of()))
    spec = budget(store, 1, replicates=2)
    done(store, claimed(ledger_of()), Outcome(reason="diverged: at step 3"))
    assert claim(ledger_of()) is None
    assert is_met(spec, store.trials())
    assert budget(store, 1, replicates=3)
    assert claim(ledger_of()) is not None


def test_an_answer_that_was_lost_is_not_a_second_trial(
    store: Store, ledger_of: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_one = store.make

    def made(trial: FrozenTrial) -> None:
        make_one(trial)
        raise StorageInternalError("the connection was lost after the commit")

    monkeypatch.setattr(store, "make", made)
    assert claimed(ledger_of()).number == 0
    assert states(store) == ["RUNNING"]


def test_an_end_whose_answer_was_lost_is_recognised(
    store: Store, ledger_of: Ledgers, caplog: pytest.LogCaptureFixture
) -> None:
    trial = claimed(ledger_of())
    record = trained(trial).record
    assert record is not None
    store.note(trial.number, RECORD, record.written())
    store.end(trial.number, TrialState.COMPLETE, [0.0, 0.0])
    done(store, trial)
    assert "late result" not in caplog.text
    assert not end_failed(store, trial, "failed: too late")


def race(url: str, number: int) -> None:
    store = Store(open_storage(url), "race")
    ledger = Ledger(store, SPACE, Worker.here(number), number)
    while (claimed := ledger.claim()) is not None:
        trial = claimed[0]
        if trial.number in (3, 8, 12) and not origin(trial).retry:
            os._exit(1)  # killed with the trial in hand
        tell(store, trial, trained(trial), a_spec())


def test_racing_and_dying_workers_meet_the_budget_exactly(url: str) -> None:
    storage = open_storage(url, create=True)
    make(storage, a_spec(25, name="race"))
    for _ in range(4):  # each start loses some workers; the next ones have the same numbers
        workers = [FORK.Process(target=race, args=(url, i)) for i in range(4)]
        for process in workers:
            process.start()
        for process in workers:
            process.join()
        if all(process.exitcode == 0 for process in workers):
            break
    trials = Store(storage, "race").trials()
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    assert len(complete) == 25
    assert len({t.params["w"] for t in complete}) == 25
    assert not any(t.state in (TrialState.RUNNING, TrialState.WAITING) for t in trials)
    assert any(not status(t).counts for t in trials)  # some were lost on the way
