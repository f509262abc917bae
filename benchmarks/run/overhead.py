"""The platform's own time per trial: everything but training and evaluation.

A real sweep on digits (`betafront sweep`, 2 workers under joblib, the default model, 2 epochs per
trial), with MLflow and without. `clocks.py` clocks every part of a trial in the workers' processes,
and what the watching process does, which writes MLflow.

Each part is shown by the wall and as time on the processor. On a machine with other work the wall
says little. Where two workers and the writer of MLflow share two cores, the writer's time per trial
comes on top of a worker's own, and so it is counted.

    python -m benchmarks.run.overhead
    python -m benchmarks.run.overhead --trials 10 --tracking off
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.common import console, say_where
from rich.table import Table

from betafront.data import digits

WARM_UP = 3  # trials per worker that are not counted: imports, the first page of pictures
WORKERS = 2
LIMITS = {"mlflow": 0.35, "off": 0.15}  # seconds
GIVEN = ("training", "evaluation")
WATCHING = "watching process"
OWN = ("claim", "compose", "set-up", "files", "tell", "rest")

Row = dict[str, list[float]]


def two_epochs() -> int:
    """Optimiser steps."""
    import torch

    return 2 * len(digits().batches("train", 64, torch.Generator()))


def sweep(tracking: str, trials: int, folder: Path) -> float:
    """Run one, with its clocks' lines in `folder`; returns its wall-clock seconds."""
    here = str(Path(__file__).parent)
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {
        "BETAFRONT_RUNS": str(folder / "runs"),
        "BETAFRONT_TIMES": str(folder),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    words = [
        "objective.weight=tag(log,interval(0.1,10))", "data._target_=clocks.digits",
        f"trainer.steps={two_epochs()}", f"tracking={tracking}", f"study.workers={WORKERS}",
        "study.name=overhead", "study.sampler=random",
        f"study.budget.trials={trials + WORKERS * WARM_UP}",
    ]  # fmt: skip
    started = time.perf_counter()
    with (folder / "log").open("w") as log:
        done = subprocess.run(
            [sys.executable, "-m", "betafront", "--multirun", *words],
            env=os.environ | variables, stdout=log, stderr=log, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit((folder / "log").read_text())
    return time.perf_counter() - started


def read(folder: Path, kind: str, skip: int = 0) -> list[Any]:
    """The lines of all processes, without the first few of each."""
    files = sorted(folder.glob(f"{kind}-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()[skip:]]


def medians(rows: list[Row]) -> dict[str, tuple[float, float]]:
    """Of the seconds of each part, by the wall and on the processor."""
    found = {}
    for part in (*GIVEN, *OWN):
        spent = np.array([row.get(part, [0.0, 0.0]) for row in rows])
        found[part] = float(np.median(spent[:, 0])), float(np.median(spent[:, 1]))
    return found


def table(found: dict[str, dict[str, tuple[float, float]]]) -> Table:
    """One row per part, one pair of columns per kind of tracking."""
    shown = Table(title="seconds per trial (median)", title_justify="left")
    shown.add_column("")
    for tracking in found:
        shown.add_column(f"{tracking}: wall", justify="right")
        shown.add_column("processor", justify="right")
    for part in (*GIVEN, *OWN, WATCHING):
        pairs = [found[tracking][part] for tracking in found]
        shown.add_row(part, *(f"{x:.3f}" for pair in pairs for x in pair))
    shown.add_section()
    own = [
        [sum(found[tracking][part][i] for part in (*OWN, WATCHING)) for i in range(2)]
        for tracking in found
    ]
    shown.add_row("the platform's own", *(f"{x:.3f}" for pair in own for x in pair))
    limits = [
        f"{'<' if x < LIMITS[tracking] else 'NOT <'} {LIMITS[tracking]}"
        for tracking, pair in zip(found, own, strict=True)
        for x in pair
    ]
    shown.add_row("the limit", *limits)
    return shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=30, help="beside those that warm up")
    parser.add_argument("--tracking", default="off,mlflow")
    options = parser.parse_args()
    out = console()
    say_where(out)
    found = {}
    for tracking in options.tracking.split(","):
        with tempfile.TemporaryDirectory(prefix="betafront-") as place:
            folder = Path(place)
            seconds = sweep(tracking, options.trials, folder)
            rows = read(folder, "worker", skip=WARM_UP)
            found[tracking] = medians(rows)
            recorded = [line["record"] for line in read(folder, "watch", skip=WARM_UP)]
            wall, cpu = np.median(np.array(recorded), axis=0)
            found[tracking][WATCHING] = float(wall), float(cpu)
            out.print(f"{tracking}: {len(rows)} trials counted, the whole sweep {seconds:.1f} s")
    out.print(table(found))


if __name__ == "__main__":
    main()
