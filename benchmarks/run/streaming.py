"""Images that are read batch by batch against the same in memory: what preparing them takes, and
the time and memory of training on them.

JPEGs of 178 x 218, cut out of the two photographs that scikit-learn ships, are brought to 64 x 64.
Each part runs in a process of its own, which begins with the libraries imported; training takes
turns, and the ratio is that of the medians. The weights of all runs have to be the same bits.

    python -m benchmarks.run.streaming
    python -m benchmarks.run.streaming --images 50000 --steps 500
"""

import argparse
import hashlib
import os
import resource
import statistics
import sys
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

HEIGHT, WIDTH, SIZE = 218, 178, 64
REPEATS = 3


def in_a_process(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, with the seconds by the wall and on the processors, and the peak memory
    in MB of its process and of the largest that it began, each as `ru_maxrss` has it."""
    found = forked(partial(measured, work))
    if found is None:
        sys.exit("a part has failed: its error stands above")
    return found


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    started = time.perf_counter()
    found = work()
    own, begun = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return found | {
        "seconds": time.perf_counter() - started,
        "processor": sum(used.ru_utime + used.ru_stime for used in (own, begun)),
        "memory": own.ru_maxrss / 1024,
        "memory of workers": begun.ru_maxrss / 1024,
    }


def read(place: Path, in_memory: bool | None = False) -> dict[str, Any]:
    """Read the folder, and say how many images there are."""
    data = folder("pictures", str(place), size=SIZE, in_memory=in_memory)
    return {"images": sum(map(data.size, ("train", "val", "test")))}


def train(place: Path, steps: int, in_memory: bool) -> dict[str, Any]:
    """Train on the folder; the seconds are those of the run alone on the processor, which other
    work on the machine changes less than those by the wall, and the weights a digest."""
    run = Run(
        data=folder("pictures", str(place), size=SIZE, in_memory=in_memory),
        architecture=partial(conv, latents=16),
        likelihood=partial(Gaussian, mode="learned"),
        make_objective=partial(Objective, weight=1.0, normalisation=normalisation("sum")),
        make_optimizer=partial(torch.optim.Adam, lr=1e-3),
        trainer=Trainer(steps=steps, batch_size=64, accelerator="cpu"),
        evaluate=partial(evaluate, samples=1),
        seed=0,
    )
    with tempfile.TemporaryDirectory() as into:
        started = time.process_time()
        result = fit_one(run, Path(into))
        seconds = time.process_time() - started
        weights = (Path(into) / "model.safetensors").read_bytes()
    return {
        "run": seconds,
        "bits": hashlib.sha256(weights + repr(result.metrics).encode()).hexdigest()[:12],
    }


def batches(place: Path, in_memory: bool) -> dict[str, Any]:
    """Take the batches of epochs alone, without a model; the milliseconds of one."""
    data = folder("pictures", str(place), size=SIZE, in_memory=in_memory)
    found = data.batches("train", 64, torch.Generator().manual_seed(0))
    list(found)
    started = time.process_time()
    epochs = max(1, 200 // len(found))
    for _ in range(epochs):
        for _ in found:
            pass
    return {"run": 1000 * (time.process_time() - started) / (epochs * len(found))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=100)
    asked = parser.parse_args()
    out = console()
    say_where(out, ("torch", "pillow"))
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch
        place = Path(scratch) / "pictures"
        size = write_pictures(place, asked.images, HEIGHT, WIDTH, quality=90)
        out.print(
            f"{asked.images:,} JPEGs of {HEIGHT} x {WIDTH}, {size:.0f} MB, to {SIZE} x {SIZE}\n"
        )
        table = Table(box=None)
        for name in ("preparing", "images/s", "wall s", "processor s", "peak MB", "of workers, MB"):
            table.add_column(name, justify="left" if name == "preparing" else "right")
        for name in ("the first time", "from the cache"):
            found = in_a_process(partial(read, place))
            table.add_row(
                name,
                f"{found['images'] / found['seconds']:,.0f}",
                f"{found['seconds']:.2f}",
                f"{found['processor']:.2f}",
                f"{found['memory']:.0f}",
                f"{found['memory of workers']:.0f}" if found["memory of workers"] else "",
            )
        out.print(table)
        compare(out, partial(batches, place), "ms on the processor for a batch of 64")
        what = f"s on the processor for a run of {asked.steps} steps of 64, conv"
        compare(out, partial(train, place, asked.steps), what)
    sys.stdout.flush()


def compare(out: Any, work: Callable[[bool], dict[str, Any]], what: str) -> None:
    """Print what `work` takes in memory and streamed, in turns, and their ratio."""
    found: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for _ in range(REPEATS):
        for in_memory, each in found.items():
            each.append(in_a_process(partial(work, in_memory)))
    table = Table(box=None)
    for name in (what, "median", "all", "peak MB"):
        table.add_column(name, justify="left" if name == what else "right")
    medians = {m: statistics.median(one["run"] for one in each) for m, each in found.items()}
    for in_memory, each in found.items():
        table.add_row(
            "in memory" if in_memory else "streamed",
            f"{medians[in_memory]:.2f}",
            " ".join(f"{one['run']:.2f}" for one in each),
            f"{max(one['memory'] for one in each):.0f}",
        )
    table.add_row("ratio", f"{medians[False] / medians[True]:.2f}")
    bits = {one["bits"] for each in found.values() for one in each if "bits" in one}
    out.print()
    out.print(table)
    if bits:
        same = "the same bits in all" if len(bits) == 1 else f"other bits: {sorted(bits)}"
        out.print(f"weights and metrics: {same}")


if __name__ == "__main__":
    main()
