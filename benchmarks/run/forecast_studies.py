"""What the forecast says of the studies in the repository, beside what their runs found.

Nothing is trained: the runs are those of `studies/*/results/`. Of each study the forecast is made
of the words of its command.

    BETAFRONT_DATA_DIR=folder/with/MNIST python -m benchmarks.run.forecast_studies

What is printed goes to `benchmarks/results/forecast_studies.txt`, all numbers to `.json` beside it.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks.common import console, say_where
from rich.console import Console
from rich.table import Table

from betafront.config.build import build
from betafront.config.compose import compose
from betafront.errors import UserError
from betafront.forecast.forecast import Forecast, forecast
from betafront.training.run import Run

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results"
ALIVE = 0.05
"""Nats of rate below which a run counts as collapsed."""

SHOWN = (0.5, 0.2, 0.05, 0.01)
"""Parts of the β at which latents open: the runs that are nearest to these are shown."""

OF_A_SWEEP = ("study.", "hydra/launcher=", "tracking=", "trainer.accelerator=")


@dataclass(frozen=True)
class Beside:
    """A study's forecast beside its runs, in nats per example on the validation split.

    Attributes:
        study: its folder, without what all have in common.
        likelihood, pixels, latents: of its runs, N and M.
        same_data: whether its data has the digest of then.
        distortion: of the collapsed model, as forecast.
        collapsed: the least and the greatest D of runs with a rate below 0.05; None without any.
        beta_c, beta_live, val_beta_live: as `betafront forecast` has them.
        alive_to: the greatest β of a run with a rate above 0.05.
        dead_from: the least β of a run with one below; None without any.
        at: by β, of forecast and runs: live latents, rate, distortion.
    """

    study: str
    likelihood: str
    pixels: int
    latents: int
    same_data: bool
    distortion: float
    collapsed: tuple[float, float] | None
    beta_c: float
    beta_live: float
    val_beta_live: float
    alive_to: float | None
    dead_from: float | None
    at: list[dict[str, Any]]


def studies() -> Iterator[tuple[str, Path]]:
    """The studies with results, by name."""
    for path in sorted(ROOT.glob("studies/*/results/**/")):
        if any(path.glob("*.json")):
            yield str(path.relative_to(ROOT / "studies")).replace("/results", ""), path


def beside(name: str, path: Path) -> Beside:
    """The forecast of a study beside its runs.

    Raises:
        UserError: there is no forecast, or no run to hold it against.
    """
    if not (path / "front.csv").exists():
        raise UserError("its results are decisions, without the runs")
    written = json.loads((path / "study.json").read_text())
    if written["base"]["likelihood._target_"].endswith(".Words"):
        raise UserError("it is of sentences, and a forecast is of numbers")
    words = [w for w in written["command"] if not w.startswith(OF_A_SWEEP)]
    run = build(compose(words))
    found = forecast(run.data, run.p_x(), run.objective(run.vae().widths))
    trials = pd.read_csv(path / "front.csv")
    trials = trials[trials.get("draws", pd.Series(1, trials.index)).fillna(1) == 1]
    dead = trials[trials["val/rate"] < ALIVE]
    alive = trials[trials["val/rate"] >= ALIVE]
    return Beside(
        study=name,
        likelihood=found.likelihood,
        pixels=found.pixels,
        latents=found.latents,
        same_data=run.data.digest == written["data_digest"],
        distortion=collapsed_distortion(run, found),
        collapsed=None if dead.empty else ends(dead["val/distortion"]),
        beta_c=found.beta_c,
        beta_live=found.beta_live,
        val_beta_live=found.collapse.held_out,
        alive_to=None if alive.empty else float(alive["beta"].max()),
        dead_from=None if dead.empty else float(dead["beta"].min()),
        at=[at(beta, trials, found) for beta in some(sorted(set(trials["beta"])), found)],
    )


def collapsed_distortion(run: Run, found: Forecast) -> float:
    """D of the collapsed model on the validation split."""
    likelihood, x = found.collapse.likelihood, run.data.examples("val")
    output = found.collapse.output
    d = -float(likelihood.log_prob(output, x.to(output)).double().mean())
    return d + (run.data.log_volume if likelihood.density else 0.0)


def some(betas: Sequence[float], found: Forecast) -> list[float]:
    """A few of them below the β at which latents open."""
    below = [beta for beta in betas if beta < found.beta_live]
    wanted = [part * found.beta_live for part in SHOWN]
    return sorted({min(below, key=lambda b, w=w: abs(math.log(b / w))) for w in wanted})  # type: ignore[misc]


def at(beta: float, trials: pd.DataFrame, found: Forecast) -> dict[str, Any]:
    """Forecast and runs at one β. Of a hierarchy the layer next to the data is counted, which the
    forecast is of."""
    here = trials[trials["beta"] == beta]
    lowest = "val/active_units_layer_1"
    active = here[lowest if lowest in here else "val/active_units"]
    row: dict[str, Any] = {
        "beta": beta,
        "runs": len(here),
        "live": found.live(beta),
        "active": ends(active),
        "rate": ends(here["val/rate"]),
        "distortion": ends(here["val/distortion"]),
    }
    if found.front is not None:
        point = found.front.at(beta)
        row |= {"linear_rate": point.val_rate, "linear_distortion": point.val_distortion}
    return row


def ends(values: "pd.Series[Any]") -> tuple[float, float]:
    return float(values.min()), float(values.max())


def text(value: float | tuple[float, float] | None, digits: str = ".2f") -> str:
    """A number, or the ends of a range; a dash for None."""
    if value is None:
        return "-"
    parts = [format(v, digits) for v in (value if isinstance(value, tuple) else (value,))]
    return parts[0] if len(set(parts)) == 1 else " to ".join(parts)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], out: Console) -> None:
    """Print a table whose first column is of words."""
    out.print(title)
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for i, name in enumerate(head):
        shown.add_column(name, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    out.print(shown)
    out.print()


def show(found: Sequence[Beside], skipped: Sequence[tuple[str, str]], out: Console) -> None:
    """Print everything."""
    head = ["study", "likelihood", "M", "D forecast", "D found", "β", "β val", "R≥.05", "R<.05"]
    rows = [
        [
            one.study + ("" if one.same_data else " (other data)"), one.likelihood,
            str(one.latents), text(one.distortion), text(one.collapsed),
            text(one.beta_live, ".3g"), text(one.val_beta_live, ".3g"), text(one.alive_to, ".3g"),
            text(one.dead_from, ".3g"),
        ]
        for one in found
    ]  # fmt: skip
    table(
        "Collapse: D forecast, and of runs with R < 0.05; the β at which latents open, to training "
        "and\nto validation examples; the greatest β of a run with R ≥ 0.05, the least of one "
        "below",
        head,
        rows,
        out,
    )
    table(
        "Live latents forecast, active units found; R and D of the linear front, and found",
        ["study", "β", "runs", "live", "active", "R linear", "R found", "D linear", "D found"],
        [
            [
                one.study, text(row["beta"], ".3g"), str(row["runs"]), str(row["live"]),
                text(row["active"], ".0f"), text(row.get("linear_rate"), ".1f"),
                text(row["rate"], ".1f"), text(row.get("linear_distortion"), ".1f"),
                text(row["distortion"], ".1f"),
            ]
            for one in found
            for row in one.at
        ],
        out,
    )  # fmt: skip
    for name, why in skipped:
        out.print(f"left out: {name}: {why}", markup=False)


def main() -> None:
    """Compare, print and write."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    found, skipped = list[Beside](), list[tuple[str, str]]()
    for name, path in studies():
        try:
            found.append(beside(name, path))
        except UserError as error:
            skipped.append((name, str(error)))
    out = console()
    say_where(out, ("torch",))
    show(found, skipped, out)
    (RESULTS / "forecast_studies.txt").write_text(out.export_text())
    record = {"studies": [asdict(one) for one in found], "left_out": dict(skipped)}
    (RESULTS / "forecast_studies.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
