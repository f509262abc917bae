"""What a user waits for, and what it takes: seconds from Return to the first word, the first step
of training, the first finished trial and the end, processor seconds, and peak memory, of a sweep by
betafront, whose workers are forked or started by joblib, and of one by plain Optuna and Lightning
(`benchmarks/peers/plain.py`), interleaved.

    python -m benchmarks.run.first_minute --trials 12 --steps 500 --repeat 3
    python -m benchmarks.run.first_minute --data mnist --trials 24 --steps 780

All train the same model on the same data with two processes and MLflow's record. Memory is the
proportional set size (a page that n processes share counts 1/n in each) summed over all processes
of a side, sampled twice a second. What is printed goes to
`benchmarks/results/first_minute/DATA.txt`.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.common import console, say_where
from benchmarks.peers.same import WORKERS
from benchmarks.peers.sides import DATABASE, Size, betafront, plain
from rich.table import Table

RESULTS = Path(__file__).parents[1] / "results/first_minute"
ROWS = {
    "first word, s": "word",
    "first step, s": "step",
    "first finished trial, s": "trial",
    "end, s": "end",
    "processor seconds": "processor",
    "peak memory, MiB": "peak",
}


def first_finished(database: Path) -> float:
    """When the first trial of a study was complete; seconds since 1970."""
    with sqlite3.connect(database) as connection:
        query = "SELECT min(datetime_complete) FROM trials WHERE state = 'COMPLETE'"
        (text,) = connection.execute(query).fetchone()
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="digits", choices=["digits", "mnist"])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=1)
    given = parser.parse_args()
    out = console()
    say_where(out)
    out.print(
        f"data={given.data}, {given.trials} trials of {given.steps} steps, {WORKERS} processes; "
        f"medians of {given.repeat}\n"
    )
    sides: dict[str, Callable[[Path, Size], dict[str, float]]] = {
        "betafront": betafront,
        "by joblib": partial(betafront, launcher="joblib"),
        "plain": plain,
    }
    size = Size(given.data, given.trials, given.steps)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(given.repeat):
            for name, sweep in sides.items():
                place = Path(scratch) / f"{name}-{i}"
                place.mkdir()
                taken = sweep(place, size)
                taken["trial"] = first_finished(place / DATABASE) - taken["began"]
                found[name].append(taken)
                print(i, name, taken, file=sys.stderr, flush=True)
    table = Table("", *sides, "betafront / plain", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for title, key in ROWS.items():
        medians = [statistics.median(each[key] for each in found[name]) for name in sides]
        table.add_row(title, *(f"{m:.1f}" for m in medians), f"{medians[0] / medians[-1]:.2f}")
    out.print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{given.data}.txt").write_text(out.export_text())


if __name__ == "__main__":
    main()
