"""How far one PostgreSQL carries a study: measured with up to 64 workers, reckoned for 1,000.

1. 16 workers of 500 trials each: is the budget met exactly, and how fast, beside SQLite?
2. 1 to 64 workers: trials and renewals of leases per second, and what they cost both sides.
3. What a claim costs in a study of up to 100,000 finished trials and 1,000 running ones, and what
   the samplers' own draws cost there.
4. What gives way first, second and third with 1,000 workers and 100,000 trials (`model.py`).

The trials train nothing (`workers.py`). Clients and server share the machine, so the rates are less
than a server of its own would give; the seconds on the server's processors are what the fourth part
reckons with. The server is the one of the tests: over TCP, with a password, `fsync` on.

    python -m benchmarks.storage.scale                                   # 15 min
    python -m benchmarks.storage.scale --trials 800 --seconds 3 --sizes 1000
"""

import argparse
import time
from dataclasses import dataclass

import optuna
import psycopg
from benchmarks.common import console, say_where
from benchmarks.storage.large_study import Claims, draws, measure
from benchmarks.storage.model import ROUND_TRIP_SECONDS, SHARE, TRIPS, Costs, cores_used, limits
from benchmarks.storage.workers import (
    STUDY,
    Crowd,
    Place,
    files,
    for_seconds,
    new_study,
    renewals,
    server,
    server_mib,
    until_met,
)
from optuna.trial import TrialState
from rich.console import Console
from rich.table import Table
from tests.support.servers import PostgreSQL

from betafront.study.search.drawing import digest
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.lease import LeaseTimes
from betafront.study.trials.status import Status, status

WORKERS = 16
PROCESSES = {"sqlite": (1, 4, 16, 64), "postgresql": (1, 4, 16, 32, 64)}
RUNNING = (16, 1000)
CLAIMS = 15
MANY = 1000  # workers to reckon for
LENGTHS = {"10 s": 10.0, "1 min": 60.0, "10 min": 600.0}
DRAW_SECONDS = 60.0
HEAVY = ("nsga2", "tpe")


Cells = dict[tuple[str, int], Crowd]
"""By store and number of workers."""


@dataclass(frozen=True)
class Met:
    """Whether and how a budget was met."""

    budget: int
    counting: int
    complete: int
    points: int
    gapless: bool
    given_back: int

    @property
    def exactly(self) -> bool:
        """The budget, all complete, none drawn twice, and no number left out."""
        return self.counting == self.complete == self.points == self.budget and self.gapless


def met(url: str, budget: int) -> Met:
    """As the storage has it, read by a process that took no part."""
    trials = Store(open_storage(url), STUDY).trials()
    counting = [t for t in trials if status(t).counts]
    return Met(
        budget,
        len(counting),
        sum(t.state is TrialState.COMPLETE for t in counting),
        len({digest(t.params) for t in counting}),
        [t.number for t in trials] == list(range(len(trials))),
        sum(status(t) is Status.GIVEN_BACK for t in trials),
    )


def budgets(place: Place, at: PostgreSQL, trials: int, out: Console) -> None:
    """The first part."""
    table = titled(f"{WORKERS} workers, a budget of {trials:,} trials", "store", left=1)
    columns(
        table, "counting", "complete", "points", "given back", "exactly", "trials/s", "worst claim"
    )
    with files() as new:
        for store, url in (("postgresql", at.create_database()), ("sqlite", new())):
            new_study(url, trials)
            all_ = place.crowd(until_met, url, WORKERS, 1.0, at if store == "postgresql" else None)
            found = met(url, trials)
            rate = trials / (max(s.ended for s in all_.shares) - all_.began)
            numbers = (found.counting, found.complete, found.points, found.given_back)
            table.add_row(
                store, *map(str, numbers), "yes" if found.exactly else "NO",
                f"{rate:.1f}", f"{all_.claims(1):.2f} s",
            )  # fmt: skip
    out.print(table)


