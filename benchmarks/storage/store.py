"""How many trials per second a store takes, beside plain Optuna on the same machine and minute.

A trial is 8 float parameters from the random sampler, ten values, and two objectives:

- betafront claims it as a worker does (`Ledger.claim`: the budget, the lease, one draw), writes the
  ten values as one attribute, and ends it;
- plain Optuna asks it (8 suggests), writes ten attributes, and tells it. On SQLite it gets the same
  WAL mode with synchronous=NORMAL; PostgreSQL is as it comes, and commits durably for both.

Each cell is the median of several rounds, in which the two take turns; each round is a new study.
The rate is by the wall, so other work on the machine lowers it; the time on the processor (of the
clients, not of a server) and the ratios suffer less from that.

    python -m benchmarks.storage.store                  # 10 s per round, SQLite and PostgreSQL
    python -m benchmarks.storage.store --seconds 3 --rounds 1 --stores sqlite --processes 1,4
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from benchmarks.common import (
    OBJECTIVES,
    RECORD,
    SPACE,
    VALUES,
    console,
    record_of,
    say_where,
    spec,
)
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from rich.table import Table
from sqlalchemy import event, make_url

from betafront.study.storage.opening import Storage, open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.lease import Worker, has_lease
from betafront.study.trials.ledger import Ledger, Outcome, tell
from betafront.study.trials.replicates import Record

if TYPE_CHECKING:
    from multiprocessing.pool import Pool
    from multiprocessing.synchronize import Barrier

PROCESSES = (1, 4, 16)
# Plain Optuna 5.0 on the same kind of trial, on a 2-core machine in November 2026, trials/s at 1, 4
# and 16 processes: SQLite in WAL mode with synchronous=NORMAL, and the better of psycopg 2 and 3.
THEN = {"sqlite": (48, 38, 40), "postgresql": (20, 32, 22)}

Trial = Callable[[], float]
"""Makes and ends one trial; returns the seconds that getting it took."""


@dataclass(frozen=True)
class Cell:
    """What some processes did in some seconds.

    Attributes:
        rate: trials per second, all together.
        worst: seconds of the longest single claim.
        cpu: seconds on the processor per trial, in these processes.
    """

    rate: float
    worst: float
    cpu: float


def betafront_trials(storage: Storage, number: int) -> Trial:
    """As a worker does."""
    store = Store(storage, "benchmark", has_lease)
    ledger = Ledger(store, SPACE, Worker.here(number), number)

    def trial() -> float:
        started = time.perf_counter()
        claimed = ledger.claim()
        took = time.perf_counter() - started
        if claimed is None:
            raise RuntimeError("the budget cannot be met")
        own = record_of(claimed.trial.number) | {"metrics": RECORD_METRICS}
        outcome = Outcome(record=Record.read(own))
        tell(store, claimed.trial, outcome, claimed.spec)
        return took

    return trial


RECORD_METRICS = RECORD["metrics"] | dict(zip(OBJECTIVES, VALUES, strict=True))


def optuna_trials(storage: RDBStorage, number: int) -> Trial:
    """As Optuna's documentation does."""
    sampler = RandomSampler(seed=number)
    study = optuna.load_study(study_name="benchmark", storage=storage, sampler=sampler)

    def trial() -> float:
        started = time.perf_counter()
        asked = study.ask()
        for key, d in SPACE.distributions.items():
            asked.suggest_float(key, d.low, d.high)
        took = time.perf_counter() - started
        for i in range(10):
            asked.set_user_attr(f"metric_{i}", 0.123456789 * i)
        study.tell(asked, VALUES)
        return took

    return trial


