"""Maps of structure and distortion over the number of latents and β_norm, and where structure is
best; of data without known factors, how well the digit is read off the code.

Reads `front.csv` of each sweep in `results/`, and writes `found.json` and `figure.png`.

python -m studies.beta_norm.found
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from rich.console import Console
from studies.shown import show, write

from betafront.training.standing import COLLAPSED

READ = {"val/mig": "MIG", "val/linear_probe": "accuracy of a linear probe"}
DISTORTION = "val/distortion"


def tables(results: Path) -> dict[str, pd.DataFrame]:
    """The trials of each sweep."""
    return {path.parent.name: pd.read_csv(path) for path in sorted(results.glob("*/front.csv"))}


def read_of(trials: pd.DataFrame) -> str:
    """The column of what is read off the code: structure, or the digit."""
    return next(name for name in READ if name in trials)


def best(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """For each number of latents the trial of which most is read off the code, and from and to
    which β_norm others are as good, within two standard deviations between seeds; NaN where there
    is one seed."""
    name, rows = read_of(trials), []
    noise = sd_between_seeds(trials)
    for latents, column in trials.groupby("model.latents"):
        top = column.loc[column[name].idxmax()]
        good = column[column[name] >= top[name] - 2 * noise]["beta_norm"]
        dead = column[column["standing"] == COLLAPSED]["beta_norm"]
        rows.append(
            {
                "latents": int(latents), "β_norm": float(top["beta_norm"]),
                "β": float(top["beta"]), "most": float(top[name]),
                "as good from": float(good.min()), "to": float(good.max()),
                "D": float(top[DISTORTION]), "R": float(top["val/rate"]),
                "least D": float(column[DISTORTION].min()), "collapsed from": float(dead.min()),
            }
        )  # fmt: skip
    return rows


def sd_between_seeds(trials: pd.DataFrame) -> float:
    """The standard deviation between seeds of what is read off, as a root mean square over the
    trials; NaN where there is one seed."""
    column = trials.get(f"sd/{read_of(trials)}", pd.Series(dtype=float))
    return float(np.sqrt((column**2).mean()))


def over_latents(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """For each β_norm the mean over the numbers of latents of what is read off the code, with its
    standard error by the noise between seeds; NaN where there is one seed."""
    name, seeds = read_of(trials), trials.get("replicates", pd.Series(1.0)).fillna(1).max()
    noise = sd_between_seeds(trials)
    return [
        {
            "β_norm": float(weight), "latents": len(row), "mean": float(row[name].mean()),
            "error": noise / math.sqrt(seeds * len(row)),
            "collapsed": int((row["standing"] == COLLAPSED).sum()),
        }
        for weight, row in trials.groupby("weight")
    ]  # fmt: skip


def found(trials: pd.DataFrame) -> dict[str, Any]:
    """Of a sweep: its best trials, the means over the latents, the noise between seeds, and the
    greatest over the least β_norm and β of the best: the number that stays near 1 carries over to
    other numbers of latents."""
    rows = best(trials)
    return {
        "read off": READ[read_of(trials)],
        "sd between seeds": sd_between_seeds(trials),
        "greatest over least": {
            key: max(row[key] for row in rows) / min(row[key] for row in rows)
            for key in ("β_norm", "β")
        },
        "best": rows,
        "over latents": over_latents(trials),
    }


def heat(axes: Axes, trials: pd.DataFrame, column: str, label: str) -> None:
    """A map of one column, with its value in each cell."""
    grid = trials.pivot_table(index="weight", columns="model.latents", values=column)
    norm = LogNorm() if column == DISTORTION and grid.to_numpy().min() > 0 else None
    image = axes.imshow(grid, origin="lower", aspect="auto", norm=norm, cmap="viridis")
    middle = np.quantile(grid, 0.5)
    for (i, j), value in np.ndenumerate(grid.to_numpy()):
        colour = "black" if value > middle else "white"
        axes.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(grid.columns)), [f"{int(m)}" for m in grid.columns])
    axes.set_yticks(range(len(grid.index)), [f"{w:.3g}" for w in grid.index])
    axes.set_xlabel("latents M")
    axes.set_ylabel("β_norm = β·M/N")
    axes.figure.colorbar(image, ax=axes, label=label)


def draw(sweeps: dict[str, pd.DataFrame], path: Path) -> None:
    """Two maps for each sweep: what is read off the code, and distortion."""
    figure = Figure(figsize=(11, 4.6 * len(sweeps)), layout="constrained")
    grid = figure.subplots(len(sweeps), 2, squeeze=False)
    for row, (sweep, trials) in zip(grid, sweeps.items(), strict=True):
        name = read_of(trials)
        heat(row[0], trials, name, READ[name])
        heat(row[1], trials, DISTORTION, "distortion D (nats)")
        for axes in row:
            axes.set_title(sweep)
    figure.savefig(path, dpi=100)


def main(results: Path) -> None:
    """Print what the tables say, and write it beside them."""
    out, sweeps = Console(width=120, highlight=False), tables(results)
    said = {sweep: found(trials) for sweep, trials in sweeps.items()}
    for sweep, of_sweep in said.items():
        noise = f"{of_sweep['sd between seeds']:.3f} between seeds"
        show(f"{sweep}: most {of_sweep['read off']}, ± {noise}", of_sweep["best"], out)
        show("greatest over least", [of_sweep["greatest over least"]], out)
        show("means over the numbers of latents", of_sweep["over latents"], out)
    write(said, results / "found.json")
    draw(sweeps, results / "figure.png")


if __name__ == "__main__":
    main(Path(__file__).parent / "results")