def loads(place: Place, at: PostgreSQL, seconds: float, out: Console) -> tuple[Cells, float]:
    """The second part: every cell, and the server's seconds for a renewal."""
    found: Cells = {}
    trials = titled("PostgreSQL: trials, ms on the processor for each", "workers")
    columns(trials, "per second", "median claim", "worst", "client", "server")
    columns(trials, "connections", "MiB of each")
    beats = titled("PostgreSQL: renewals of leases, ms on the processor for each", "workers")
    columns(beats, "per second", "client", "server")
    renewal = 0.0
    with files() as new:
        for n in PROCESSES["sqlite"]:
            url = new()
            new_study(url)
            found["sqlite", n] = place.crowd(for_seconds, url, n, seconds)
    for n in PROCESSES["postgresql"]:
        url = at.create_database()
        new_study(url)
        cell = found["postgresql", n] = place.crowd(for_seconds, url, n, seconds, at)
        trials.add_row(
            str(n), f"{cell.rate:.0f}", f"{1000 * cell.claims(0.5):.0f} ms",
            f"{cell.claims(1):.2f} s", f"{1000 * cell.cpu:.1f}", f"{1000 * cell.server_cpu:.1f}",
            str(cell.connections), f"{cell.server_mib:.1f}",
        )  # fmt: skip
        beat = place.crowd(renewals, url, n, seconds / 2, at)
        renewal = beat.server_cpu if n == WORKERS else renewal
        costs = (beat.cpu, beat.server_cpu)
        beats.add_row(str(n), f"{beat.rate:.0f}", *(f"{1000 * s:.2f}" for s in costs))
    out.print(trials)
    out.print(beats)
    against(found, out)
    return found, renewal


def against(found: Cells, out: Console) -> None:
    """Workers against storage: the table of the guide."""
    table = titled("Workers against storage, measured", "workers")
    for name in ("SQLite, WAL", "PostgreSQL"):
        columns(table, name, f"{SHARE:.0%} of a trial of")
    for n in PROCESSES["sqlite"]:
        row = []
        for store in PROCESSES:
            rate = found[store, n].rate
            # A trial keeps a worker for n / rate where all are at it at once, which is the worst.
            row += [f"{rate:.0f} trials/s", f"{n / rate * (1 - SHARE) / SHARE:.1f} s"]
        table.add_row(str(n), *row)
    out.print(table)


def claims(at: PostgreSQL, sizes: list[int], out: Console) -> dict[tuple[int, int], Claims]:
    """The third part."""
    found = {}
    table = titled("a claim, random sampler; ms", "finished")
    columns(table, "running", "first", "MiB", "by the wall", "client", "server")
    columns(table, "read", "make", "end", "note")
    for size in sizes:
        for running in RUNNING:
            c = found[size, running] = measure(at, size, running, CLAIMS)
            times = (c.wall, c.cpu, c.server, c.read, c.make, c.end, c.note)
            first = (f"{size:,}", f"{running:,}", f"{c.first:.1f} s", f"{c.mib:.0f}")
            table.add_row(*first, *(f"{1000 * s:.1f}" for s in times))
    out.print(table)
    table = titled("one draw, s on the processor", "finished trials")
    columns(table, *HEAVY)
    for size in sizes:
        took = [draws(at, size, name, DRAW_SECONDS) for name in HEAVY]
        words = [f"over {DRAW_SECONDS:.0f}" if s is None else f"{s:.2f}" for s in took]
        table.add_row(f"{size:,}", *words)
    out.print(table)
    return found


def idle(at: PostgreSQL, count: int, out: Console) -> float:
    """MiB that each of so many idle connections takes on the server."""
    url, opened, started = at.create_database(), [], time.perf_counter()
    try:
        for _ in range(count):
            opened.append(psycopg.connect(url, autocommit=True))
            opened[-1].execute("SELECT 1")
        took, mib = (time.perf_counter() - started) / count, server_mib(at)
    finally:
        for connection in opened:
            connection.close()
    out.print(
        f"{count:,} idle connections: {mib:.1f} MiB each, made in {1000 * took:.0f} ms each\n"
    )
    return mib


