"""What the tables in `results/` say: whether annealing changes where a run ends.

    python -m studies.annealing.found

Writes `found.json`, `figure.png` (the planes, and the differences over β) and `weight.png` (the
weight and R over the steps of a run of each schedule).
"""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from studies.shown import mean_error, show, write
from studies.traces import Trace, draw

from betafront.front.attainment import replicate_hypervolumes
from betafront.training.standing import COLLAPSED

PLAIN = "constant"
ENDS = {
    "D": "test/distortion", "R": "test/rate", "D + R": "test/negative_elbo", "D + βR": "objective",
    "MI": "test/mutual_information", "active": "test/active_units",
}  # fmt: skip
PLANE = {"test/rate": "minimize", "test/distortion": "minimize"}
COLUMNS = [
    "images", "schedule", "trial", "replicate", "beta", "sigma", "standing", "kept_step",
    *(name for name in ENDS.values() if "/" in name), "test/mse",
]  # fmt: skip
ONE = ["beta", "replicate"]  # what runs have in common that are compared: β, and by it the seed


def read(results: Path) -> pd.DataFrame:
    """All runs, with what they trained for at their final β."""
    runs = pd.read_csv(results / "runs.csv")
    return runs.assign(objective=runs["test/distortion"] + runs["beta"] * runs["test/rate"])


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Of each run of a schedule, of one set of images: its ends less those of the run without
    annealing that has its β and seed."""
    ends = runs.set_index(["schedule", *ONE])[list(ENDS.values())]
    annealed = ends.drop(PLAIN, level="schedule")
    return annealed - ends.loc[PLAIN].reindex(annealed.index.droplevel("schedule")).to_numpy()


def volumes(runs: pd.DataFrame) -> dict[str, Any]:
    """The hypervolume of the front of each schedule's runs of a seed, of one set of images, below
    the worst R and D of all."""
    worst = runs[list(PLANE)].max().tolist()
    return {
        str(schedule): replicate_hypervolumes(part, PLANE, worst)
        for schedule, part in runs.groupby("schedule", sort=False)
    }


def ends(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each number at the end, of one set of images: over all β and seeds, the mean and
    standard error of the difference of each schedule from no annealing. The last are the
    hypervolume, and how many runs have collapsed, of which the schedules have their own."""
    apart, size = differences(runs), volumes(runs)
    rows: list[dict[str, Any]] = []
    for name, column in ENDS.items():
        each = {key: mean_error(part) for key, part in apart.groupby("schedule")[column]}
        rows.append({"": name, PLAIN: None, **{key: each[key] for key in size if key != PLAIN}})
    rows.append({"": "hypervolume", **{key: mean_error(value) for key, value in size.items()}})
    less = {key: mean_error(size[key] - size[PLAIN]) for key in size if key != PLAIN}
    rows.append({"": "its difference", PLAIN: None, **less})
    dead = (runs["standing"] == COLLAPSED).groupby(runs["schedule"]).agg(["sum", "size"])
    of = {key: f"{dead['sum'][key]} of {dead['size'][key]}" for key in size}
    return [*rows, {"": "collapsed", **of}]


def by_beta(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each β, of one set of images: what a run trained for without annealing, and the
    difference of each schedule from it; means and standard errors over the seeds."""
    plain = runs[runs["schedule"] == PLAIN].groupby("beta")["objective"]
    apart = differences(runs)["objective"].groupby(["beta", "schedule"], sort=False)
    rows = {beta: {"β": f"{beta:g}", PLAIN: mean_error(part)} for beta, part in sorted(plain)}
    for (beta, schedule), part in apart:
        rows[beta][schedule] = mean_error(part)
    return list(rows.values())


def draw_ends(runs: pd.DataFrame, path: Path) -> None:
    """A row for each set of images: the plane, and what a run trained for over β as its difference
    from no annealing."""
    every = list(runs.groupby("images", sort=False))
    figure = Figure(figsize=(12, 4.2 * len(every)), layout="constrained")
    colors = {name: f"C{i}" for i, name in enumerate(runs["schedule"].unique())}
    for (images, part), (plane, apart) in zip(
        every, figure.subplots(len(every), 2, squeeze=False), strict=True
    ):
        for schedule, own in part.groupby("schedule", sort=False):
            plane.scatter(
                own["test/rate"], own["test/distortion"], s=16, color=colors[schedule],
                label=schedule,
            )  # fmt: skip
        rows = by_beta(part)
        for schedule in [name for name in rows[0] if name not in ("β", PLAIN)]:
            means, errors = zip(*(row[schedule] for row in rows), strict=True)
            apart.errorbar(
                [float(row["β"]) for row in rows], means, errors, color=colors[schedule],
                marker="o", markersize=4, linewidth=1, capsize=2,
            )  # fmt: skip
        plane.set_title(images)
        plane.set_xlabel("rate R (nats)")
        plane.set_ylabel("distortion D (nats)")
        plane.legend(fontsize=8)
        apart.axhline(0, color=colors[PLAIN], linewidth=1)
        apart.set_xscale("log")
        apart.set_xticks([float(row["β"]) for row in rows], [row["β"] for row in rows])
        apart.minorticks_off()
        apart.set_xlabel("final β")
        apart.set_ylabel(f"D + βR less that of {PLAIN} (nats)")
    figure.savefig(path, dpi=110)


def traces(results: Path) -> list[Trace]:
    """The curves that were kept."""
    curves = pd.read_csv(results / "curves.csv").groupby(["images", "schedule"], sort=False)
    return [
        Trace(f"{images}, {schedule}", part["step"], part["rate"], part["beta"] / part["final"])
        for (images, schedule), part in curves
    ]


def main(results: Path) -> None:
    """Print what the tables say, and write it beside them."""
    out, runs = Console(width=100, highlight=False), read(results)
    found: dict[str, Any] = {}
    for images, part in runs.groupby("images", sort=False):
        rows, over = ends(part), by_beta(part)
        title = f"{images}: mean difference from {PLAIN} ± standard error, test split, nats"
        show(title, rows, out)
        show(f"{images}: D + βR, by final β", over, out)
        found[str(images)] = {"ends": rows, "objective by beta": over}
    write(found, results / "found.json")
    draw_ends(runs, results / "figure.png")
    draw(traces(results), results / "weight.png", across=3)


if __name__ == "__main__":
    main(Path(__file__).parent / "results")
