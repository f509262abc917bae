"""What the table in `results/` says: which likelihood, and whether a free σ finds the best weight.

    python -m studies.likelihoods.found

Writes `found.json` and `figure.png`.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from scipy.interpolate import PchipInterpolator
from studies.shown import Least, mean_error, show, write

FIXED = "gaussian, fixed σ"
FREE = ("gaussian, learned σ", "gaussian, optimal σ", "gaussian, σ per image")
NO_LIKELIHOOD = ("bernoulli",)  # of grey pixels: its D is a cross-entropy
R, NATS, BITS, MSE = "test/rate", "test/negative_elbo", "test/bits_per_dim", "test/mse"
COLUMNS = [
    "images", "likelihood", "trial", "replicate", "beta", "sigma", "pixels", "standing",
    "kept_step", R, "test/distortion", NATS, BITS, MSE, "test/active_units",
]  # fmt: skip


def read(results: Path) -> pd.DataFrame:
    """All runs. What a cross-entropy would be in nats and bits is left out."""
    runs = pd.read_csv(results / "runs.csv")
    runs.loc[runs["likelihood"].isin(NO_LIKELIHOOD), ["test/distortion", NATS, BITS]] = math.nan
    return runs


def best(runs: pd.DataFrame) -> Least:
    """The least D + R in nats among fixed σ, over ln σ, of the means over the seeds on the test
    split: between the σ that were tried by N·(ln σ + MSE/2σ²) + R and a constant, with MSE and R
    monotone between their values there (PCHIP). What a free σ is above it is no less than above a
    σ that was chosen on another split."""
    fixed = runs[runs["likelihood"] == FIXED]
    means = fixed.groupby("sigma")[[NATS, R, MSE]].mean()
    at, pixels = np.log(means.index.to_numpy()), float(fixed["pixels"].iloc[0])

    def shape(place: Any, error: Any, rate: Any) -> Any:
        return pixels * (place + 0.5 * error * np.exp(-2 * place)) + rate

    constant = np.mean(means[NATS] - shape(at, means[MSE], means[R]))
    fine = np.linspace(at[0], at[-1], 2001)
    error, rate = (PchipInterpolator(at, means[name])(fine) for name in (MSE, R))
    nats = shape(fine, error, rate) + constant
    i = int(nats.argmin())
    return Least(float(fine[i]), float(nats[i]), i in (0, len(fine) - 1))


def squared_error(runs: pd.DataFrame, rate: Any) -> NDArray[np.float64]:
    """The MSE of a squared error at rates, with ln MSE straight between the means of the fixed σ;
    NaN beyond them."""
    means = runs[runs["likelihood"] == FIXED].groupby("sigma")[[R, MSE]].mean().sort_values(R)
    found = np.interp(rate, means[R], np.log(means[MSE]), left=math.nan, right=math.nan)
    return np.asarray(np.exp(found), dtype=float)


def precisions(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each fixed σ, and for each that is free, at β = 1 of one set of images."""
    at_one = runs[(runs["beta"] == 1) & runs["likelihood"].isin((FIXED, *FREE))]
    value = best(runs).value
    rows = []
    for (likelihood, _), part in at_one.groupby(["likelihood", "trial"], sort=False):
        sigma = part["sigma"].mean()
        rows.append(
            {
                "likelihood": likelihood,
                "σ": None if math.isnan(sigma) else float(sigma),
                "weight σ²": None if math.isnan(sigma) else float((part["sigma"] ** 2).mean()),
                "R": mean_error(part[R]), "bits/dim": mean_error(part[BITS]),
                "MSE": float(part[MSE].mean()), "above the best": mean_error(part[NATS] - value),
            }
        )  # fmt: skip
    return rows


def likelihoods(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each likelihood and β of one set of images."""
    rows = []
    others = runs[runs["likelihood"] != FIXED]
    for (likelihood, beta), part in others.groupby(["likelihood", "beta"], sort=False):
        ratio = part[MSE] / squared_error(runs, part[R])
        rows.append(
            {
                "likelihood": likelihood, "β": f"{beta:g}", "R": mean_error(part[R]),
                "active": float(part["test/active_units"].mean()),
                "bits/dim": mean_error(part[BITS]), "MSE": float(part[MSE].mean()),
                "beside ½·SSE": mean_error(ratio),
            }
        )  # fmt: skip
    return rows


def draw(runs: pd.DataFrame, path: Path) -> None:
    """For each set of images: D + R over the weight σ², and bits per dimension and MSE over R."""
    every = list(runs.groupby("images", sort=False))
    figure = Figure(figsize=(15, 4.4 * len(every)), layout="constrained")
    colors = {name: f"C{i}" for i, name in enumerate(runs["likelihood"].unique())}
    for (images, part), axes in zip(
        every, figure.subplots(len(every), 3, squeeze=False), strict=True
    ):
        weight, bits, error = axes
        for name, own in part.groupby("likelihood", sort=False):
            marks: dict[str, Any] = {"color": colors[str(name)], "label": name}
            at_one = own[own["beta"] == 1]
            if name in (FIXED, *FREE) and at_one["sigma"].notna().any():
                weight.scatter(at_one["sigma"] ** 2, at_one[BITS], s=18, **marks)
            points = own.groupby("trial")[[R, BITS, MSE]].mean().sort_values(R)
            bits.plot(points[R], points[BITS], marker="o", markersize=4, linewidth=1, **marks)
            error.plot(points[R], points[MSE], marker="o", markersize=4, linewidth=1, **marks)
        weight.set_title(images)
        weight.set_xscale("log")
        weight.set_xlabel("σ² at β = 1: the weight on the KL beside ½·SSE")
        weight.legend(fontsize=8)
        error.set_yscale("log")
        error.set_ylabel("MSE per pixel")
        error.legend(fontsize=8)
        for panel in (weight, bits):
            panel.set_ylabel("D + R (bits per dimension)")
        for panel in (bits, error):
            panel.set_xlabel("rate R (nats)")
    figure.savefig(path, dpi=100)


def main(results: Path) -> None:
    """Print what the table says, and write it beside it."""
    out, runs = Console(width=100, highlight=False), read(results)
    found: dict[str, Any] = {}
    for images, part in runs.groupby("images", sort=False):
        fixed = best(part)
        sigma, nats = math.exp(fixed.place), fixed.value
        scales, all_of_them = precisions(part), likelihoods(part)
        title = f"{images}, β = 1: the best fixed σ is {sigma:.3g}, of {nats:.2f} nats D + R"
        show(title, scales, out)
        show(f"{images}: means ± standard errors over the seeds, test split", all_of_them, out)
        found[str(images)] = {
            "best fixed": {"sigma": sigma, "D + R": nats, "at an end": fixed.at_end},
            "precisions": scales,
            "likelihoods": all_of_them,
        }
    write(found, results / "found.json")
    draw(runs, results / "figure.png")


if __name__ == "__main__":
    main(Path(__file__).parent / "results")
