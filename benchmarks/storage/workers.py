"""Many processes at work on one study, and what they and the server of its database spend.

A process is a worker without training: it claims a trial as a worker does (`Ledger.claim`: the
budget, the lease, one draw) and tells ten values and two objectives (`tell`).
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
import psutil
from benchmarks.common import OBJECTIVES, RECORD, SPACE, VALUES, spec
from tests.support.servers import PostgreSQL

from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.lease import LEASE, Worker, has_lease
from betafront.study.trials.ledger import Ledger, Outcome, tell
from betafront.study.trials.ours import trial_folder
from betafront.study.trials.replicates import Record

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

STUDY = "benchmark"
METRICS = RECORD["metrics"] | dict(zip(OBJECTIVES, VALUES, strict=True))
DONE = Record.read(RECORD | {"metrics": METRICS})
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["betafront.study.trials.ledger", "psycopg", "sqlalchemy.orm"])
PATIENCE = 600.0
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def outcome(number: int) -> Outcome:
    """What came of a trial."""
    return Outcome(record=replace(DONE, folder=trial_folder(number)))


@dataclass(frozen=True)
class Share:
    """What one process did.

    Attributes:
        done: trials, or renewals of a lease.
        took: seconds by the wall.
        cpu: seconds on the processor, in this process.
        ended: the time at which the last was done.
        claims: seconds by the wall that each claim took.
    """

    done: int
    took: float
    cpu: float
    ended: float
    claims: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Crowd:
    """What all processes did, together.

    Attributes:
        shares: of each process.
        began: the time at which all began.
        server: seconds on the processor, of the database server; 0 where there is none.
        connections: at the server, in the middle.
        server_mib: memory of its processes that they do not share, in the middle.
    """

    shares: list[Share]
    began: float
    server: float
    connections: int
    server_mib: float

    @property
    def done(self) -> int:
        return sum(s.done for s in self.shares)

    @property
    def rate(self) -> float:
        """Per second, while all were at it."""
        return sum(s.done / s.took for s in self.shares)

    @property
    def cpu(self) -> float:
        """Seconds of the clients' processors for each."""
        return sum(s.cpu for s in self.shares) / self.done

    @property
    def server_cpu(self) -> float:
        """Seconds of the server's processors for each."""
        return self.server / self.done

    def claims(self, quantile: float) -> float:
        """Seconds by the wall; 1 is the worst claim of all."""
        return float(np.quantile([c for s in self.shares for c in s.claims], quantile))


Work = Callable[[Store, int, float, Callable[[], object]], Share]
"""Of one process: the study, its number, for how many seconds, and what waits for the others."""


@contextmanager
def server(connections: int = 400) -> Iterator[PostgreSQL]:
    """PostgreSQL as it comes, over TCP and with a password; a commit is on the disk."""
    with PostgreSQL(fsync="on", max_connections=str(connections)) as running:
        yield running


@contextmanager
def files() -> Iterator[Callable[[], str]]:
    """Makes addresses of new SQLite files."""
    with tempfile.TemporaryDirectory(prefix="betafront-") as folder:
        yield lambda: f"sqlite:///{tempfile.mkdtemp(dir=folder)}/studies.db"


def new_study(url: str, trials: int = 10**9, sampler: str = "random") -> Store:
    """An empty study of eight floats."""
    storage = open_storage(url, create=True)
    directions = list(OBJECTIVES.values())
    optuna.create_study(study_name=STUDY, storage=storage.writes, directions=directions)
    store = Store(storage, STUDY)
    spec(sampler, trials).store(store)
    return store


def until_met(store: Store, number: int, amount: float, wait: Callable[[], object]) -> Share:
    """Trials until the budget is met."""
    ledger = Ledger(store, SPACE, Worker.here(number), number)
    claims: list[float] = []
    wait()
    began, cpu, ended = time.time(), time.process_time(), time.time()
    while (claimed := timed(ledger, claims)) is not None:
        tell(store, claimed.trial, outcome(claimed.trial.number), claimed.spec)
        ended = time.time()
    return Share(len(claims), ended - began, time.process_time() - cpu, ended, claims)


def for_seconds(store: Store, number: int, amount: float, wait: Callable[[], object]) -> Share:
    """Trials for so many seconds, once every process has made its first."""
    ledger = Ledger(store, SPACE, Worker.here(number), number)
    claims: list[float] = []
    one(store, ledger, [])
    wait()
    began, cpu = time.time(), time.process_time()
    while not claims or time.time() - began < amount:
        one(store, ledger, claims)
    ended = time.time()
    return Share(len(claims), ended - began, time.process_time() - cpu, ended, claims)