def reckon(
    cell: Crowd,
    renewal: float,
    mib: float,
    grown: dict[tuple[int, int], Claims],
    cores: int,
    out: Console,
) -> None:
    """The fourth part."""
    size = max(finished for finished, _ in grown)
    few, many = (grown[size, running] for running in RUNNING)
    more = RUNNING[1] - RUNNING[0]
    costs = Costs(
        trial=max(cell.server_cpu, few.server),
        beside=max(0.0, many.server - few.server) / more,
        renewal=renewal,
        lock=few.make + TRIPS * ROUND_TRIP_SECONDS,
        first=few.first_server,
        claim=few.wall,
        claim_beside=max(0.0, many.wall - few.wall) / more,
    )
    out.print(
        f"The model rests on: {1000 * costs.trial:.1f} ms of the server for a trial and "
        f"{1e6 * costs.beside:.1f} µs for each that runs beside it; {1000 * costs.renewal:.2f} ms "
        f"for a renewal; {1000 * costs.lock:.1f} ms that the lock is held, of which "
        f"{TRIPS * 1000 * ROUND_TRIP_SECONDS:.1f} are a network's; {costs.first:.1f} s of "
        f"the server for a first claim in {size:,} trials; a claim of {1000 * costs.claim:.0f} ms "
        f"and {1e6 * costs.claim_beside:.0f} µs for each beside it.\n"
    )
    for words, seconds in LENGTHS.items():
        rate, used = MANY / seconds, cores_used(costs, seconds, MANY)
        table = titled(
            f"{MANY:,} workers, trials of {words}: {rate:.1f} trials/s, {size:,} trials in "
            f"{size / rate / 3600:.1f} h, {used:.2f} cores of the server",
            "what gives way", left=1,
        )  # fmt: skip
        columns(table, "beyond workers", f"used by {MANY:,}")
        for limit in limits(costs, seconds, MANY, cores):
            table.add_row(limit.name, f"{limit.workers:,}", f"{limit.used:.0%}")
        out.print(table)
    out.print(
        f"So, for {MANY:,} workers: max_connections = {MANY + 100:,}; {MANY * mib / 1024:.1f} GiB "
        f"of the server's memory for their connections, beside the {few.database_mib:.0f} MiB of "
        f"the study, which shared_buffers should hold; {few.mib:.0f} MiB of every worker for the "
        f"{size:,} trials it knows; a sampler that looks at no history (random, qmc); renewals "
        f"as they are: {MANY / LeaseTimes().renewal:.0f} a second are "
        f"{MANY / LeaseTimes().renewal * renewal:.2f} cores."
    )


def titled(title: str, first: str, left: int = 0) -> Table:
    """A table whose first column is `first`."""
    table = Table(title=title, title_justify="left")
    table.add_column(first, justify="left" if left else "right")
    return table


def columns(table: Table, *names: str) -> None:
    """Columns of numbers."""
    for name in names:
        table.add_column(name, justify="right")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=8000, help="the budget of the first part")
    parser.add_argument("--seconds", type=float, default=8.0, help="per cell of the second part")
    parser.add_argument("--sizes", default="1000,10000,100000", help="of the third part")
    parser.add_argument("--connections", type=int, default=MANY, help="idle ones")
    parser.add_argument("--cores", type=int, default=4, help="of the server of the fourth part")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    out = console()
    say_where(out, ("optuna", "sqlalchemy", "psycopg"))
    sizes = {n for of in PROCESSES.values() for n in of}
    with server(options.connections + 100) as at, Place(sizes) as place:
        budgets(place, at, options.trials, out)
        found, renewal = loads(place, at, options.seconds, out)
        mib = idle(at, options.connections, out)
        grown = claims(at, [int(size) for size in options.sizes.split(",")], out)
        reckon(found["postgresql", WORKERS], renewal, mib, grown, options.cores, out)


if __name__ == "__main__":
    main()
