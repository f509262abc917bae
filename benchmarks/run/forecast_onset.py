"""Does a latent open where the forecast says? Runs on digits below and above that β.

Of each likelihood a run at 0.8 and one at 1.2 of the β at which latents open, and a rate on the
validation split of each. The runs of what has no sharp onset are shorter, and one is far above.

    python -m benchmarks.run.forecast_onset

What is printed goes to `benchmarks/results/forecast_onset.txt`.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import console, say_where
from rich.table import Table

from betafront.config.build import build
from betafront.config.compose import compose
from betafront.forecast.forecast import forecast
from betafront.training import fit_one

RESULTS = Path(__file__).parents[1] / "results"
PARTS = (0.8, 1.2)
STEPS, FEWER = 3000, 1500

LIKELIHOODS: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "gaussian, optimal": ((), ()),
    "gaussian, σ = 0.3 fixed": (("likelihood.mode=fixed", "likelihood.sigma=0.3"), ()),
    "bernoulli, binarize=0.5": (("likelihood=bernoulli", "data.binarize=0.5"), ()),
    "discretized_logistic": (("likelihood=discretized_logistic",), ()),
    "categorical": (("likelihood=categorical",), ()),
    "continuous_bernoulli": (("likelihood=continuous_bernoulli",), (100.0,)),
    "beta, dequantize=true": (("likelihood=beta", "data.dequantize=true"), (10.0,)),
}
"""By name the words of a run, and further β, at which runs have fewer steps."""


def rate(words: tuple[str, ...], beta: float, steps: int) -> float:
    """R of a run on the validation split, in nats."""
    settings = (f"objective.weight={beta}", f"trainer.steps={steps}", "trainer.accelerator=cpu")
    with tempfile.TemporaryDirectory() as folder:
        run = build(compose(["data=digits", *words, *settings]))
        return fit_one(run, Path(folder)).metrics["val/rate"]


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--first", type=int, default=len(LIKELIHOODS), help="so many of them alone")
    given = parser.parse_args()
    out = console()
    say_where(out, ("torch",))
    began = time.process_time()
    table = Table(box=None)
    for name in ("likelihood", "β_c", "β_live", "of validation"):
        table.add_column(name, justify="left" if name == "likelihood" else "right")
    for name in (*(f"R at {part:g}" for part in PARTS), "R far above"):
        table.add_column(name, justify="right")
    for name, (words, further) in list(LIKELIHOODS.items())[: given.first]:
        run = build(compose(["data=digits", *words]))
        found = forecast(run.data, run.p_x(), run.objective(run.vae().widths))
        rates = [rate(words, part * found.beta_live, given.steps) for part in PARTS]
        far = [f"{rate(words, beta, min(FEWER, given.steps)):.2g} at {beta:g}" for beta in further]
        table.add_row(
            name,
            f"{found.beta_c:.4g}",
            f"{found.beta_live:.3g}",
            f"{found.collapse.held_out:.3g}",
            *(f"{one:.2g}" for one in rates),
            *far,
        )
        print(f"{name}: {rates}, {far}", file=sys.stderr, flush=True)
    out.print(table)
    out.print(f"\n{time.process_time() - began:.0f} processor seconds")
    (RESULTS / "forecast_onset.txt").write_text(out.export_text())


if __name__ == "__main__":
    main()
