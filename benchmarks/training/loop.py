"""What a step of a run costs beside the same step in a bare loop of PyTorch.

The bare loop is what somebody writes by hand for one model: the batches sliced from a tensor, the
loss in a few lines, `torch.optim.Adam(fused=True)`, the validations of the run after the same
steps, and the weights of the best of them kept. It has the initial weights, the order of the
examples and the noise of the run. That it is the same training is found out in float64, where
rounding has no time to grow: in twenty steps each loss, and D and R of the validation split after
the last, must be those of the run to seven digits, or nothing is printed.

Both are trained in one process in turn, with one thread, and the seconds are those of the
processor from before the first step to after the last; what a run takes once (its model, setting
Lightning up, its checkpoint) stands beside them.

    python -m benchmarks.training.loop
    python -m benchmarks.training.loop --cases digits MNIST --times 9
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from benchmarks.common import console, say_where
from rich.table import Table
from torch import Tensor

FILE = Path(__file__).parents[1] / "results" / "loop.json"

CASES = {
    "digits": ["data=digits", "model=mlp", "trainer.steps=1000"],
    "MNIST": ["data=mnist", "model=mlp", "trainer.batch_size=128", "trainer.steps=200"],
    "MNIST, conv": [
        "data=mnist", "model=conv", "trainer.batch_size=128", "trainer.steps=40", "data.limit=6000",
    ],
}  # fmt: skip
"""The default run on each data set: a Gaussian with the optimal σ, β = 1, Adam."""

CHECKED = ["trainer.precision=64-true", "trainer.steps=20"]
CLOSE = 5e-7  # a trace is kept in float32

LEAST = math.exp(-12)  # added to the variance: as `betafront.objective.Gaussian` keeps it above 0


@dataclass
class Trained:
    """What one training took, and came to.

    Attributes:
        seconds: of the processor, from before the first step to after the last.
        losses: (steps,) at every step.
        validated: D and R of the validation split at the end, in nats.
        once: seconds of the processor before the first step and after the last.
    """

    seconds: float
    losses: Tensor
    validated: tuple[float, float]
    once: float = 0.0


def run_of(overrides: list[str]) -> Any:
    """The parts of a case's run."""
    from betafront.config.build import build
    from betafront.config.compose import compose

    return build(compose([*overrides, "trainer.accelerator=cpu", "seed=0"]))


def by_betafront(run: Any) -> Trained:
    """Train a run as `fit` does."""
    from betafront.data.seeded import seeded
    from betafront.training.lightning.checkpoint import Checkpoint
    from betafront.training.lightning.trained import trained
    from betafront.training.lightning.trainer import quiet

    times: list[float] = []  # of Lightning's first hook before the steps, and the first after them
    hooks = {name: getattr(Checkpoint, name) for name in ("on_train_start", "on_train_end")}

    def clocked(hook: Any) -> Any:
        def call(*given: Any) -> None:
            times.append(time.process_time())
            hook(*given)

        return call

    began = time.process_time()
    try:
        for name, hook in hooks.items():
            setattr(Checkpoint, name, clocked(hook))
        with tempfile.TemporaryDirectory() as folder, quiet(), seeded(run.seed):
            state, _ = trained(run, Path(folder))
    finally:
        for name, hook in hooks.items():
            setattr(Checkpoint, name, hook)
    first, last = times
    once = time.process_time() - began - (last - first)
    row = state.history[-1]
    found = row["val_one_draw/distortion"], row["val_one_draw/rate"]
    return Trained(last - first, state.trace[:, 2].clone(), found, once)


