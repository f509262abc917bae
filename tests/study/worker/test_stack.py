"""A worker that holds several trials: each is trained as it is alone, and ends by itself."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from optuna.trial import TrialState
from tests.study.conftest import a_worker, claim_stack
from tests.study.trials.test_ledger import budget
from tests.study.trials.test_stacking import WEIGHTS
from tests.study.worker.test_worker import FULL, store_of

from betafront.study.signals import HALT
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import Outcome, end
from betafront.study.trials.lease import lease_of, progress
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import origin
from betafront.study.trials.replicates import record_of
from betafront.study.trials.status import RELEASED, Status, reason, status
from betafront.study.trials.steps import USED
from betafront.study.worker import worker
from betafront.study.worker.member import Member
from betafront.study.worker.worker import Loop
from betafront.training.folder import RunFolder

Command = Callable[..., Any]
SWEEP = ("sweep", "study.name=s", "study.workers=1")


def test_the_trials_of_a_stack_end_each_by_itself(
    betafront: Command, own_place: Path, fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = []
    attempt = worker.attempt

    def counted(compose: Any, runs: Any) -> Any:
        together.append(len(runs))
        return attempt(compose, runs)

    monkeypatch.setattr(worker, "attempt", counted)
    said = betafront(
        *SWEEP, *fast, "optimizer.lr=0.01,1e30", "study.sampler=grid", "study.stack=4",
        "study.replicates=2", "study.budget.trials=9",
    )  # fmt: skip
    assert said.code == 1  # since one failed
    assert together == [4]
    good, bad = store_of(own_place).trials()
    assert [status(good), status(bad)] == [Status.COMPLETE, Status.FAILED]
    assert reason(bad).startswith("diverged: ")
    assert bad.user_attrs[USED] < good.user_attrs[USED] == 24
    runs = record_of(good).runs
    assert [run.folder for run in runs] == ["trial-0000", "trial-0000/replicate-1"]
    assert len({run.seed for run in runs}) == 2
    for run in runs:
        folder = RunFolder(own_place / "runs/s" / run.folder)
        left = json.loads(folder.result.read_text())
        assert left["seed"] == run.seed
        assert left["metrics"] == run.metrics
        assert "diverged" not in folder.log.read_text()
    assert "diverged" in RunFolder(own_place / "runs/s/trial-0001").log.read_text()
    again = betafront("train", "--study", "s", "--trial", "0")
    assert again.code == 0, again.err
    assert "trained in a stack of 4 runs, and here alone" in " ".join(again.out.split())


def test_every_trial_that_is_held_is_let_go_of_and_goes_on_from_its_own_checkpoint(
    betafront: Command, own_place: Path, fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        *SWEEP, *fast, "objective.weight=tag(log,interval(0.1,10))", "study.sampler=random",
        "study.stack=auto", "study.budget.trials=2", "trainer.checkpoint_seconds=0",
    )  # fmt: skip
    attempt = worker.attempt

    def halted(compose: Any, runs: Any) -> Any:
        HALT.set()  # as by a signal
        worker.FINISH.set()
        return attempt(compose, runs)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "attempt", halted)
        assert betafront(*words).code != 0
    trials = store_of(own_place).trials()
    assert [RELEASED in t.user_attrs for t in trials] == [True] * 2
    for number in range(2):
        assert RunFolder(own_place / f"runs/s/trial-{number:04d}").has_checkpoint
    said = betafront(*words)
    assert said.code == 0, said.err
    again = store_of(own_place).trials()[2:]
    assert [origin(t).before for t in again] == [0, 1]
    assert [status(t) for t in again] == [Status.COMPLETE] * 2
    log = RunFolder(own_place / "runs/s/workers/0").log.read_text()
    for number in range(2):
        assert f"trial {number + 2} goes on from the checkpoint of trial {number}" in log


def test_all_that_is_held_on_a_full_disk_is_kept_for_later(
    betafront: Command, own_place: Path, fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise FULL

    monkeypatch.setattr("betafront.study.worker.run_of_trial.take_over", refuse)
    said = betafront(
        *SWEEP, *fast, "objective.weight=1,2", "study.stack=2", "study.budget.trials=2"
    )
    assert said.code == 2
    assert "trials 0, 1 are kept for later" in " ".join(said.out.split())
    assert [status(t) for t in store_of(own_place).trials()] == [Status.LOST] * 2


def test_each_trial_has_its_lease_and_one_that_another_worker_has_is_left_alone(
    store: Store,
) -> None:
    budget(store, 3, stack=3)
    ledger = Ledger(store, WEIGHTS, a_worker(), 0)
    members = [Member.of(claim) for claim in claim_stack(ledger)]
    for member, step in zip(members, (1.0, 2.0, 3.0), strict=True):
        member.running = [{"step": step, "steps": 9.0}]
    before = [(lease_of(t) or {})["until"] for t in store.trials()]
    end(store, members[1].claim.trial, TrialState.FAIL)  # as lost, by another worker
    task = SimpleNamespace(is_asked=lambda *_: False)
    loop = cast(Loop, SimpleNamespace(task=task, store=store, worker=ledger.worker))
    assert Loop.renew(loop, members)
    assert [m.taken.is_set() for m in members] == [False, True, False]
    now = store.trials()
    assert [progress(now[n]).get("step") for n in (0, 2)] == [1.0, 3.0]
    assert all((lease_of(now[n]) or {})["until"] > before[n] for n in (0, 2))
    members[0].outcome = Outcome(reason="failed: boom")
    assert Loop.renew(loop, members)  # the third is held
    end(store, members[2].claim.trial, TrialState.FAIL)
    assert not Loop.renew(loop, members)


def test_the_progress_of_replicates_that_are_trained_at_once_is_their_mean(store: Store) -> None:
    budget(store, 1, stack=3, replicates=3)
    (claim,) = claim_stack(Ledger(store, WEIGHTS, a_worker(), 0))
    member = Member.of(claim)
    assert list(member.missing()) == [0, 1, 2]
    assert member.progress() == {"replicate": 1, "replicates": 3}
    member.running = [{"step": 9.0, "steps": 9.0, "rate": 1.0}, {}, {}]
    assert member.progress() == {
        "step": 3.0, "steps": 9.0, "rate": 1.0, "replicate": 1, "replicates": 3, "at_once": 3,
    }  # fmt: skip


def test_all_steps_of_the_replicates_of_a_stack_count_where_one_of_them_fails(
    store: Store,
) -> None:
    budget(store, 1, stack=3, replicates=3)
    (claim,) = claim_stack(Ledger(store, WEIGHTS, a_worker(), 0))
    member = Member.of(claim)
    for replicate, (why, steps) in enumerate((("failed: boom", 100), ("diverged: at 7", 7))):
        member.take(replicate, Outcome(reason=why, steps=steps), Path())
    assert member.outcome == Outcome(reason="failed: boom", steps=107)
