"""What the table in `results/` says: whether controllers land on the front of constant β.

    python -m studies.controllers.found

Writes `found.json` and `figure.png`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from scipy.interpolate import PchipInterpolator
from studies.shown import mean_error, show, write

PLAIN = "constant"
HELD = {"geco": "D", "controlvae": "R", "capacity": "R", "capacity-half": "R"}
ORDER = [PLAIN, "ramp", *HELD]
R, D = "val/rate", "val/distortion"
COLUMNS = [
    "images", "method", "trial", "replicate", "weight", "beta", "beta_spread", "sigma", "target",
    "came_to", "reached", "standing", "settled", R, D, "val/negative_elbo", "val/active_units",
]  # fmt: skip


def front(runs: pd.DataFrame) -> PchipInterpolator:
    """D as a function of R between the means over the seeds of each constant β: monotone between
    them, NaN beyond them (Fritsch & Butland 1984)."""
    means = runs.groupby("weight")[[R, D]].mean().sort_values(R)
    return PchipInterpolator(means[R], means[D], extrapolate=False)


def off_front(runs: pd.DataFrame) -> NDArray[np.float64]:
    """Of each run of one set of images, the nats by which its D is above the front of constant β at
    its R. The front is that of the other seeds, since trials of different methods share seeds; of
    a run at constant β itself, what it is off is noise. NaN where R is beyond the front."""
    plain = runs[runs["method"] == PLAIN]
    fronts = {seed: front(plain[plain["replicate"] != seed]) for seed in runs["replicate"].unique()}
    away = [run[D] - float(fronts[run["replicate"]](run[R])) for _, run in runs.iterrows()]
    return np.asarray(away, dtype=float)


def rows_of(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each constant β and each target, of one set of images: means and standard errors
    over the seeds."""
    rows = []
    for (method, _), part in runs.groupby(["method", "trial"], sort=False):
        held, first = HELD.get(str(method)), part.iloc[0]
        target = f"{held} = {first['target']:g}" if held else f"β = {first['weight']:g}"
        rows.append(
            {
                "method": method, "given": target,
                "came to": mean_error(part["came_to"]) if held else None,
                "β": mean_error(part["beta"]), "R": mean_error(part[R]), "D": mean_error(part[D]),
                "off front": mean_error(part["off"]), "steps": mean_error(part["settled"]),
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: (ORDER.index(str(row["method"])), row["β"][0]))


def _by_method(runs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The runs of each method that there is, in the order of the tables."""
    for method in ORDER:
        part = runs[runs["method"] == method]
        if len(part):
            yield method, part


def summary(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each method, over all of its runs of one set of images."""
    rows = []
    for method, part in _by_method(runs):
        known = part["off"].dropna()
        row: dict[str, Any] = {
            "method": method, "on its range": f"{len(known)} of {len(part)}",
            "off front": mean_error(known), "RMS": float((known**2).mean() ** 0.5),
            "steps": mean_error(part["settled"]),
        }  # fmt: skip
        if held := HELD.get(method):
            of = part[{"D": D, "R": R}[held]]
            row["reached"] = int(part["reached"].sum())
            row["off target"] = mean_error((part["came_to"] - part["target"]).abs())
            row["validated"] = mean_error((of - part["target"]).abs())
        rows.append(row)
    return rows


def halved(runs: pd.DataFrame) -> dict[str, list[float]]:
    """How far off the front the capacities are at the targets that both weights have: of γ, and of
    half of it."""
    of = {name: runs[runs["method"] == name] for name in ("capacity", "capacity-half")}
    shared = set.intersection(*(set(part["target"]) for part in of.values()))
    return {n: mean_error(part[part["target"].isin(shared)]["off"]) for n, part in of.items()}


def draw(runs: pd.DataFrame, path: Path) -> None:
    """For each set of images: the plane with the front of constant β, and how far each run is off
    it."""
    every = list(runs.groupby("images", sort=False))
    figure = Figure(figsize=(12, 4.2 * len(every)), layout="constrained")
    grid = figure.subplots(len(every), 2, squeeze=False)
    for (images, part), (plane, apart) in zip(every, grid, strict=True):
        line = front(part[part["method"] == PLAIN])
        x = np.linspace(line.x[0], line.x[-1], 200)
        plane.plot(x, line(x), color="C0", linewidth=1)
        apart.axhline(0, color="C0", linewidth=1)
        for i, (method, own) in enumerate(_by_method(part)):
            marks = {"color": f"C{i}", "marker": "ov^sDd"[i], "s": 22}
            plane.scatter(own[R], own[D], label=method, **marks)
            apart.scatter(own[R], own["off"], **marks)
        plane.set_title(images)
        plane.set_ylabel("distortion D (nats)")
        plane.legend(fontsize=8)
        apart.set_ylabel("D above the front of constant β (nats)")
        for axes in (plane, apart):
            axes.set_xlabel("rate R (nats)")
    figure.savefig(path, dpi=110)


def main(results: Path) -> None:
    """Print what the table says, and write it beside it."""
    out, every = Console(width=100, highlight=False), pd.read_csv(results / "runs.csv")
    parts = [part.assign(off=off_front(part)) for _, part in every.groupby("images", sort=False)]
    found: dict[str, Any] = {}
    for part in parts:
        images, rows, over = str(part["images"].iloc[0]), rows_of(part), summary(part)
        show(f"{images}: means ± standard errors over the seeds, validation split, nats", rows, out)
        show(f"{images}: all runs of a method", over, out)
        found[images] = {"points": rows, "methods": over, "at shared targets": halved(part)}
    write(found, results / "found.json")
    draw(pd.concat(parts), results / "figure.png")


if __name__ == "__main__":
    main(Path(__file__).parent / "results")