def by_hand(run: Any) -> Trained:
    """Train the same model in a loop that somebody might write for it alone."""
    from betafront.data.seeded import seeded

    dtype = torch.float64 if run.trainer.precision == "64-true" else torch.float32
    with seeded(run.seed):
        model = run.vae().to(dtype)
        encoder, decoder = model.encoder, model.decoder
        noise = torch.Generator()
        noise.set_state(torch.get_rng_state())
    steps, size, beta = run.trainer.steps, run.trainer.batch_size, run.objective_of(model).beta
    validations = validated_steps(run)
    train, val = (run.data.examples(split).to(dtype) for split in ("train", "val"))
    order = torch.Generator().manual_seed(run.seed)

    began = time.process_time()
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    losses, validated, squares, seen = [], (math.nan, math.nan), torch.zeros((), dtype=dtype), 0.0
    best, kept = math.inf, {}
    step = 0
    while step < steps:
        shuffled = torch.randperm(len(train), generator=order)
        for i in range(min(len(train) // size, steps - step)):
            x = train[shuffled[i * size : (i + 1) * size]]
            mean, log_var = encoder(x).chunk(2, 1)
            z = mean + (0.5 * log_var).exp() * torch.randn(mean.shape, generator=noise, dtype=dtype)
            errors = (x - decoder(z)) ** 2
            mse = errors.mean()
            loss = nll(errors, (mse + LEAST).log() / 2) + beta * divergence(mean, log_var)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            squares, seen = 0.99 * squares + 0.01 * mse.detach(), 0.99 * seen + 0.01
            step += 1
            if step in validations:
                validated = validate(
                    encoder, decoder, val, (squares / seen + LEAST).log() / 2, run.seed
                )
                if validated[0] + beta * validated[1] < best:
                    best = validated[0] + beta * validated[1]
                    parts = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}
                    kept = {k: {n: t.clone() for n, t in w.items()} for k, w in parts.items()}
    seconds = time.process_time() - began
    assert kept
    return Trained(seconds, torch.stack(losses), validated)


def nll(errors: Tensor, log_sigma: Tensor) -> Tensor:
    """() minus the mean log density of the examples, from their squared errors."""
    each = 0.5 * (errors * (-2 * log_sigma).exp() + math.log(2 * math.pi)) + log_sigma
    return each.flatten(1).sum(1).mean()


def divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """() the mean KL divergence from N(0, 1)."""
    return 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1).mean()


@torch.no_grad()
def validate(
    encoder: Any, decoder: Any, val: Tensor, log_sigma: Tensor, seed: int
) -> tuple[float, float]:
    """D and R of the validation split, with one draw of z per example."""
    noise, dtype = torch.Generator().manual_seed(seed), val.dtype
    distortion = rate = 0.0
    for x in val.split(1000):
        mean, log_var = encoder(x).chunk(2, 1)
        z = mean + (0.5 * log_var).exp() * torch.randn(mean.shape, generator=noise, dtype=dtype)
        distortion += nll((x - decoder(z)) ** 2, log_sigma).item() * len(x)
        rate += divergence(mean, log_var).item() * len(x)
    return distortion / len(val), rate / len(val)


def validated_steps(run: Any) -> set[int]:
    """The steps after which a run is validated."""
    from betafront.training.validation.cadence import Cadence

    cadence = Cadence(run.trainer.steps, run.epoch, run.trainer.batch_size, run.data.size("val"))
    return {step for step in range(1, run.trainer.steps + 1) if cadence.due(step)}


def apart(one: Trained, other: Trained) -> float:
    """The greatest difference between what two trainings came to, as a part of the first loss."""
    losses = (one.losses - other.losses).abs().max().item()
    pairs = zip(one.validated, other.validated, strict=True)
    return max(losses, *(abs(a - b) for a, b in pairs)) / abs(other.losses[0].item())


def compared(overrides: list[str], times: int) -> dict[str, Any]:
    """A case trained in both ways, in turn."""
    checked = run_of([*overrides, *CHECKED])
    difference = apart(by_betafront(checked), by_hand(checked))
    if not difference < CLOSE:
        sys.exit(f"{overrides}: not the same training, losses differ by {difference:.1e}")
    run = run_of(overrides)
    ours, bare = [], []
    for _ in range(times):
        bare.append(by_hand(run))
        ours.append(by_betafront(run))
    per_step = [[1e6 * t.seconds / run.trainer.steps for t in which] for which in (bare, ours)]
    ratios = [b / a for a, b in zip(*per_step, strict=True)]
    return {
        "run": overrides,
        "validations": len(validated_steps(run)),
        "bare": statistics.median(per_step[0]),
        "betafront": statistics.median(per_step[1]),
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
        "once": statistics.median(t.once for t in ours),
        "apart": difference,
    }


def shown(found: dict[str, dict[str, Any]]) -> Table:
    """A line per case."""
    table = Table(box=None)
    names = (
        "validations", "bare, µs a step", "betafront", "ratio", "from", "to", "once, s", "apart",
    )  # fmt: skip
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for case, row in found.items():
        table.add_row(
            case, str(row["validations"]), f"{row['bare']:.0f}", f"{row['betafront']:.0f}",
            f"{row['ratio']:.3f}", f"{row['least']:.2f}", f"{row['most']:.2f}",
            f"{row['once']:.2f}", f"{row['apart']:.0e}",
        )  # fmt: skip
    return table


def main() -> None:
    """Measure, print and keep."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    words.add_argument("--times", type=int, default=5, help="that each is trained")
    asked = words.parse_args()
    out = console()
    say_where(out, ("torch", "pytorch-lightning"))
    torch.set_num_threads(1)
    found = {case: compared(CASES[case], asked.times) for case in asked.cases}
    out.print(shown(found))
    if asked.cases == list(CASES):
        FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
