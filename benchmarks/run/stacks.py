"""A sweep with the runs of each worker stacked where that pays (`study.stack=auto`), and without.

Two workers on the cores of this machine; the points of a grid, so that both sweeps train the same
ones. From the command to its end, start-up and evaluation among it.

    python -m benchmarks.run.stacks --repeat 3
    python -m benchmarks.run.stacks --cases "mnist 256-128" --trials 12
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import console, say_where, seconds_of_children
from rich.table import Table

CASES = {
    "digits 64": ("model.hidden=[64]", "trainer.steps=2000"),
    "digits 256-128": ("trainer.steps=2000",),
    "mnist 256-128": ("data=mnist", "trainer.batch_size=128", "trainer.steps=780"),
}
STACKS = ("1", "auto")
WORKERS = 2
RESULTS = Path(__file__).parents[1] / "results" / "stacks.json"


def sweep(case: str, stack: str, trials: int) -> dict[str, float]:
    """The seconds of a sweep, by the wall and on the processor."""
    weights = ",".join(f"{0.05 * 1.25**number:.4g}" for number in range(trials))
    words = [
        *CASES[case], f"objective.weight={weights}", "study.sampler=grid", f"study.stack={stack}",
        f"study.budget.trials={trials}", f"study.workers={WORKERS}", "study.name=stacks",
        "trainer.accelerator=cpu", "tracking=off",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        settings = os.environ | {"BETAFRONT_RUNS": place, "OMP_NUM_THREADS": "1"}
        before, began = seconds_of_children(), time.monotonic()
        command = [sys.executable, "-m", "betafront", "sweep", *words]
        subprocess.run(command, env=settings, check=True, capture_output=True)
        wall = time.monotonic() - began
    return {"wall": wall, "processor": seconds_of_children() - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--repeat", type=int, default=1)
    asked = parser.parse_args()
    out = console()
    say_where(out)
    table = Table("sweep", "wall, s", "stacked", "ratio", "processor, s", "stacked ", "ratio ")
    measured: dict[str, dict[str, list[dict[str, float]]]] = {}
    for case in asked.cases:
        took = measured[case] = {stack: [] for stack in STACKS}
        for _ in range(asked.repeat):
            for stack in STACKS:
                took[stack].append(sweep(case, stack, asked.trials))
        cells = []
        for what in ("wall", "processor"):
            alone, stacked = ([each[what] for each in took[stack]] for stack in STACKS)
            ratio = statistics.median(a / s for a, s in zip(alone, stacked, strict=True))
            cells += [statistics.median(alone), statistics.median(stacked), ratio]
        form = "{:.0f} {:.0f} {:.2f} {:.0f} {:.0f} {:.2f}"
        table.add_row(f"{case}, {asked.trials} trials", *form.format(*cells).split())
    out.print(table)
    RESULTS.write_text(json.dumps(measured, indent=1) + "\n")
    RESULTS.with_suffix(".txt").write_text(out.export_text())


if __name__ == "__main__":
    main()
