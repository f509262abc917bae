"""The same sweep by betafront, by plain Optuna, by Hydra's Optuna sweeper with its joblib launcher,
and by Ray Tune with its search by Optuna.

    python -m benchmarks.run.peers --trials 24 --steps 500
    python -m benchmarks.run.peers --data mnist --trials 12 --steps 780
    python -m benchmarks.run.peers --data mnist --model conv --trials 8 --steps 390

All train the same model on the same data with two processes and MLflow's record, and tell R and D
of the same validation split to Optuna's sampler TPE; `benchmarks/peers/` has what each runs. The
packages that Hydra's sweeper needs, older than the environment's, are installed into a folder of
their own at the start.

Each side is run in turn, `--repeat` times. Trials per hour are counted over the whole command, and
after the first trials (one per process) have finished. Memory is the proportional set size of all
processes of a side. What all else on the machine does meanwhile slows a side, and stands in a row.
The hypervolume of R and D is that below the worst R and the worst D of all trials of all sides, as
a part of that of all trials together. What is printed goes to
`benchmarks/results/peers/DATA-MODEL.txt`, and the trials and measurements to the `.json` beside it.
"""

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import moocore
import numpy as np
from benchmarks.common import console, say_where
from benchmarks.peers import hydra_sweeper
from benchmarks.peers.same import WORKERS
from benchmarks.peers.sides import DATABASE, Size, betafront, hydra, plain, ray_tune
from numpy.typing import NDArray
from rich.table import Table

RESULTS = Path(__file__).parents[1] / "results/peers"
PARTS = (0.9, 0.95, 0.99)  # of the hypervolume of all
Side = Callable[[Path, Size], dict[str, float]]


def sides(data: str, packages: Path) -> dict[str, Side]:
    """The sweeps that are compared."""
    tensors = {"plain, tensors": partial(plain, tensors=True)} if data == "mnist" else {}
    return {
        "betafront": betafront,
        "plain Optuna": plain,
        **tensors,
        "Hydra's sweeper": partial(hydra, packages),
        "Ray Tune": ray_tune,
    }


def trials(database: Path, began: float) -> list[list[float]]:
    """Of each finished trial, in their order: seconds after the start, R and D in nats."""
    query = """
        SELECT t.datetime_complete, r.value, d.value FROM trials t
        JOIN trial_values r ON r.trial_id = t.trial_id AND r.objective = 0
        JOIN trial_values d ON d.trial_id = t.trial_id AND d.objective = 1
        WHERE t.state = 'COMPLETE' ORDER BY 1
    """
    with sqlite3.connect(database) as connection:
        rows = connection.execute(query).fetchall()
    times = (datetime.fromisoformat(text).astimezone(UTC).timestamp() for text, *_ in rows)
    return [
        [round(value, 4) for value in (time - began, *values)]
        for time, (_, *values) in zip(times, rows, strict=True)
    ]


def measured(sweep: dict[str, Any]) -> dict[str, float]:
    """The rows of the table that a sweep has by itself."""
    finished = [time for time, _, _ in sweep["trials"]]
    after = (len(finished) - WORKERS) / (finished[-1] - finished[WORKERS - 1])
    return {
        "trials per hour": 3600 * len(finished) / sweep["end"],
        "trials per hour, once begun": 3600 * after,
        "processor seconds per trial": sweep["processor"] / len(finished),
        "peak memory, MiB": sweep["peak"],
        "first word, s": sweep["word"],
        "first step, s": sweep["step"],
        "end, s": sweep["end"],
        "cores that others took": sweep["others"],
    }


def points(sweep: dict[str, Any]) -> NDArray[np.float64]:
    """(trials, 2) R and D, in the order in which the trials finished."""
    return np.array(sweep["trials"])[:, 1:]


def volume(found: NDArray[np.float64], worst: NDArray[np.float64]) -> float:
    """The hypervolume of R and D below the worst of each, in square nats."""
    return float(moocore.hypervolume(found, ref=worst))


def time_to(sweep: dict[str, Any], part: float, every: NDArray[np.float64]) -> float | None:
    """Seconds until the front of a sweep has this part of the hypervolume of all trials."""
    worst = every.max(0)
    wanted = part * volume(every, worst)
    for n, (time, _, _) in enumerate(sweep["trials"], 1):
        if volume(points(sweep)[:n], worst) >= wanted:
            return float(time)
    return None


def table(found: dict[str, list[dict[str, Any]]]) -> Table:
    """Medians over the repetitions."""
    shown = Table("", *found, box=None)
    for column in shown.columns[1:]:
        column.justify = "right"
    each = [[measured(sweep) for sweep in sweeps] for sweeps in found.values()]
    for title in each[0][0]:
        medians = (statistics.median(one[title] for one in side) for side in each)
        shown.add_row(title, *(f"{median:,.1f}" for median in medians))
    every = np.vstack([points(sweep) for sweeps in found.values() for sweep in sweeps])
    for part in PARTS:
        times = ([time_to(sweep, part, every) for sweep in sweeps] for sweeps in found.values())
        shown.add_row(f"seconds to {part:.0%} of hypervolume", *map(said, times))
    worst = every.max(0)
    ends = (
        statistics.median(volume(points(sweep), worst) for sweep in sweeps)
        for sweeps in found.values()
    )
    whole = volume(every, worst)
    shown.add_row("hypervolume at the end", *(f"{end / whole:.1%}" for end in ends))
    return shown


def said(times: list[float | None]) -> str:
    """The median of the times, of which none is later than any."""
    median = statistics.median_low(time if time is not None else np.inf for time in times)
    return f"{median:.1f}" if np.isfinite(median) else "-"


def main() -> None:
    """Sweep, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="digits", choices=["digits", "mnist"])
    parser.add_argument("--model", default="mlp", choices=["mlp", "conv"])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=1)
    given = parser.parse_args()
    size = Size(given.data, given.trials, given.steps, given.model)
    out = console()
    say_where(out, ("optuna", "torch", "pytorch-lightning", "ray"))
    out.print(
        f"{size.data}, {size.model}, {size.trials} trials of {size.steps} steps, {WORKERS} "
        f"processes; medians of {given.repeat}\n"
    )
    with tempfile.TemporaryDirectory() as scratch:
        packages = Path(scratch) / "packages"
        hydra_sweeper.install(packages)
        found: dict[str, list[dict[str, Any]]] = {}
        for i in range(given.repeat):
            for number, (name, side) in enumerate(sides(size.data, packages).items()):
                place = Path(scratch) / f"{number}-{i}"
                place.mkdir()
                sweep: dict[str, Any] = side(place, size)
                sweep["trials"] = trials(place / DATABASE, sweep.pop("began"))
                found.setdefault(name, []).append(sweep)
                print(i, name, measured(sweep), file=sys.stderr, flush=True)
    out.print(table(found))
    RESULTS.mkdir(exist_ok=True)
    name = f"{size.data}-{size.model}"
    (RESULTS / f"{name}.txt").write_text(out.export_text())
    kept = {"size": asdict(size), "repeat": given.repeat, "sides": found}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
