"""What a step of a run costs in a stack of K runs, beside the same K runs one after the other.

The runs differ in β and in their seed, and with `--rates` in their learning rate. They are trained
as `betafront.training.fit` trains them, in one process and with one thread, stacked and one after
the other in turn. The seconds are those from before the first step to after the last, on the CPU of
the processor, on a GPU by the wall clock; validations are in them, what a run takes once is not.

    python -m benchmarks.training.stacked
    python -m benchmarks.training.stacked --device cuda --runs 1 4 16 64 256
    python -m benchmarks.training.stacked --cases "mlp 64-64" --runs 8 --times 9
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from betafront.data import Data, in_memory
from betafront.metrics import evaluate
from betafront.models import conv, mlp
from betafront.objective import Gaussian, Objective, normalisation
from betafront.training import Run, Trainer
from betafront.training.attempt import Attempt

RESULTS = Path(__file__).parents[1] / "results"
EXAMPLES = 4096


class Case(NamedTuple):
    """A model, and what it is trained on.

    Attributes:
        shape: of an example.
        architecture: makes the model.
        batch: examples of a step.
        steps: of a run alone, of which a stack takes as many.
    """

    shape: tuple[int, ...]
    architecture: Callable[..., Any]
    batch: int
    steps: int


CASES = {
    "mlp 64-64": Case((64,), partial(mlp, latents=8, hidden=(64,)), 64, 300),
    "mlp 64-256-128": Case((64,), partial(mlp, latents=8, hidden=(256, 128)), 64, 150),
    "mlp 784-256-128": Case((784,), partial(mlp, latents=8, hidden=(256, 128)), 128, 20),
    "mlp 784-512-256": Case((784,), partial(mlp, latents=8, hidden=(512, 256)), 128, 10),
    "mlp 4096-1200-1200": Case((4096,), partial(mlp, latents=10, hidden=(1200, 1200)), 64, 10),
    "conv 64x64": Case((1, 64, 64), partial(conv, latents=10), 64, 10),
}

ON_GPU = 10
"""Times as many steps are taken on a GPU."""


def runs_of(case: Case, count: int, steps: int, device: str, own_rates: bool) -> list[Run]:
    """The runs of a stack."""
    trainer = Trainer(
        steps=steps,
        batch_size=case.batch,
        accelerator="gpu" if device == "cuda" else "cpu",
        checkpoint_seconds=3600,
    )
    data = data_of(case.shape)
    return [
        Run(
            data=data,
            architecture=case.architecture,
            likelihood=Gaussian,
            make_objective=partial(
                Objective, weight=0.1 * 1.1**number, normalisation=normalisation("sum")
            ),
            make_optimizer=partial(
                torch.optim.Adam, lr=1e-3 * (1.01**number if own_rates else 1), fused=True
            ),
            trainer=trainer,
            evaluate=evaluate,
            seed=number,
        )
        for number in range(count)
    ]


@cache
def data_of(shape: tuple[int, ...]) -> Data:
    """Noise of a shape."""
    made = torch.rand(EXAMPLES, *shape, generator=torch.Generator().manual_seed(0))
    return in_memory("noise", made, val=0.0625, test=0.0625)


class Clock:
    """Seconds between Lightning's first and its last hook around the steps.

    Args:
        device: of the runs.
    """

    def __init__(self, device: str) -> None:
        self.on_gpu = device == "cuda"
        self.seconds = 0.0

    def now(self) -> float:
        """The time: of the processor, or by the wall clock once the GPU is done."""
        if not self.on_gpu:
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    @contextmanager
    def on(self, kind: Any) -> Iterator[None]:
        """Clock the training by modules of a kind."""
        begin, end = kind.on_train_start, kind.on_train_end

        def on_train_start(module: Any) -> None:
            self.seconds -= self.now()
            begin(module)

        def on_train_end(module: Any) -> None:
            end(module)
            self.seconds += self.now()

        kind.on_train_start, kind.on_train_end = on_train_start, on_train_end
        try:
            yield
        finally:
            kind.on_train_start, kind.on_train_end = begin, end


def one_after_another(runs: list[Run], device: str) -> float:
    """Seconds of the training of runs, each alone."""
    from betafront.data.seeded import seeded
    from betafront.training.lightning.stretches import StretchModule
    from betafront.training.lightning.trained import trained
    from betafront.training.lightning.trainer import quiet

    clock = Clock(device)
    for run in runs:
        with (
            tempfile.TemporaryDirectory() as folder,
            quiet(),
            seeded(run.seed),
            clock.on(StretchModule),
        ):
            trained(run, Path(folder))
    return clock.seconds


def stacked(runs: list[Run], device: str) -> float:
    """Seconds of the training of runs in one stack."""
    from betafront.training.lightning.stack_module import StackModule
    from betafront.training.lightning.trained_together import trained_together
    from betafront.training.lightning.trainer import quiet

    clock = Clock(device)
    with tempfile.TemporaryDirectory() as folder, quiet(), clock.on(StackModule):
        attempts = [Attempt(run, Path(folder) / str(run.seed)) for run in runs]
        together = trained_together(dict(enumerate(attempts)))
    if together.alone or together.apart:
        sys.exit(f"not stacked: {together.alone or together.apart}")
    return clock.seconds


def compared(case: Case, count: int, asked: argparse.Namespace) -> dict[str, float]:
    """Microseconds per step of a run, one after another and stacked."""
    steps = case.steps * (ON_GPU if asked.device == "cuda" else 1)
    runs = runs_of(case, count, steps, asked.device, asked.rates)
    alone, together = [], []
    for _ in range(asked.times + 1):  # of which the first warms up
        alone.append(one_after_another(runs[: asked.alone], asked.device) / min(count, asked.alone))
        together.append(stacked(runs, asked.device) / count if count > 1 else alone[-1])
    pairs = list(zip(alone, together, strict=True))[1:]
    ratios = [one / other for one, other in pairs]
    found = {
        "alone": 1e6 * statistics.median(one for one, _ in pairs) / steps,
        "stacked": 1e6 * statistics.median(other for _, other in pairs) / steps,
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
    }
    if asked.device == "cuda":
        found["memory, GB"] = torch.cuda.max_memory_allocated() / 1e9
        torch.cuda.reset_peak_memory_stats()
    return found


def machine(device: str) -> str:
    """What is measured on, in one line."""
    name = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {platform.machine()}"
    return f"{name}, 1 thread, python {platform.python_version()}, torch {torch.__version__}"


def main() -> None:
    """Measure, print and keep."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    words.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    words.add_argument("--runs", nargs="+", type=int, default=[1, 4, 8, 16], help="K")
    words.add_argument("--rates", action="store_true", help="a learning rate for each run")
    words.add_argument("--times", type=int, default=5, help="that each is trained, in turn")
    words.add_argument("--alone", type=int, default=4, help="runs of K that are trained alone too")
    words.add_argument("--keep", default="stacked", help="the name of the results")
    asked = words.parse_args()
    torch.set_num_threads(1)
    command = " ".join(["python -m benchmarks.training.stacked", *sys.argv[1:]])
    lines = [f"{time.strftime('%Y-%m-%d %H:%M')}  {command}", machine(asked.device), ""]
    lines.append(f"{'µs per step of a run':22}   K    alone  stacked   ratio      from to")
    print("\n".join(lines), flush=True)
    found: dict[str, dict[str, float]] = {}
    for name in asked.cases:
        for count in asked.runs:
            row = compared(CASES[name], count, asked)
            found[f"{name}, K={count}"] = row
            lines.append(
                f"{name:22} {count:3}  {row['alone']:7.0f}  {row['stacked']:7.0f}   "
                f"{row['ratio']:5.2f}   {row['least']:5.2f} to {row['most']:.2f}"
            )
            print(lines[-1], flush=True)
    kept = {"command": command, "machine": machine(asked.device), "found": found}
    (RESULTS / f"{asked.keep}.json").write_text(json.dumps(kept, indent=1) + "\n")
    (RESULTS / f"{asked.keep}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
