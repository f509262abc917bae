import multiprocessing
import os
import sqlite3
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from betafront.errors import UserError
from betafront.study import ledger
from betafront.study.ledger import Worker, claim, counts, enqueue, held, reap
from betafront.study.space import Space
from betafront.study.spec import Spec
from betafront.study.storage import load_study, masked, open_storage
from betafront.study.worker import Outcome, tell

SPACE = Space.parse(["w=interval(0,1)"])
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def study(url: str) -> optuna.Study:
    return optuna.create_study(
        study_name="s", storage=open_storage(url, create=True), directions=["minimize"] * 2
    )


def dead_worker() -> Worker:
    """A worker whose process has ended."""
    process = SPAWN.Process(target=int)
    process.start()
    worker = Worker("9-dead", Worker.here(0).host, process.pid or 0, time.time())
    process.join()
    return worker


def test_sqlite_is_in_wal_mode_and_takes_the_write_lock_first(url: str, study: object) -> None:
    path = url.removeprefix("sqlite:///")
    with open_storage(url).engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        # That was a read, and yet nobody else can begin to write: no two can pop the same trial.
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite3.connect(path, timeout=0).execute("BEGIN IMMEDIATE")
    sqlite3.connect(path, timeout=0).execute("BEGIN IMMEDIATE")


def test_an_absent_or_foreign_database_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no studies"):
        open_storage(f"sqlite:///{tmp_path}/none.db")
    (tmp_path / "text.db").write_text("this is not a database, and long enough to be one" * 99)
    with pytest.raises(UserError, match="not a database"):
        open_storage(f"sqlite:///{tmp_path}/text.db")


def test_an_unwritable_folder_is_one_clear_line() -> None:
    with pytest.raises(UserError, match="cannot write"):
        open_storage("sqlite:////proc/none/studies.db", create=True)


