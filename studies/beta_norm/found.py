"""Maps of structure and distortion over the number of latents and β_norm, and where structure is
best. Reads `front.csv` of each sweep in `results/`, and writes `found.json` and `figure.png`.

python -m studies.beta_norm.found
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

STRUCTURE = {"val/mig": "MIG", "val/linear_probe": "accuracy of a linear probe"}
DISTORTION = "val/distortion"
COLLAPSED = 0.05  # nats of R, below which no latent says anything


def tables(results: Path) -> dict[str, pd.DataFrame]:
    """The trials of each sweep."""
    return {path.parent.name: pd.read_csv(path) for path in sorted(results.glob("*/front.csv"))}


def structure_of(trials: pd.DataFrame) -> str:
    """The column that says how much structure there is."""
    return next(name for name in STRUCTURE if name in trials)


def best(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """For each number of latents the trial with the most structure, and how far the others that are
    as good within two standard deviations of it reach in β_norm."""
    name, rows = structure_of(trials), []
    noise = f"sd/{name}"
    spread = float(np.sqrt((trials[noise] ** 2).mean())) if noise in trials else 0.0
    for latents, column in trials.groupby("model.latents"):
        top = column.loc[column[name].idxmax()]
        good = column[column[name] >= top[name] - 2 * spread]["beta_norm"]
        rows.append(
            {
                "latents": int(latents),
                "beta_norm": float(top["beta_norm"]),
                "beta": float(top["beta"]),
                "structure": float(top[name]),
                "as_good_from": float(good.min()),
                "as_good_to": float(good.max()),
                "distortion": float(top[DISTORTION]),
                "rate": float(top["val/rate"]),
                "distortion_least": float(column[DISTORTION].min()),
                "collapsed_from": float(
                    column[column["val/rate"] < COLLAPSED]["beta_norm"].min()
                ),
            }
        )  # fmt: skip
    return rows


def found(sweeps: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """By sweep: its best trials, the noise of the structure between seeds, and the greatest over
    the least β_norm and β of the best: the number that stays near 1 carries over."""
    said: dict[str, Any] = {}
    for sweep, trials in sweeps.items():
        rows, name = best(trials), structure_of(trials)
        noise = trials.get(f"sd/{name}")
        over = {
            key: max(row[key] for row in rows) / min(row[key] for row in rows)
            for key in ("beta_norm", "beta")
        }
        said[sweep] = {
            "structure": STRUCTURE[name],
            "sd_between_seeds": None if noise is None else float(np.sqrt((noise**2).mean())),
            "spread": over,
            "best": rows,
        }
    return said


def show(said: dict[str, Any], out: Console) -> None:
    """What was found, as tables."""
    for sweep, of_sweep in said.items():
        names = list(of_sweep["best"][0])
        table = Table(*names, title=f"{sweep}: most structure ({of_sweep['structure']})")
        for row in of_sweep["best"]:
            table.add_row(*(f"{value:.3g}" for value in row.values()))
        out.print(table)
        apart = ", ".join(f"{key} {value:.3g}" for key, value in of_sweep["spread"].items())
        out.print(f"greatest over least: {apart}")


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
    """Two maps for each sweep: structure, and distortion."""
    figure = Figure(figsize=(11, 4.6 * len(sweeps)), layout="constrained")
    grid = figure.subplots(len(sweeps), 2, squeeze=False)
    for row, (sweep, trials) in zip(grid, sweeps.items(), strict=True):
        name = structure_of(trials)
        heat(row[0], trials, name, STRUCTURE[name])
        heat(row[1], trials, DISTORTION, "distortion D (nats)")
        row[0].set_title(f"{sweep}: structure")
        row[1].set_title(f"{sweep}: distortion")
    figure.savefig(path, dpi=100)


def main(results: Path) -> None:
    """Print what the tables say, and write it beside them."""
    sweeps = tables(results)
    said = found(sweeps)
    show(said, Console(width=140, highlight=False))
    written = json.dumps(said, indent=1, ensure_ascii=False)
    (results / "found.json").write_text(written + "\n")
    draw(sweeps, results / "figure.png")


if __name__ == "__main__":
    main(Path(__file__).parent / "results")
