"""What σ costs a model that overfits: D + R as trained, and with σ calibrated on validation.

Each run is trained once for its steps. Its weights are looked at after the last step and at the
best validated one (least D + βR of some twenty validations, one draw of z each, the same noise);
and σ as it was trained and as `set_to_error` sets it, to the error on the validation split.
Numbers are D + R in nats per example, means over the seeds, of 8 draws of z; those on validation
with a calibrated σ are of the examples that σ was set on, and those on test are not. A run that
stands in `results/scales.csv` is not trained again.

    python -m benchmarks.training.scales
    python -m benchmarks.training.scales --data mnist --steps 2000 --batch 128
"""

import argparse
import copy
import csv
import itertools
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.common import console, say_where
from rich.table import Table

WEIGHTS = ("last", "best")
SCALES = ("trained", "calibrated")
FILE = Path(__file__).parents[1] / "results" / "scales.csv"


class Case(NamedTuple):
    """A run, but for its seed."""

    data: str
    likelihood: str
    mode: str
    batch: int
    steps: int
    beta: float


class Found(NamedTuple):
    """What came of a run with some weights and some σ."""

    step: int
    scale: float
    val: float
    test: float


Runs = dict[tuple[Case, int], dict[tuple[str, str], Found]]
"""By the case and the seed, and then by the weights and the scale."""


def composed(case: Case, seed: int) -> Any:
    """The run of a case."""
    import hydra

    from betafront.config.build import build
    from betafront.config.compose import VERSION_BASE
    from betafront.shipped import conf_dir

    words = [
        f"data={case.data}", f"likelihood={case.likelihood}", f"likelihood.mode={case.mode}",
        f"objective.weight={case.beta}", f"trainer.steps={case.steps}",
        f"trainer.batch_size={case.batch}", "trainer.accelerator=cpu", f"seed={seed}",
    ]  # fmt: skip
    with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
        return build(hydra.compose("betafront", words))


def trained(run: Any) -> dict[str, tuple[int, Any]]:
    """The steps and models of the last step and of the best validated one."""
    import torch
    from tests.support.steps import every_step

    torch.set_num_threads(run.trainer.threads)
    least, best = float("inf"), {}
    for state in every_step(run):
        if state.cadence.due(state.step):
            loss = validated(state.vae, run)
            if loss < least:
                least, best = loss, {"best": (state.step, copy.deepcopy(state.vae))}
    return {"last": (state.step, state.vae), **best}


def validated(vae: Any, run: Any) -> float:
    """D + βR on the validation split, with the same noise at every step."""
    import torch

    vae.eval()
    with torch.no_grad():
        terms = vae(run.data.examples("val"), torch.Generator().manual_seed(run.seed))
    vae.train()
    beta = run.objective(vae.latents).beta
    return float(terms.distortion.mean() + beta * terms.rate.mean())


def looked_at(step: int, vae: Any, run: Any) -> dict[str, Found]:
    """The model with σ as trained and calibrated."""
    from betafront.training.spread.calibration import set_to_error

    found = {}
    for scale in SCALES:
        if scale == "calibrated":
            set_to_error(vae, run.data.examples("val"), seed=run.seed)
        val, test = (
            run.evaluate(vae, run.data.examples(split), seed=run.seed).values["negative_elbo"]
            for split in ("val", "test")
        )
        found[scale] = Found(step, vae.likelihood.scale, val, test)
    return found


def table(runs: Runs, weights: str) -> Table:
    """A row per case: means over its seeds, and what calibration gains on the test split."""
    shown = Table(title=f"weights of the {weights} step", title_justify="left", box=None)
    shown.add_column("run", no_wrap=True)
    for name in ("steps", "β", "seeds", "step", "val", "test", "cal. val", "cal. test", "gain"):
        shown.add_column(name, justify="right", no_wrap=True)
    for case in dict.fromkeys(case for case, _ in runs):
        mine = [found for (of, _), found in runs.items() if of == case]
        before, after = ([found[weights, scale] for found in mine] for scale in SCALES)
        gains = [b.test - a.test for b, a in zip(before, after, strict=True)]
        shown.add_row(
            f"{case.data} {case.likelihood} {case.mode}", f"{case.steps}", f"{case.beta:g}",
            f"{len(mine)}", f"{mean(before, 'step'):.0f}", f"{mean(before, 'val'):.1f}",
            f"{mean(before, 'test'):.1f}", f"{mean(after, 'val'):.1f}",
            f"{mean(after, 'test'):.1f}", " ".join(f"{gain:.1f}" for gain in gains),
        )  # fmt: skip
    return shown


def mean(found: list[Found], name: str) -> float:
    """Over the seeds."""
    return float(statistics.mean(getattr(one, name) for one in found))


def read(path: Path) -> Runs:
    """The runs that stand in the file."""
    runs: Runs = defaultdict(dict)
    for row in csv.DictReader(path.open()) if path.is_file() else ():
        case = Case._make(kind(row[n]) for n, kind in Case.__annotations__.items())
        found = Found._make(kind(row[n]) for n, kind in Found.__annotations__.items())
        runs[case, int(row["seed"])][row["weights"], row["scales"]] = found
    return runs


def add(path: Path, case: Case, seed: int) -> None:
    """Train a run, and write what came of it to the end of the file."""
    run = composed(case, seed)
    models, fresh = trained(run), not path.is_file()
    with path.open("a", newline="") as sink:
        writer = csv.writer(sink)
        if fresh:
            writer.writerow([*Case._fields, "seed", "weights", "scales", *Found._fields])
        for weights in WEIGHTS:
            for scale, found in looked_at(*models[weights], run).items():
                numbers = (found.step, *(f"{value:.6g}" for value in found[1:]))
                writer.writerow([*case, seed, weights, scale, *numbers])


def main() -> None:
    """Train what the file lacks, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--likelihood", default="gaussian", choices=("gaussian", "laplace"))
    parser.add_argument("--modes", default="optimal,learned")
    parser.add_argument("--steps", default="800,8000")
    parser.add_argument("--betas", default="1,0.5,3")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--file", type=Path, default=FILE)
    options = parser.parse_args()
    out = console()
    say_where(out, ("torch", "numpy"))
    modes, steps, betas = (o.split(",") for o in (options.modes, options.steps, options.betas))
    for mode, beta, many in itertools.product(modes, betas, steps):
        case = Case(options.data, options.likelihood, mode, options.batch, int(many), float(beta))
        for seed in range(options.seeds):
            if (case, seed) not in read(options.file):
                add(options.file, case, seed)
    for weights in WEIGHTS:
        out.print(table(read(options.file), weights))


if __name__ == "__main__":
    main()
