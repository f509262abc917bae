"""What a user waits for, and what it takes: seconds from Return to the first word, the first step
of training, the first finished trial and the end, processor seconds, and peak memory, of a sweep by
betafront, whose workers are forked or started by joblib, and of one by plain Optuna and Lightning
(`plain.py`), interleaved.

    python -m benchmarks.run.first_minute --trials 12 --steps 500 --repeat 3
    python -m benchmarks.run.first_minute --data mnist --trials 24 --steps 780

All train the same model on the same data with two processes and MLflow's record. Memory is the
proportional set size (a page that n processes share counts 1/n in each) summed over all processes
of a side, sampled twice a second. What is printed goes to
`benchmarks/results/first_minute/DATA.txt`.
"""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
from benchmarks.common import console, say_where
from benchmarks.run.stamps import FOLDER
from rich.table import Table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results/first_minute"
OPTIMIZER = "defaults: [adam]\n_target_: benchmarks.run.stamps.Stamped\n"
WORKERS = 2
ROWS = {
    "first word, s": "word",
    "first step, s": "step",
    "first finished trial, s": "trial",
    "end, s": "end",
    "processor seconds": "processor",
    "peak memory, MiB": "peak",
}


def memory(process: psutil.Process) -> float:
    """Proportional set size of a process and its descendants, MiB."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += each.memory_full_info().pss
    return total / 2**20


def watched(command: list[str], place: Path, database: Path) -> dict[str, float]:
    """Run the command of one side, and measure."""
    stamps = place / "stamps"
    stamps.mkdir(parents=True)
    environment = os.environ | {
        FOLDER: str(stamps), "BETAFRONT_RUNS": str(place), "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    before, began, peak, words = os.times(), time.time(), 0.0, list[float]()
    terminal, its = os.openpty()  # what somebody who waits before it sees
    running = subprocess.Popen(command, cwd=place, env=environment, stdout=its, stderr=its)
    os.close(its)
    said: list[str] = []

    def read() -> None:
        with suppress(OSError):  # EIO, once nobody writes to the terminal any more
            while line := os.read(terminal, 4096):
                words.append(time.time() - began)
                said.append(line.decode(errors="replace"))

    reader = threading.Thread(target=read)
    reader.start()
    while running.poll() is None:
        peak = max(peak, memory(psutil.Process(running.pid)))
        time.sleep(0.5)
    end = time.time() - began
    reader.join()
    os.close(terminal)
    if running.returncode:
        raise RuntimeError("".join(said))
    after = os.times()
    first = min(float(path.read_text()) for path in stamps.iterdir())
    return {
        "word": words[0],
        "step": first - began,
        "trial": first_finished(database) - began,
        "end": end,
        "processor": after.children_user + after.children_system
        - before.children_user - before.children_system,
        "peak": peak,
    }  # fmt: skip


def first_finished(database: Path) -> float:
    """When the first trial of a study was complete; seconds since 1970."""
    with sqlite3.connect(database) as connection:
        query = "SELECT min(datetime_complete) FROM trials WHERE state = 'COMPLETE'"
        (text,) = connection.execute(query).fetchone()
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def betafront(launcher: str, place: Path, given: argparse.Namespace) -> dict[str, float]:
    """A sweep by betafront."""
    (place / "conf/optimizer").mkdir(parents=True)
    (place / "conf/optimizer/stamped.yaml").write_text(OPTIMIZER)
    words = [
        f"data={given.data}", "optimizer=stamped", "objective.weight=tag(log,interval(0.001,10))",
        "schedule=constant,linear", f"trainer.steps={given.steps}", "trainer.accelerator=cpu",
        f"trainer.batch_size={128 if given.data == 'mnist' else 64}",
        f"study.budget.trials={given.trials}", f"study.workers={WORKERS}", "study.name=own",
        f"hydra/launcher={launcher}",
    ]  # fmt: skip
    command = [sys.executable, "-m", "betafront", "sweep", *words]
    return watched(command, place, place / "studies.db")


def plain(place: Path, given: argparse.Namespace) -> dict[str, float]:
    """A sweep by plain Optuna and Lightning."""
    words = [
        str(place), "--data", given.data, "--trials", str(given.trials), "--steps",
        str(given.steps), "--data-folder", os.environ.get("BETAFRONT_DATA_DIR", "data"),
    ]  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.run.plain", *words]
    return watched(command, place, place / "plain.db")


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
    sides: dict[str, Callable[[Path, argparse.Namespace], dict[str, float]]] = {
        "betafront": partial(betafront, "processes"),
        "by joblib": partial(betafront, "joblib"),
        "plain": plain,
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(given.repeat):
            for name, sweep in sides.items():
                place = Path(scratch) / f"{name}-{i}"
                place.mkdir()
                found[name].append(sweep(place, given))
                print(i, name, found[name][-1], file=sys.stderr, flush=True)
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
