"""What the benchmarks share: the machine in one line, and a study of trials of a known size."""

import os
import platform
import shlex
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.study.trials.ours import trial_folder

OBJECTIVES = {"val/rate": "minimize", "val/distortion": "minimize"}
LINES = [f"x{i}=interval(0,1)" for i in range(8)]
SPACE = Space.parse(LINES)
# Of a run on digits: ten values, in one attribute.
RECORD = {
    "metrics": {f"val/metric_{i}": 0.123456789 * i for i in range(10)},
    "scale": {"beta": 1.0, "beta_norm": 0.125, "sigma": 0.1},
    "seconds": 1.234,
    "folder": "trial-0007",
    "seed": 7,
}
VALUES = [12.5, 34.25]


def record_of(number: int) -> dict[str, Any]:
    """The record of a trial."""
    return RECORD | {"folder": trial_folder(number)}


def spec(sampler: str = "random", trials: int = 10**9) -> Spec:
    """A study of eight floats."""
    return Spec(
        name="benchmark",
        question="",
        objectives=OBJECTIVES,
        space=dict(line.split("=", 1) for line in LINES),
        space_digest=SPACE.digest,
        base={},
        sampler=sampler,
        seed=0,
        trials=trials,
        workers=1,
        folder="",
        tracking={},
    )


def console() -> Console:
    """Prints 100 columns, also into a file, and keeps them for one (`export_text`)."""
    return Console(width=100, highlight=False, record=True)


def say_where(out: Console, names: tuple[str, ...] = ("optuna", "sqlalchemy", "torch")) -> None:
    """When, by which command, on what and with which packages this is measured."""
    packages = " ".join(f"{name} {version(name)}" for name in names)
    load = f"{os.getloadavg()[0]:.1f}"
    script = Path(sys.argv[0]).resolve().relative_to(Path(__file__).parents[1]).with_suffix("")
    words = shlex.join(["python", "-m", ".".join(script.parts), *sys.argv[1:]])
    out.print(f"{time.strftime('%Y-%m-%d %H:%M')}  {words}")
    out.print(
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"python {platform.python_version()}, {packages}"
    )
    out.print(
        f"load {load} before the start; counting to a million took {1000 * counting():.0f} ms on "
        "the processor\n"
    )


def seconds_of_children() -> float:
    """Seconds on the processor of all processes that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system


def counting() -> float:
    """Seconds on the processor to count to a million: where cores are shared, also the time on the
    processor grows, and this says by how much."""
    found = []
    for _ in range(9):
        started = time.thread_time()
        for _ in range(1_000_000):
            pass
        found.append(time.thread_time() - started)
    return statistics.median(found)