def test_passwords_are_masked() -> None:
    assert masked("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"


def test_an_unknown_study_names_the_near_miss(url: str, study: object) -> None:
    optuna.create_study(study_name="weighting-digits", storage=open_storage(url))
    with pytest.raises(UserError, match="weighting-digits"):
        load_study(open_storage(url), "wieghting-digits")


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lease's time go by."""
    then = time.time() + ledger.LEASE_SECONDS + 1
    monkeypatch.setattr(ledger.time, "time", lambda: then)


def test_a_claim_ends_when_the_budget_is_met(study: optuna.Study) -> None:
    worker = Worker.here(0)
    for _ in range(3):
        trial = claim(study, SPACE, 3, worker)
        assert trial is not None
        study.tell(trial, [0.0, 0.0])
    assert claim(study, SPACE, 3, worker) is None
    assert claim(study, SPACE, 4, worker) is not None  # a larger budget goes on


def test_a_failed_trial_takes_budget_and_a_lost_one_does_not(study: optuna.Study) -> None:
    worker = Worker.here(0)
    failed = claim(study, SPACE, 1, worker)
    assert failed is not None
    tell(study, failed, Outcome(reason="failed: boom"), spec())
    assert claim(study, SPACE, 1, worker) is None
    lost = claim(study, SPACE, 2, dead_worker())
    assert lost is not None
    again = claim(study, SPACE, 2, worker)
    assert again is not None
    assert again.params == lost.params
    assert [counts(t) for t in study.trials] == [True, False, True]


def test_a_living_worker_keeps_its_trial(study: optuna.Study) -> None:
    claim(study, SPACE, 2, Worker.here(0))
    assert not reap(study, study.trials)


def test_a_lease_that_ran_out_elsewhere_is_lost(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Worker("0-x", "another-host", 1, 0.0)
    claim(study, SPACE, 2, elsewhere)
    assert not reap(study, study.trials)
    later(monkeypatch)
    assert reap(study, study.trials)


def test_a_trial_killed_before_its_first_lease_is_found(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.ask(SPACE.distributions)
    assert not reap(study, study.trials)  # it may be about to be written
    later(monkeypatch)
    assert reap(study, study.trials)
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_a_lost_trial_is_put_back_once(study: optuna.Study) -> None:
    claim(study, SPACE, 2, dead_worker())
    before = study.trials
    assert reap(study, before)
    reap(study, before)  # a second reaper with the same old view
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_a_late_result_of_a_lost_lease_is_not_counted(study: optuna.Study) -> None:
    late = claim(study, SPACE, 2, dead_worker())
    assert late is not None
    reap(study, study.trials)
    tell(study, late, Outcome(reason="failed: too late"), spec())
    assert study.trials[0].state == TrialState.FAIL
    assert not counts(study.trials[0])


def test_the_lease_is_renewed_while_it_is_held(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "LEASE_SECONDS", 0.4)
    trial = claim(study, SPACE, 1, Worker.here(0))
    assert trial is not None
    first = study.trials[0].user_attrs["lease"]["until"]
    with held(trial, Worker.here(0)):
        for _ in range(100):
            if study.trials[0].user_attrs["lease"]["until"] > first:
                return
            time.sleep(0.1)
    pytest.fail("the lease was never renewed")


def test_a_queued_trial_lost_while_it_was_asked_for_comes_back_whole(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Space.parse(["a=1,2,3", "b=x,y"])
    enqueue(study, {"a": 3, "b": "y"})
    half = study.ask({"a": space.distributions["a"]})  # killed before it took up b
    assert half.params == {"a": 3}
    later(monkeypatch)
    assert reap(study, study.trials)
    assert study.ask(space.distributions).params == {"a": 3, "b": "y"}


def test_a_trial_that_failed_and_was_killed_before_it_said_so_is_not_tried_again(
    study: optuna.Study,
) -> None:
    trial = claim(study, SPACE, 1, dead_worker())
    assert trial is not None
    trial.set_user_attr(ledger.REASON, "failed: boom")
    assert reap(study, study.trials)
    assert [t.state for t in study.trials] == [TrialState.FAIL]
    assert counts(study.trials[0])
    assert claim(study, SPACE, 1, Worker.here(0)) is None


def test_a_retry_that_comes_too_late_is_given_back(study: optuna.Study) -> None:
    trial = claim(study, SPACE, 1, Worker.here(0))
    assert trial is not None
    study.tell(trial, [0.0, 0.0])
    enqueue(study, {"w": 0.5}, {ledger.RETRY: 1})
    assert claim(study, SPACE, 1, Worker.here(0)) is None
    assert not any(t.state == TrialState.WAITING for t in study.trials)
    assert sum(map(counts, study.trials)) == 1


def test_parameters_that_kill_their_worker_are_tried_four_times(study: optuna.Study) -> None:
    for attempt in range(ledger.RETRIES + 1):
        trial = claim(study, SPACE, 1, dead_worker())
        assert trial is not None
        assert trial.params == study.trials[0].params
        assert reap(study, study.trials)
        assert counts(study.trials[attempt]) == (attempt == ledger.RETRIES)
    # Every attempt is the first one's run, and follows the one before it.
    assert [ledger.first(t) for t in study.trials] == [0] * (ledger.RETRIES + 1)
    before = [t.user_attrs.get(ledger.BEFORE) for t in study.trials]
    assert before == [None, *range(ledger.RETRIES)]
    assert claim(study, SPACE, 1, Worker.here(0)) is None
    assert "lost 4 times in a row" in ledger.reason(study.trials[ledger.RETRIES])


def test_a_suspended_worker_keeps_its_trial(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(study, SPACE, 2, Worker.here(0))
    later(monkeypatch)
    assert not reap(study, study.trials)


def race(url: str, number: int, budget: int) -> None:
    study = load_study(open_storage(url, create=True), "race")
    study.sampler = optuna.samplers.RandomSampler(seed=number)
    worker = Worker.here(number)
    while (trial := claim(study, SPACE, budget, worker)) is not None:
        if trial.number in (3, 8, 12) and not trial.user_attrs.get("retry"):
            os._exit(1)  # killed with the trial in hand
        study.tell(trial, [0.0, 0.0])


def test_racing_and_dying_workers_meet_the_budget_exactly(url: str) -> None:
    storage = open_storage(url, create=True)
    study = optuna.create_study(study_name="race", storage=storage, directions=["minimize"] * 2)
    for start in range(4):  # each start loses some workers; the next ones go on
        workers = [SPAWN.Process(target=race, args=(url, 4 * start + i, 25)) for i in range(4)]
        for process in workers:
            process.start()
        for process in workers:
            process.join()
        if all(process.exitcode == 0 for process in workers):
            break
    trials = study.trials
    assert sum(t.state == TrialState.COMPLETE for t in trials) == 25
    assert not any(t.state in (TrialState.RUNNING, TrialState.WAITING) for t in trials)
    assert any(not counts(t) for t in trials)  # some were lost on the way


def spec() -> Spec:
    return Spec(
        name="s",
        question="",
        objectives={"val/rate": "minimize", "val/distortion": "minimize"},
        space={},
        space_digest="",
        base={},
        sampler="random",
        seed=0,
        trials=1,
        workers=1,
        folder="",
        tracking={},
    )
