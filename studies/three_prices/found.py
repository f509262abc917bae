"""What the tables of the benchmark say: the price of a front, with and without a cheaper answer
first.

    python -m studies.three_prices.found

Writes `results/studies.csv`, `results/found.json` and `results/figure.png`.
"""

import re
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from studies.shown import show, write

TABLES = Path(__file__).parents[2] / "benchmarks/results/three_prices"
ROW = re.compile(
    r" +(?P<seed>\d+)  (?P<study>\S.*?) +(?P<hypervolume>[\d.]+) +(?P<trials>\d+|never)"
    r" +(?P<seconds>\d+|-)(?:, (?P<scout>\d+) of them the scout)? *"
)


def read(tables: Path) -> pd.DataFrame:
    """A row for each study of every table: data, seed, study, hypervolume, trials and processor
    seconds to 99 % of that of the plain study, and those of them that the scout took. NaN where a
    study never came to it."""
    rows = [
        {"data": path.stem, **found.groupdict()}
        for path in sorted(tables.glob("*.txt"))
        for line in path.read_text().splitlines()
        if (found := ROW.fullmatch(line))
    ]
    table = pd.DataFrame(rows)
    numbers = ["hypervolume", "trials", "seconds", "scout"]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table


def shares(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each set of images and seed: the processor seconds of each study, as a part of
    those of the plain one."""
    rows = []
    for (data, seed), part in table.groupby(["data", "seed"]):
        seconds = part.set_index("study")["seconds"]
        of_plain = {str(name): float(value / seconds.iloc[0]) for name, value in seconds.items()}
        rows.append({"data": data, "seed": seed, **of_plain})
    return rows


def draw(table: pd.DataFrame, path: Path) -> None:
    """Processor seconds to the same front: a bar for each study, of which the scout's part is
    hatched."""
    groups = list(table.groupby(["data", "seed"]))
    figure = Figure(figsize=(2 + 2.2 * len(groups), 4), layout="constrained")
    axes = figure.subplots()
    studies = list(table["study"].unique())
    for i, study in enumerate(studies):
        own = [part.set_index("study").loc[study] for _, part in groups]
        at = [group + (i - 1) * 0.27 for group in range(len(groups))]
        marks: dict[str, Any] = {"width": 0.25, "color": f"C{i}"}
        bars = axes.bar(at, [row["seconds"] for row in own], label=study, **marks)
        axes.bar_label(bars, [_trials(row["trials"]) for row in own], fontsize=8)
        scout = [row["scout"] for row in own]
        axes.bar(at, scout, hatch="///", edgecolor="white", **marks)
    axes.set_xticks(range(len(groups)), [f"{data}, seed {seed}" for (data, seed), _ in groups])
    axes.set_ylabel("processor seconds to 99 % of the\nplain study's hypervolume")
    axes.set_title("on the bars: trials; hatched: the scout", fontsize=9)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def _trials(number: float) -> str:
    return "" if pd.isna(number) else f"{number:.0f}"


def main(tables: Path, results: Path) -> None:
    """Print what the tables say, and write and draw it.

    Args:
        tables: the folder of the benchmark's results.
        results: the folder for the table, the shares and the picture.
    """
    table, title = read(tables), "Processor seconds to the same hypervolume; of the plain study: 1"
    found = shares(table)
    show(title, found, Console(width=100, highlight=False))
    results.mkdir(parents=True, exist_ok=True)
    table.to_csv(results / "studies.csv", index=False)
    write({"shares of the processor seconds": found}, results / "found.json")
    draw(table, results / "figure.png")


if __name__ == "__main__":
    main(TABLES, Path(__file__).parent / "results")
