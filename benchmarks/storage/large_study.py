"""A study that has grown: many finished trials and many running ones, filled in by SQL, and what a
claim costs in it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import TimeoutError
from typing import Any

import numpy as np
import optuna
import psutil
from benchmarks.common import OBJECTIVES, SPACE
from benchmarks.storage.workers import CONTEXT, DONE, METRICS, STUDY, new_study, server_seconds
from optuna.distributions import distribution_to_json
from optuna.trial import TrialState
from tests.support.servers import PostgreSQL

from betafront.study.search.drawing import Drawing
from betafront.study.spec import Spec
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.lease import LEASE, Worker, has_lease
from betafront.study.trials.ledger import Claim, Ledger
from betafront.study.trials.ours import RECORD as KEPT
from betafront.study.trials.ours import trial_folder
from betafront.study.trials.stopping import stopped

HOUR = 3600.0
# The same rows, with the same attributes, as trials get that workers have made and ended.
FILL = (
    "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) "
    "SELECT g, {study}, (CASE WHEN g < {finished} THEN 'COMPLETE' ELSE 'RUNNING' END)::trialstate, "
    "now() AT TIME ZONE 'utc', CASE WHEN g < {finished} THEN now() AT TIME ZONE 'utc' END "
    "FROM generate_series(0, {finished} + {running} - 1) g ORDER BY g",
    "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) "
    "SELECT trial_id, 'x' || i, random(), '{distribution}' "
    "FROM trials, generate_series(0, 7) i ORDER BY trial_id, i",
    "INSERT INTO trial_values (trial_id, objective, value, value_type) "
    "SELECT trial_id, i, 100 * random(), 'FINITE' "
    "FROM trials, generate_series(0, 1) i WHERE state = 'COMPLETE' ORDER BY trial_id, i",
    "INSERT INTO trial_user_attributes (trial_id, key, value_json) "
    "SELECT trial_id, 'lease', '{lease}' FROM trials ORDER BY trial_id",
    "INSERT INTO trial_user_attributes (trial_id, key, value_json) "
    "SELECT trial_id, '{kept}', replace('{record}', '{folder}', 'trial-' || lpad(number::text, "
    "greatest(4, length(number::text)), '0')) FROM trials WHERE state = 'COMPLETE' "
    "ORDER BY trial_id",
)


def fill(at: PostgreSQL, finished: int, running: int, sampler: str = "random") -> str:
    """The address of a new study with so many trials; the running ones are of other hosts."""
    url = at.create_database()
    new_study(url, sampler=sampler)
    elsewhere = {"host": "another-host", "machine": "another", "until": time.time() + HOUR}
    lease = Worker.here(0).lease({"step": 100.0, "steps": 1000.0}) | elsewhere
    words = {
        "study": at.execute("SELECT study_id FROM studies", url)[0][0],
        "finished": finished,
        "running": running,
        "distribution": distribution_to_json(SPACE.distributions["x0"]),
        "lease": json.dumps(lease),
        "kept": KEPT,
        "record": json.dumps(DONE.written()),
        "folder": DONE.folder,
    }
    for statement in FILL:
        at.execute(statement.format(**words), url)
    at.execute("VACUUM ANALYZE", url)
    return url


class Clock:
    """What each call of some methods takes, by the wall."""

    def __init__(self) -> None:
        self.calls: dict[str, list[float]] = {}

    @contextmanager
    def of(self, owner: Any, *names: str) -> Iterator[None]:
        """Times every call of these while the block runs."""
        before = {name: getattr(owner, name) for name in names}
        for name, call in before.items():
            setattr(owner, name, self._timed(name, call))
        yield
        for name, call in before.items():
            setattr(owner, name, call)

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.calls.setdefault(name, []).append(time.perf_counter() - started)

        return timed

    def median(self, name: str) -> float:
        """Of its calls, in seconds."""
        return float(np.median(self.calls[name]))


def stop(_: Any, spec: Spec, trials: Any) -> str | None:
    """As a worker asks whether the study is to stop."""
    return stopped(spec, trials, 0)


@dataclass(frozen=True)
class Claims:
    """What claims cost in a study of some size; times in seconds.

    Attributes:
        first, first_cpu: the first claim of a process, by the wall and on its processor.
        first_server: on the server's processors.
        mib: that it took.
        wall, cpu: a claim after it, by the wall and on its processor, medians.
        server: on the server's processors, for a claim with its renewal and its end.
        read, make, end, note: each call of the storage, by the wall, medians.
        database_mib: what the study takes on the server's disk.
    """

    first: float
    first_cpu: float
    first_server: float
    mib: float
    wall: float
    cpu: float
    server: float
    read: float
    make: float
    end: float
    note: float
    database_mib: float


def measure(at: PostgreSQL, finished: int, running: int, claims: int) -> Claims:
    """What claims cost in a study that has grown so far, in a new process."""
    url = fill(at, finished, running)
    size = int(str(at.execute("SELECT pg_database_size(current_database())", url)[0][0]))
    with CONTEXT.Pool(1) as pool:
        pool.apply(_open, (url,))
        before = server_seconds(at)
        first = pool.apply(_first)
        between = server_seconds(at)
        steady = pool.apply(_steady, (claims,))
        return Claims(
            **first,
            **steady,
            first_server=between - before,
            server=(server_seconds(at) - between) / claims,
            database_mib=size / 2**20,
        )


_at_work: list[tuple[Store, Ledger]] = []  # kept between the calls of one process


def _open(url: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    store = Store(open_storage(url), STUDY, has_lease)
    _at_work.append((store, Ledger(store, SPACE, Worker.here(0), 0, stop)))


def _first() -> dict[str, float]:
    """The first claim of a process, which reads all there is."""
    store, ledger = _at_work[-1]
    memory, started = psutil.Process().memory_full_info().uss, time.perf_counter()
    cpu = time.process_time()
    claimed = ledger.claim()
    found = {
        "first": time.perf_counter() - started,
        "first_cpu": time.process_time() - cpu,
        "mib": (psutil.Process().memory_full_info().uss - memory) / 2**20,
    }
    end(store, claimed)
    return found


def _steady(claims: int) -> dict[str, float]:
    """The claims after it."""
    store, ledger = _at_work[-1]
    clock, spent, walls = Clock(), [], []
    with clock.of(store, "trials", "make", "end", "note"):
        for _ in range(claims):
            started, cpu = time.perf_counter(), time.process_time()
            claimed = ledger.claim()
            walls.append(time.perf_counter() - started)
            spent.append(time.process_time() - cpu)
            if claimed is not None:
                store.note(claimed.trial.number, LEASE, ledger.worker.lease())
            end(store, claimed)
    return {
        "wall": float(np.median(walls)),
        "cpu": float(np.median(spent)),
        "read": clock.median("trials"),
        **{name: clock.median(name) for name in ("make", "end", "note")},
    }


def end(store: Store, claimed: Claim | None) -> None:
    """End a trial at once, with a whole record."""
    if claimed is None:
        raise RuntimeError("the budget cannot be met")
    values = [METRICS[m] for m in OBJECTIVES]
    kept = DONE.written() | {"folder": trial_folder(claimed.trial.number)}
    store.end(claimed.trial.number, TrialState.COMPLETE, values, {KEPT: kept})


def draws(at: PostgreSQL, finished: int, sampler: str, limit: float) -> float | None:
    """Seconds on the processor of one draw of a sampler in such a study, which every claim needs;
    None if it takes longer than `limit` by the wall, with what it learns before."""
    url = fill(at, finished, 16)
    with CONTEXT.Pool(1) as pool:
        try:
            return pool.apply_async(_draw, (url, sampler)).get(limit)
        except TimeoutError:
            return None  # its process is ended with the pool


def _draw(url: str, sampler: str) -> float:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trials = Store(open_storage(url), STUDY).trials()
    drawing = Drawing(SPACE, {}, OBJECTIVES.values(), sampler, 0, 0)
    drawing.learn(trials)
    started = time.process_time()
    drawing.draw(len(trials), set())
    return time.process_time() - started
