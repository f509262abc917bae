"""A folder of pictures that is larger than the memory a process may have: trained on within it.

JPEGs of 64 x 64, cut out of the two photographs that scikit-learn ships. Processes whose memory the
system limits (`RLIMIT_DATA`: the heap and what else is private to them) train on them: as the
platform chooses, streamed, and in memory, where there is no room.

    python -m benchmarks.run.memory_limit
"""

import argparse
import os
import re
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from benchmarks.common import console, say_where
from benchmarks.run.pictures import forked, write_pictures
from rich.table import Table

from betafront.data import folder
from betafront.metrics import evaluate
from betafront.models import conv
from betafront.objective import Gaussian, Objective, normalisation
from betafront.training import Run, Trainer, fit_one

SIZE = 64
FEW = 0.01  # of the pictures, for validation and for testing
MB = 10**6


def read(place: Path, in_memory: bool | None) -> Any:
    return folder("pictures", str(place), in_memory=in_memory, val=FEW, test=FEW)


def train(place: Path, steps: int, in_memory: bool | None) -> str:
    """Train on the folder; how it was held, in words."""
    data = read(place, in_memory)
    run = Run(
        data=data,
        architecture=partial(conv, latents=8, width=4),
        likelihood=partial(Gaussian, mode="learned"),
        make_objective=partial(Objective, weight=1.0, normalisation=normalisation("sum")),
        make_optimizer=partial(torch.optim.Adam, lr=1e-3),
        trainer=Trainer(steps=steps, batch_size=32, accelerator="cpu"),
        evaluate=partial(evaluate, samples=1),
        seed=0,
    )
    with tempfile.TemporaryDirectory() as into:
        result = fit_one(run, Path(into))
    held = "read batch by batch" if "batch by batch" in data.note else "held in memory"
    return f"{held}: D + R = {result.metrics['val/negative_elbo']:,.0f} nats, {steps} steps"


def private_memory() -> int:
    """Bytes that `RLIMIT_DATA` counts of this process."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line
    )
    return 1024 * int(line.split()[1])


def within(limit: int, work: Callable[[], str]) -> dict[str, Any]:
    """What `work` says in a process that may have `limit` bytes, or how it fails, with the seconds
    that it took, the memory that the process had before and the most that it had in RAM."""
    return forked(partial(limited, limit, work)) or {"said": "ended by the system"}


def limited(limit: int, work: Callable[[], str]) -> dict[str, Any]:
    before, started = private_memory(), time.perf_counter()
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        said = work()
    except (MemoryError, RuntimeError) as error:
        asked_for = re.search(r"allocate [\d.]+ \w+", str(error))
        said = f"fails: cannot {asked_for.group()}" if asked_for else f"fails: {error}"
    return {
        "said": said,
        "seconds": time.perf_counter() - started,
        "before": before / MB,
        "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=165_000)
    parser.add_argument("--limit", type=int, default=2000, help="of the memory, in MB")
    parser.add_argument("--steps", type=int, default=20)
    asked = parser.parse_args()
    out = console()
    say_where(out, ("torch", "pillow"))
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch
        place = Path(scratch) / "pictures"
        write_pictures(place, asked.images, SIZE, SIZE, quality=75)
        read(place, in_memory=False)
        size = asked.images * 3 * SIZE**2 / MB
        out.print(
            f"{asked.images:,} pictures of 3 x {SIZE} x {SIZE}: {size:,.0f} MB decoded, "
            f"{4 * size:,.0f} MB as 32-bit numbers. The memory of a process: {asked.limit:,} MB\n"
        )
        table = Table(box=None)
        for name in ("in_memory", "at first, MB", "most in RAM, MB", "s", ""):
            table.add_column(name, justify="left" if name in ("in_memory", "") else "right")
        for in_memory in (None, False, True):
            found = within(asked.limit * MB, partial(train, place, asked.steps, in_memory))
            numbers = (f"{found.get(name, 0):.0f}" for name in ("before", "resident", "seconds"))
            word = {None: "null", False: "false", True: "true"}[in_memory]
            table.add_row(word, *numbers, found["said"])
        out.print(table)


if __name__ == "__main__":
    main()
