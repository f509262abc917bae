"""Four sizes of images, three numbers of latents, two losses, three conventions, over the weight.

    python -m studies.sum_or_mean.run           # MNIST from the folder of BETAFRONT_DATA_DIR
    python -m studies.sum_or_mean.run --quick   # digits alone, few steps: does all of it work?

Each size is an ordinary study whose points are given (`study.enqueue`), in the runs folder that
BETAFRONT_RUNS names; the same command goes on where it stopped. The table of each goes to
`results/NAME.csv` beside this file, the β above which collapse is an optimum, as forecast for each
mode of the likelihood, to `results/NAME.json`, and what `found.py` reads from them to `results/`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from studies.sum_or_mean import found

from betafront import forecast, study
from studies import sweeps

LATENTS = (2, 8, 32)


@dataclass(frozen=True)
class Sweep:
    """One study.

    Attributes:
        name: of it, after `sum-or-mean-`.
        pixels: N.
        words: the overrides that make it.
        top: the greatest β with an optimal σ, and with σ = 1, as powers of √10.
        latents: the numbers of latents.
        modes: of the likelihood.
    """

    name: str
    pixels: int
    words: tuple[str, ...]
    top: tuple[int, int]
    latents: tuple[int, ...] = LATENTS
    modes: tuple[str, ...] = ("optimal", "fixed")

    def points(self) -> list[dict[str, object]]:
        """The trials: β from 0.1 with an optimal σ, and from 0.003 with σ = 1, in steps of √10."""
        spans = {"optimal": range(-2, self.top[0] + 1), "fixed": range(-5, self.top[1] + 1)}
        made = [
            self.point(mode, "sum", m, 10 ** (power / 2))
            for mode in self.modes
            for m in self.latents
            for power in spans[mode]
        ]
        if self.name in found.IN_CONVENTIONS:
            made += [
                self.point("optimal", normalisation, 8, 10 ** (power / 2))
                for normalisation in ("mean", "pixel_mean")
                for power in spans["optimal"]
            ]
        return made

    def point(self, mode: str, normalisation: str, latents: int, beta: float) -> dict[str, object]:
        """The trial of a canonical β, as a convention writes it."""
        unit = {"sum": 1.0, "mean": latents / self.pixels, "pixel_mean": 1 / self.pixels}
        return {
            "objective.weight": float(f"{beta * unit[normalisation]:.6g}"),
            "normalisation": normalisation,
            "model.latents": latents,
            "likelihood.mode": mode,
        }


def mnist(pixels_a_side: int) -> tuple[str, ...]:
    """12,000 images of MNIST at a size."""
    return "data=mnist", f"data.size={pixels_a_side}", "data.limit=12000"


SWEEPS = (
    Sweep("digits", 64, (), (3, 0)),
    Sweep("mnist14", 196, mnist(14), (3, 1)),
    Sweep("mnist28", 784, mnist(28), (4, 2)),
    Sweep("mnist56", 3136, mnist(56), (5, 3), (8,)),
    Sweep("mnist28-long", 784, (*mnist(28), "trainer.steps=8000"), (4, 2), (8,), ("optimal",)),
    Sweep("mnist28-conv", 784, (*mnist(28), "model=conv"), (4, 2), (8,), ("optimal",)),
)
QUICK = Sweep(
    "quick", 64, ("trainer.steps=300", "model.hidden=[64]", "optimizer.lr=0.003"), (2, -2), (2, 8)
)


def run(sweep: Sweep, results: Path) -> None:
    """Have a study done, and its table written."""
    name = f"sum-or-mean-{sweep.name}"
    sweeps.at_points("sum_or_mean", name, sweep.points(), *sweep.words, "study.sampler=random")
    table = study(name).trials
    results.mkdir(parents=True, exist_ok=True)
    table[found.COLUMNS].to_csv(results / f"{sweep.name}.csv", index=False, float_format="%.6g")
    of_model = [word for word in sweep.words if not word.startswith("trainer.")]
    beta_c = {
        mode: forecast(*of_model, "likelihood=gaussian", f"likelihood.mode={mode}").beta_c
        for mode in sweep.modes
    }
    (results / f"{sweep.name}.json").write_text(json.dumps(beta_c) + "\n")


def main() -> None:
    with sweeps.results_of(__file__) as (results, quick):
        for sweep in (QUICK,) if quick else SWEEPS:
            run(sweep, results)
        found.main(results)


if __name__ == "__main__":
    main()
