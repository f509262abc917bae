"""A study in a storage of its own, and workers who live, have died, or are elsewhere."""

import multiprocessing
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from optuna.trial import FrozenTrial

from betafront.study.create import make
from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.storage.opening import Storage, open_storage
from betafront.study.storage.schema import TRIALS, WRITE
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import Outcome
from betafront.study.trials.lease import Worker, has_lease
from betafront.study.trials.ledger import Claim, Ledger
from betafront.study.trials.ours import trial_folder
from betafront.study.trials.replicates import Record, record_of_runs
from betafront.study.trials.stacking import of_study
from betafront.study.trials.tally import Tally
from betafront.training.result import OnTheScale

SPACE = Space.parse(["w=interval(0,1)"])
FORK = multiprocessing.get_context("fork")  # what it imports takes seconds to import again


def a_spec(trials: int = 3, **more: Any) -> Spec:
    """A study of two objectives over one number, drawn at random."""
    return Spec(
        **{
            "name": "s", "question": "", "objectives": {"a": "minimize", "b": "minimize"},
            "space": {"w": "interval(0,1)"}, "space_digest": "", "base": {}, "sampler": "random",
            "seed": 0, "trials": trials, "workers": 1, "folder": "", "tracking": {},
        }
        | more
    )  # fmt: skip


def claim_stack(ledger: Ledger) -> list[Claim]:
    """What a worker claims at once: a trial, and those that are stacked with it."""
    first = ledger.claim()
    if first is None:
        return []
    return [first, *ledger.claim_beside(first, of_study(first.spec))]


SLEEPING: list["subprocess.Popen[bytes]"] = []


def a_worker(name: str = "0") -> Worker:
    """A worker in a process of its own, which lives until the end of the test."""
    process = subprocess.Popen(["sleep", "600"])
    SLEEPING.append(process)
    born = psutil.Process(process.pid).create_time()
    return Worker(f"{name}-{process.pid}", socket.gethostname(), process.pid, born)


def kill() -> None:
    """End every process of `a_worker`."""
    while SLEEPING:
        process = SLEEPING.pop()
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    kill()


def done(trial: FrozenTrial, *rates: float) -> Outcome:
    """What came of a trial that was trained: a run for each rate."""
    scale, folder = OnTheScale.read({}), trial_folder(trial.number)
    runs = [Record({"a": rate, "b": 0.0}, scale, 1.0, folder) for rate in rates or (0.0,)]
    return Outcome(record=record_of_runs(runs))


def deleted(storage: Storage, *numbers: int) -> None:
    """Delete trials, as people do by hand: Optuna has no way."""
    with storage.writes.engine.begin() as to:
        for table in (*WRITE, TRIALS):
            mine = sa.select(TRIALS.c.trial_id).where(TRIALS.c.number.in_(numbers))
            to.execute(sa.delete(table).where(table.c.trial_id.in_(mine.scalar_subquery())))


def lost(store: Store, space: Space = SPACE) -> FrozenTrial:
    """A trial whose worker was killed with it in hand."""
    claimed = Ledger(store, space, a_worker(), 0).claim()
    assert claimed is not None
    process = SLEEPING.pop()
    process.kill()
    process.wait()
    return claimed[0]


def tallied(trials: Sequence[FrozenTrial]) -> Tally:
    """What a worker makes of trials that it sees for the first time."""
    tally = Tally()
    tally.update(trials)
    return tally


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def store(url: str) -> Store:
    """A study of three trials."""
    storage = open_storage(url, create=True)
    make(storage, a_spec())
    return Store(storage, "s", has_lease)


@pytest.fixture
def ledger_of(store: Store) -> Callable[..., Ledger]:
    """The ledger of a worker: `ledger_of(worker, space)`."""

    def of(worker: Worker | None = None, space: Space = SPACE) -> Ledger:
        return Ledger(store, space, worker or a_worker(), 0)

    return of
