"""What answers cost that train nothing: processor seconds and peak memory of the commands that only
read a study, and of those that refuse what they were given.

Each command runs in a process of its own, its imports included; medians of 5. Python's bytecode has
to be there (`python -m compileall -q src`), as after an installation: without it each start
compiles every module again.

    python -m benchmarks.run.readers
    python -m benchmarks.run.readers --runs runs --study weighting-digits
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.common import console, say_where
from rich.console import Console
from rich.table import Table

REPEATS = 5
SMALL = ("trainer.steps=40", "study.budget.trials=8", "study.workers=1", "tracking=off")
# What is to hold for `--help` and `status`, in processor seconds and MB.
LIMITS = {"--help": (0.5, None), "status STUDY": (2.0, 200.0)}


def measured(runs: Path, *words: str) -> tuple[float, float, int]:
    """Processor seconds, peak memory in MB and exit status of a command."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        environment = os.environ | {"BETAFRONT_RUNS": str(runs)}
        os.execve(sys.executable, [sys.executable, "-m", "betafront", *words], environment)
    _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    return seconds, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def commands(study: str) -> dict[str, tuple[str, ...]]:
    """What is measured, by how it is shown."""
    return {
        "--help": ("--help",),
        "status STUDY": ("status", study),
        "status STUDY --json": ("status", study, "--json"),
        "compare STUDY --by normalisation": ("compare", study, "--by", "normalisation"),
        "report STUDY": ("report", study),
        "status nosuch": ("status", "nosuch"),
        "train objectve.weight=1": ("train", "objectve.weight=1"),
        "train likelihood=gausian": ("train", "likelihood=gausian"),
        "sweep study=weightin": ("sweep", "study=weightin"),
        "sweep objective.weight=interval(10,1)": ("sweep", "objective.weight=interval(10,1)"),
        "sweep schedule=linear,liner": ("sweep", "schedule=linear,liner"),
    }


def show(runs: Path, study: str, out: Console) -> None:
    """Measure the commands and print what they took."""
    table = Table(box=None)
    table.add_column("betafront", overflow="fold")
    for name in ("processor s", "peak MB", "limit"):
        table.add_column(name, justify="right")
    for shown, words in commands(study).items():
        found = [measured(runs, *words) for _ in range(REPEATS)]
        seconds, memory = (statistics.median(one[i] for one in found) for i in (0, 1))
        limit = LIMITS.get(shown, (2.0, None) if found[0][2] == 2 else (None, None))
        allowed = [f"{n:g} {unit}" for n, unit in zip(limit, ("s", "MB"), strict=True) if n]
        table.add_row(shown, f"{seconds:.2f}", f"{memory:.0f}", ", ".join(allowed))
    out.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, help="a runs folder; a small sweep where left out")
    parser.add_argument("--study", default="weighting-digits")
    asked = parser.parse_args()
    out = console()
    say_where(out, ("optuna", "pandas", "typer"))
    with tempfile.TemporaryDirectory() as place:
        runs = asked.runs or Path(place)
        if asked.runs is None:
            measured(runs, "sweep", "study=weighting", *SMALL)
        show(runs, asked.study, out)


if __name__ == "__main__":
    main()