def renewals(store: Store, number: int, amount: float, wait: Callable[[], object]) -> Share:
    """Renewals of a lease, one after the other, for so many seconds."""
    worker = Worker.here(number)
    claimed = Ledger(store, SPACE, worker, number).claim()
    if claimed is None:
        raise RuntimeError("the budget cannot be met")
    wait()
    began, cpu, done = time.time(), time.process_time(), 0
    while time.time() - began < amount:
        store.settings()  # what the workers were asked meanwhile
        store.note(claimed.trial.number, LEASE, worker.lease({"step": float(done)}))
        done += 1
    ended = time.time()
    return Share(done, ended - began, time.process_time() - cpu, ended)


def one(store: Store, ledger: Ledger, claims: list[float]) -> None:
    """Claim a trial and tell it."""
    claimed = timed(ledger, claims)
    if claimed is None:
        raise RuntimeError("the budget cannot be met")
    tell(store, claimed.trial, outcome(claimed.trial.number), claimed.spec)


def timed(ledger: Ledger, claims: list[float]) -> Any:
    """A claim, whose seconds are written down unless the budget is met."""
    started = time.perf_counter()
    claimed = ledger.claim()
    if claimed is not None:
        claims.append(time.perf_counter() - started)
    return claimed


class Place:
    """Processes that wait for work: what they import takes seconds, so they are kept.

    Args:
        sizes: how many may be at work together.
    """

    def __init__(self, sizes: Iterable[int]) -> None:
        self._barriers = {n: CONTEXT.Barrier(n + 1) for n in sizes}
        self._pool = CONTEXT.Pool(max(self._barriers), share, (self._barriers,))

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()

    def crowd(
        self, work: Work, url: str, processes: int, amount: float, at: PostgreSQL | None = None
    ) -> Crowd:
        """So many processes at `work`, all beginning together.

        Args:
            work: of each.
            url: of the database.
            processes: how many.
            amount: of seconds.
            at: the server, whose time is counted; none for a file.
        """
        tasks = [(work, url, number, processes, amount) for number in range(processes)]
        coming = self._pool.starmap_async(work_with_others, tasks, chunksize=1)
        self._barriers[processes].wait(PATIENCE)
        began, before = time.time(), server_seconds(at)
        coming.wait(amount / 2)
        connections, mib = (0, 0.0) if at is None else (connected(at, url), server_mib(at))
        shares = coming.get()
        return Crowd(shares, began, server_seconds(at) - before, connections, mib)


def work_with_others(work: Work, url: str, number: int, processes: int, amount: float) -> Share:
    """One process's work, begun when all of them are ready."""
    barrier, storage = _barriers[processes], open_storage(url)
    try:
        return work(
            Store(storage, STUDY, has_lease), number, amount, lambda: barrier.wait(PATIENCE)
        )
    except BaseException:
        barrier.abort()  # or all others waited for this one
        raise
    finally:
        for way in (storage.reads, storage.writes):
            way.remove_session()
            way.engine.dispose()  # its connections, which another study would find taken


_barriers: "dict[int, Barrier]" = {}


def share(made: "dict[int, Barrier]") -> None:
    """Gives a process of the pool what cannot be sent to it later."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _barriers.update(made)


def connected(at: PostgreSQL, url: str) -> int:
    """Connections to a database, but for the one that asks."""
    return int(str(at.execute(CONNECTED, url)[0][0])) - 1


def processes_of(at: PostgreSQL) -> list[psutil.Process]:
    """Of the server, the first one first."""
    first = psutil.Process(int((at.folder / "postmaster.pid").read_text().split()[0]))
    return [first, *first.children(recursive=True)]


def server_seconds(at: PostgreSQL | None) -> float:
    """Seconds on the processor of the server so far, with its processes that have ended."""
    if at is None:
        return 0.0
    first, *others = processes_of(at)
    spent = sum(first.cpu_times()[:4])  # with those of its children that have ended
    for process in others:
        try:
            spent += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return float(spent)


def server_mib(at: PostgreSQL) -> float:
    """Memory of the server's connections, each without what they share, on average."""
    own = []
    for process in processes_of(at)[1:]:
        try:
            if "betafront" in " ".join(process.cmdline()) or "studies" in process.cmdline()[0]:
                own.append(process.memory_full_info().uss / 2**20)
        except (psutil.NoSuchProcess, IndexError):
            continue
    return float(np.mean(own)) if own else 0.0
