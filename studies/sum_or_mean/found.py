"""What the tables in `results/` say: which number carries over. Writes `found.json`, `figure.png`.

python -m studies.sum_or_mean.found
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from studies.shown import least, show, write

from betafront.front.one_curve import one_curve
from betafront.training.standing import DEAD_RATE

COLUMNS = [
    "trial", "objective.weight", "normalisation", "model.latents", "likelihood.mode", "pixels",
    "beta", "beta_norm", "sigma", "standing", "val/distortion", "val/rate", "val/negative_elbo",
    "val/mse",
]  # fmt: skip
SIZES = ("digits", "mnist14", "mnist28", "mnist56")
EVERY = (2, 8, 32)
GROUPS = {
    "sizes and latents": ((*SIZES, "quick"), EVERY),
    "sizes of MNIST, M = 8": (("mnist14", "mnist28", "mnist56"), (8,)),
    "latents, MNIST of 28 x 28": (("mnist28",), EVERY),
    "2,000 and 8,000 steps": (("mnist28", "mnist28-long"), (8,)),
    "mlp and conv": (("mnist28", "mnist28-conv"), (8,)),
}
IN_CONVENTIONS = ("digits", "mnist28")  # whose β were written as means too
OF_CELL = ["study", "loss", "latents", "written", "place"]
NEAR = 0.9  # of β_c, from which on the optimum itself has hardly any rate
RATES = (1.0, 5.0)  # nats: of latents that are nearly dead, and of some that are in use


def cells(results: Path) -> pd.DataFrame:
    """All trials, with the study of each."""
    files = sorted(results.glob("*.csv"))
    return pd.concat([pd.read_csv(path).assign(study=path.stem) for path in files])


def distortion(cell: pd.DataFrame) -> pd.Series:
    """D in nats of each run with its best σ, which a squared error does not say: of a Gaussian
    whose σ² is the mean squared error on validation."""
    return cell["pixels"] / 2 * (np.log(2 * math.pi * cell["val/mse"]) + 1)


def best(cell: pd.DataFrame) -> float:
    """The ln of the weight with the least D + R: of a parabola through the least and its
    neighbours. NaN where the least is at an end of the search."""
    x, y = np.log(cell["beta"].to_numpy()), (cell["val/rate"] + distortion(cell)).to_numpy()
    found = least(x, y)
    return math.nan if found.at_end else found.place


def at_rate(rate: float) -> Callable[[pd.DataFrame], float]:
    """The ln of the weight at which R is so many nats, with ln β straight in R between trials."""

    def weight(cell: pd.DataFrame) -> float:
        x, y = np.log(cell["beta"].to_numpy()), cell["val/rate"].to_numpy()
        below = np.flatnonzero((y[:-1] >= rate) & (y[1:] < rate))
        if not len(below):
            return math.nan
        i = int(below[0])
        return float(x[i] + (x[i + 1] - x[i]) * (y[i] - rate) / (y[i] - y[i + 1]))

    return weight


PLACES = {"best ELBO": best, **{f"R = {rate:g} nats": at_rate(rate) for rate in RATES}}


def numbers(cell: pd.DataFrame, place: float) -> dict[str, float]:
    """The numbers that people write, at a place of ln β in a cell."""
    beta, first = math.exp(place), cell.iloc[0]
    pixels, latents = float(first["pixels"]), float(first["model.latents"])
    said = {"sum": beta, "mean (β_norm)": beta * latents / pixels, "pixel_mean": beta / pixels}
    if first["likelihood.mode"] == "fixed":
        error = np.interp(place, np.log(cell["beta"]), cell["val/mse"])
        said["sum, over the error"] = beta / float(error)
    return said


def found(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each cell (study, loss, number of latents), convention and place in it."""
    rows = []
    for (study, mode, latents, written), cell in trials.groupby(
        ["study", "likelihood.mode", "model.latents", "normalisation"]
    ):
        ordered = cell.sort_values("beta")
        for name, where in PLACES.items():
            place = where(ordered)
            said = {} if math.isnan(place) else numbers(ordered, place)
            of = {"study": study, "loss": mode, "latents": latents, "written": written}
            rows.append({**of, "place": name, **said})
    return rows


def collapses(trials: pd.DataFrame, results: Path) -> list[dict[str, Any]]:
    """A row for each cell: the β_c that was forecast, the greatest β with a latent in use, the
    least without one, and how many runs below β_c have none, for which the optimiser is to blame.
    """
    rows = []
    plain = trials[trials["normalisation"] == "sum"]
    for study, of_study in plain.groupby("study"):
        beta_c = json.loads((results / f"{study}.json").read_text())
        for (mode, latents), cell in of_study.groupby(["likelihood.mode", "model.latents"]):
            is_dead, c = cell["val/rate"] < DEAD_RATE, beta_c[mode]
            alive, dead = cell["beta"][~is_dead], cell["beta"][is_dead]
            rows.append(
                {
                    "study": study, "loss": mode, "latents": latents, "β_c": c,
                    "β_c/N": c / cell["pixels"].iloc[0],
                    "alive to": None if alive.empty else alive.max(),
                    "dead from": None if dead.empty else dead.min(),
                    "dead below β_c": int((dead < c).sum()),
                    f"below {NEAR} β_c": int((dead < NEAR * c).sum()),
                    "alive above β_c": int((alive > c).sum()),
                }
            )  # fmt: skip
    return rows