def plain_storage(url: str) -> RDBStorage:
    """Optuna's, with what anybody would set."""
    if not url.startswith("sqlite"):
        address = make_url(url).set(drivername="postgresql+psycopg")
        shown = address.render_as_string(hide_password=False)
        return RDBStorage(shown.replace("{", "%7B").replace("}", "%7D"))
    storage = RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})

    @event.listens_for(storage.engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    storage.engine.dispose()
    return storage


def new_study(kind: str, url: str) -> None:
    """An empty study to work in."""
    storage = open_storage(url, create=True).writes if kind == "betafront" else plain_storage(url)
    directions = list(OBJECTIVES.values())
    optuna.create_study(study_name="benchmark", storage=storage, directions=directions)
    if kind == "betafront":
        spec().store(Store(open_storage(url), "benchmark"))


def trials(kind: str, url: str, number: int) -> Trial:
    """Of one of the two kinds."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if kind == "betafront":
        return betafront_trials(open_storage(url), number)
    return optuna_trials(plain_storage(url), number)


def work(kind: str, url: str, number: int, processes: int, seconds: float) -> Cell:
    """One process, from when all have made their first trial."""
    trial = trials(kind, url, number)
    trial()
    barriers[processes].wait()
    done, worst, started, cpu = 0, 0.0, time.perf_counter(), time.process_time()
    while not done or time.perf_counter() - started < seconds:
        worst = max(worst, trial())
        done += 1
    took = time.perf_counter() - started
    return Cell(done / took, worst, (time.process_time() - cpu) / done)


def share(made: "dict[int, Barrier]") -> None:
    """Gives a process of the pool what cannot be sent to it later."""
    barriers.update(made)


barriers: "dict[int, Barrier]" = {}  # number of processes to where they wait for each other


def cell(pool: "Pool", kind: str, url: str, processes: int, seconds: float) -> Cell:
    """A new study at `url`, and that many processes on it."""
    new_study(kind, url)
    tasks = [(kind, url, number, processes, seconds) for number in range(processes)]
    found = pool.starmap(work, tasks, chunksize=1)
    rate = sum(c.rate for c in found)
    cpu = sum(c.rate * c.cpu for c in found) / rate
    return Cell(rate, max(c.worst for c in found), cpu)


def count(kind: str, url: str) -> Counter[str]:
    """Transactions and statements per trial, one process alone, over 20 trials."""
    new_study(kind, url)
    if kind == "betafront":
        storage = open_storage(url)
        engines = {id(s.engine): s.engine for s in (storage.reads, storage.writes)}
        trial = betafront_trials(storage, 0)
    else:
        plain = plain_storage(url)
        engines = {0: plain.engine}
        trial = optuna_trials(plain, 0)
    trial()
    counted: Counter[str] = Counter()
    for engine in engines.values():
        counting(engine, counted)
    for _ in range(20):
        trial()
    return Counter({key: round(n / 20) for key, n in counted.items()})


def counting(engine: Any, counted: Counter[str]) -> None:
    """Count what goes through `engine`; a transaction that writes is one with a row changed."""
    changed = False

    @event.listens_for(engine, "before_cursor_execute")
    def _statement(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal changed
        if not statement.startswith("BEGIN"):
            counted["statements"] += 1
        changed = changed or statement.split(maxsplit=1)[0] in ("INSERT", "UPDATE", "DELETE")

    @event.listens_for(engine, "commit")
    def _commit(_: Any) -> None:
        nonlocal changed
        counted["writing" if changed else "reading"] += 1
        changed = False

    @event.listens_for(engine, "rollback")
    def _rollback(_: Any) -> None:
        nonlocal changed
        counted["rolled back"] += 1
        changed = False


@contextmanager
def addresses(store: str) -> Iterator[Callable[[], str]]:
    """Makes new, empty databases."""
    with ExitStack() as stack:
        if store == "sqlite":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="betafront-")))
            yield lambda: f"sqlite:///{tempfile.mkdtemp(dir=folder)}/studies.db"
            return
        from tests.support.servers import PostgreSQL

        yield stack.enter_context(PostgreSQL(fsync="on")).create_database


def measure(pool: "Pool", new: Callable[[], str], options: argparse.Namespace) -> dict[Any, Cell]:
    """Every cell of one store: (kind, processes) to its medians."""
    found: dict[Any, list[Cell]] = {}
    for _ in range(options.rounds):
        for processes in options.processes:
            for kind in ("optuna", "betafront"):
                done = cell(pool, kind, new(), processes, options.seconds)
                found.setdefault((kind, processes), []).append(done)
    return {
        key: Cell(
            statistics.median(c.rate for c in cells),
            max(c.worst for c in cells),
            statistics.median(c.cpu for c in cells),
        )
        for key, cells in found.items()
    }


def table(store: str, found: dict[Any, Cell], processes: list[int]) -> Table:
    """One row per number of processes."""
    title = f"{store}: trials per second (worst single claim), ms on the processor per trial"
    shown = Table(title=title, title_justify="left")
    names = (
        "processes",
        "plain Optuna",
        "betafront",
        "ratio",
        "ms",
        "ms",
        "ratio",
        "then",
        "to then",
    )
    for name in names:
        shown.add_column(name, justify="right")
    for n in processes:
        plain, ours = found["optuna", n], found["betafront", n]
        then = THEN[store][PROCESSES.index(n)] if n in PROCESSES else None
        shown.add_row(
            str(n),
            f"{plain.rate:.1f} ({plain.worst:.2f} s)",
            f"{ours.rate:.1f} ({ours.worst:.2f} s)",
            f"{ours.rate / plain.rate:.1f}",
            f"{1000 * plain.cpu:.0f}",
            f"{1000 * ours.cpu:.0f}",
            f"{plain.cpu / ours.cpu:.1f}",
            str(then or ""),
            f"{ours.rate / then:.1f}" if then else "",
        )
    return shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="per round of a cell")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--stores", default="sqlite,postgresql")
    parser.add_argument("--processes", default=",".join(map(str, PROCESSES)))
    options = parser.parse_args()
    options.processes = [int(n) for n in options.processes.split(",")]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    out = console()
    say_where(out)
    context = get_context("forkserver")
    context.set_forkserver_preload(["betafront.study.trials.ledger", "psycopg", "sqlalchemy.orm"])
    shared = {n: context.Barrier(n) for n in options.processes}
    with context.Pool(max(options.processes), share, (shared,)) as pool:
        for store in options.stores.split(","):
            with addresses(store) as new:
                out.print(table(store, measure(pool, new, options), options.processes))
                for kind in ("optuna", "betafront"):
                    counts = count(kind, new())
                    words = ", ".join(f"{n} {key}" for key, n in sorted(counts.items()))
                    out.print(f"per trial, {kind}: {words}")
                out.print()


if __name__ == "__main__":
    main()
