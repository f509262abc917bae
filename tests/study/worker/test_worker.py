"""A worker whose trial was given to another one, and one on a machine that cannot go on."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from optuna.trial import TrialState
from tests.support.patience import PATIENCE
from tests.support.until import SLOW, slow_until

from betafront.errors import UserError
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.origin import origin
from betafront.study.trials.status import Status, status
from betafront.training.folder import RunFolder

Command = Callable[..., Any]


def store_of(place: Path) -> Store:
    return Store(open_storage(f"sqlite:///{place}/runs/studies.db", reading=True), "s")


def running(place: Path, number: int) -> Store:
    """The study, once this trial runs."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            store = store_of(place)
            if len(store.trials()) > number and store.trials()[number].state.name == "RUNNING":
                return store
        except UserError:  # it is not there yet
            pass
        time.sleep(0.05)
    pytest.fail("the trial never began")


def test_a_worker_leaves_a_trial_that_another_one_has(
    betafront: Command, own_place: Path, fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its next renewal, and long before the end of the run."""
    monkeypatch.syspath_prepend(str(own_place))  # as where Python is called there
    words = [word for word in fast if not word.startswith("trainer.steps")]

    def take_over() -> None:
        running(own_place, 0)
        url = f"sqlite:///{own_place}/runs/studies.db"
        Store(open_storage(url), "s").end(0, TrialState.FAIL)  # as another machine does
        running(own_place, 1)
        (own_place / SLOW).unlink()

    other = Thread(target=take_over)
    other.start()
    said = betafront(
        "sweep", "study.name=s", "objective.weight=1,2", "study.budget.trials=1", "study.lease=5",
        *words, "trainer.steps=300", *slow_until(own_place),
    )  # fmt: skip
    other.join()
    assert said.code == 0, said.err
    trials = store_of(own_place).trials()
    assert [status(t) for t in trials] == [Status.LOST, Status.COMPLETE]
    assert origin(trials[1]).before == 0
    assert not RunFolder(own_place / "runs/s/trial-0000").has_result
    assert RunFolder(own_place / "runs/s/trial-0001").has_result


class Broken(Exception):
    """A library's own error for a full disk."""


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("betafront.training.writing.write_whole", FULL),
        ("betafront.training.writing.opened_whole", Broken("I/O error (os error 28)")),
        ("betafront.training.lightning.checkpoint.opened_whole", Broken("No space left on device")),
        ("betafront.data.images.pictures.opened_whole", FULL),
        ("betafront.config.saved.write_whole", FULL),
        ("betafront.study.worker.run_of_trial.take_over", FULL),
    ],
)
def test_a_trial_on_a_full_disk_is_kept_for_later(
    betafront: Command,
    own_place: Path,
    fast: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    error: Exception,
) -> None:
    """Whatever it was writing, and whatever the library calls it."""
    words = (
        "sweep", "study.name=s", "objective.weight=1,2", "study.budget.trials=2", "study.workers=1",
        *fast,
    )  # fmt: skip

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(where, refuse)
        said = betafront(*words)
    assert said.code == 2
    assert "the disk is full: free some space" in " ".join(said.out.split())
    assert "trial 0 is kept for later" in " ".join(said.out.split())
    assert [status(t) for t in store_of(own_place).trials()] == [Status.LOST]
    said = betafront(*words)
    assert said.code == 0, said.err
    trials = store_of(own_place).trials()
    assert [status(t) for t in trials] == [Status.LOST, Status.COMPLETE, Status.COMPLETE]
    assert origin(trials[1]).retry == 0  # nobody was lost