def spreads(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """By what differs between cells, loss and place: the greatest over the least of each number,
    which is 1 of one that carries over. What conventions and their seeds differ by at the same β is
    chance: less than that is not told apart from 1."""
    made: dict[str, list[dict[str, Any]]] = {}
    for name, (studies, latents) in GROUPS.items():
        group = [
            row
            for row in rows
            if row["study"] in studies and row["latents"] in latents
            if row["written"] == "sum" and "sum" in row
        ]
        if found := _spreads(group, ["loss", "place"]):
            made[name] = found
    again = [row for row in rows if row["study"] in IN_CONVENTIONS and "sum" in row]
    if found := _spreads(again, ["study", "loss", "latents", "place"]):
        made["conventions, by chance"] = found
    return made


def _spreads(rows: list[dict[str, Any]], alike: list[str]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if not rows:
        return made
    for key, group in pd.DataFrame(rows).groupby(alike, sort=False):
        values = group.drop(columns=OF_CELL).dropna(axis=1, how="all")
        ratio = (values.max() / values.min()).round(2)
        if len(values) > 1:
            made.append({**dict(zip(alike, key, strict=True)), "cells": len(values), **ratio})
    return made


def conventions(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each study whose weights were written in several conventions: how far its runs of one loss
    and number of latents lie from one curve of R, over the weight as written and over β."""
    rows = []
    for (study, mode, latents), cell in trials.groupby(
        ["study", "likelihood.mode", "model.latents"]
    ):
        found = one_curve(cell.rename(columns={"objective.weight": "weight"}))
        if found is not None:
            rows.append(
                {
                    "study": study, "loss": mode, "latents": latents, "runs": found.trials,
                    "off, as written": found.written, "off, over β": found.canonical,
                }
            )  # fmt: skip
    return rows


def draw(trials: pd.DataFrame, path: Path) -> None:
    """R over the weight as people write it, for every size and number of latents."""
    shown = trials[(trials["normalisation"] == "sum") & trials["study"].isin((*SIZES, "quick"))]
    figure = Figure(figsize=(13, 6.4), layout="constrained")
    grid = figure.subplots(2, 3, sharey=True)
    scales = {
        "w of sums (canonical β)": lambda c: c["beta"],
        "w of means over both (β_norm)": lambda c: c["beta_norm"],
        "w of a mean over pixels (β/N)": lambda c: c["beta"] / c["pixels"],
    }
    marks = {2: "o", 8: "s", 32: "^"}
    studies = [name for name in (*SIZES, "quick") if name in set(shown["study"])]
    for row, mode in zip(grid, ("optimal", "fixed"), strict=True):
        for axes, (label, scale) in zip(row, scales.items(), strict=True):
            for i, study in enumerate(studies):
                for latents, mark in marks.items():
                    of_cell = (shown["study"] == study) & (shown["model.latents"] == latents)
                    cell = shown[of_cell & (shown["likelihood.mode"] == mode)].sort_values("beta")
                    if cell.empty:
                        continue
                    axes.plot(
                        scale(cell), cell["val/rate"], marker=mark, color=f"C{i}", markersize=4,
                        linewidth=1, label=f"{study}, M = {latents}",
                    )  # fmt: skip
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylim(DEAD_RATE)
            axes.set_xlabel(label)
        what = "σ optimal" if mode == "optimal" else "squared error, σ = 1"
        row[0].set_ylabel(f"{what}\nrate R (nats)")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8)
    figure.savefig(path, dpi=110)


def main(results: Path) -> None:
    """Print what the tables say, and write it beside them."""
    out, trials = Console(width=140, highlight=False), cells(results)
    rows, one, dead = found(trials), conventions(trials), collapses(trials, results)
    apart = spreads(rows)
    show("The weights that do the same", rows, out)
    for name, ratios in apart.items():
        show(f"Greatest over least, over {name}", ratios, out)
    show("Nats of R off one curve", one, out)
    show("Where no latent is in use, and where that was forecast", dead, out)
    said = {"weights": rows, "spreads": apart, "conventions": one, "collapses": dead}
    write(said, results / "found.json")
    draw(trials, results / "figure.png")


if __name__ == "__main__":
    main(Path(__file__).parent / "results")
