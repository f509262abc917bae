"""What a claim costs in a study with 2,000 finished trials, and where the time goes.

A worker's claim reads the study, decides what is to be done, draws a point, and writes the trial;
each claimed trial is ended, so that the study grows by one. The sampler's own time is apart: it is
Optuna's, and the same in any program that uses it. So is the first claim of a process, which reads
all trials and fills the copy that the sampler learns from. The parts are times on the processor:
where a machine has nothing else to do they add up to the wall-clock, which is shown beside them.

    python -m benchmarks.storage.claim
    python -m benchmarks.storage.claim --trials 500 --claims 10 --samplers random
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from random import Random
from typing import Any

import numpy as np
import optuna
from benchmarks.common import OBJECTIVES, SPACE, console, record_of, say_where, spec
from optuna.trial import TrialState, create_trial
from rich.progress import track
from rich.table import Table

from betafront.study.search.drawing import Drawing
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.lease import LEASE, Worker, has_lease
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.ours import RECORD as KEPT

PARTS = ("reading", "deciding", "writing", "sampler")
LIMIT_MS = 50.0


def fill(url: str, trials: int) -> None:
    """Make a study with so many finished trials."""
    storage = open_storage(url, create=True)
    directions = list(OBJECTIVES.values())
    optuna.create_study(study_name="benchmark", storage=storage.writes, directions=directions)
    store = Store(storage, "benchmark")
    random, lease = Random(0), Worker.here(0).lease()
    for number in track(range(trials), f"making {trials} trials …", transient=True):
        params = {key: random.random() for key in SPACE.distributions}
        made = create_trial(
            state=TrialState.COMPLETE,
            values=[sum(params.values()), -sum(params.values()) + random.random()],
            params=params,
            distributions=dict(SPACE.distributions),
            user_attrs={LEASE: lease, KEPT: record_of(number)},
        )
        made.datetime_start = made.datetime_complete = datetime.now()
        store.make(made)


class Clock:
    """Sums up the seconds spent in some calls."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PARTS, 0.0)  # on the processor

    @contextmanager
    def calls(self, owner: Any, name: str, part: str) -> Iterator[None]:
        """Counts every call of `owner.name` as `part` while the block runs."""
        call: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                self.spent[part] += time.thread_time() - started

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, call)


def claims(url: str, sampler: str, count: int) -> list[dict[str, float]]:
    """Seconds by part, of the first claim of a process and of those that follow."""
    store = Store(open_storage(url), "benchmark", has_lease)
    spec(sampler).store(store)
    ledger = Ledger(store, SPACE, Worker.here(0), 0)
    rows = []
    for _ in range(1 + count):
        clock = Clock()
        with (
            clock.calls(store, "trials", "reading"),
            clock.calls(store, "settings", "reading"),
            clock.calls(store, "make", "writing"),
            clock.calls(Drawing, "_one", "sampler"),
        ):
            started, wall = time.thread_time(), time.perf_counter()
            claimed = ledger.claim()
            whole, wall = time.thread_time() - started, time.perf_counter() - wall
        if claimed is None:
            raise RuntimeError("the budget cannot be met")
        store.note(claimed.trial.number, KEPT, record_of(claimed.trial.number))
        store.end(claimed.trial.number, TrialState.COMPLETE, [1.0, 1.0])
        clock.spent["deciding"] = whole - sum(clock.spent.values())
        rows.append(clock.spent | {"wall": wall})
    return rows


def table(found: dict[str, list[dict[str, float]]]) -> Table:
    """Medians of the parts, and of the claim without the sampler its 90th percentile."""
    title = "a claim, ms on the processor (median), and by the wall with the sampler"
    shown = Table(title=title, title_justify="left")
    shown.add_column("sampler")
    limit = f"< {LIMIT_MS:.0f}"
    names = ("read", "decide", "write", "sum", "90th", limit, "+ draw", "wall", "first", "+ draw")
    for name in names:
        shown.add_column(name, justify="right")
    for sampler, (first, *rows) in found.items():
        own = [sum(row[part] for part in PARTS[:3]) for row in rows]
        times = [*(np.median([row[part] for row in rows]) for part in PARTS[:3])]
        times += [np.median(own), np.quantile(own, 0.9)]
        shown.add_row(
            sampler,
            *(f"{1000 * x:.1f}" for x in times),
            "yes" if 1000 * np.median(own) < LIMIT_MS else "NO",
            f"{1000 * np.median([row['sampler'] for row in rows]):.1f}",
            f"{1000 * np.median([row['wall'] for row in rows]):.0f}",
            f"{1000 * sum(first[part] for part in PARTS[:3]):.0f}",
            f"{1000 * first['sampler']:.0f}",
        )
    return shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--claims", type=int, default=40)
    parser.add_argument("--samplers", default="random,tpe,nsga2,qmc")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    out = console()
    say_where(out)
    with tempfile.TemporaryDirectory(prefix="betafront-") as folder:
        url = f"sqlite:///{folder}/studies.db"
        fill(url, options.trials)
        names = options.samplers.split(",")
        out.print(table({name: claims(url, name, options.claims) for name in names}))


if __name__ == "__main__":
    main()
