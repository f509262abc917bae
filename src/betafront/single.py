"""`betafront train`: one run, watched."""

from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from betafront.front import console, print_next
from betafront.training import Result, Run, fit


def train_and_show(run: Run, folder: Path) -> Result:
    """Train with a progress bar, and print the result."""
    from rich.table import Table

    out = console()
    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[now]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as progress:
        bar = progress.add_task("training", total=run.trainer.steps, now="")

        def report(row: dict[str, float]) -> None:
            now = f"D {row['val/distortion']:.2f}  R {row['val/rate']:.2f} nats"
            progress.update(bar, completed=row["step"], now=now)

        result = fit(run, folder, report)
        progress.update(bar, completed=run.trainer.steps)
    out.print(_where(result.scale))
    table = Table(box=None)
    table.add_column(result.data["name"])
    names = [key.removeprefix("val/") for key in result.metrics if key.startswith("val/")]
    units = {
        "distortion": "D (nats)",
        "rate": "R (nats)",
        "negative_elbo": "D + R (nats)",
        "mse": "MSE / pixel",
        "bits_per_dim": "bits/dim",
        "active_units": "active",
    }
    for name in names:
        table.add_column(units.get(name, name), justify="right")
    for split in ("val", "test"):
        table.add_row(split, *(f"{result.metrics[f'{split}/{name}']:.4g}" for name in names))
    out.print(table)
    print_next(
        [
            ("result", folder / "result.json"),
            ("pictures", folder / "pictures"),
            ("model", folder / "model.safetensors"),
            ("next", "betafront sweep study=weighting"),
        ],
        out,
    )
    return result


def _where(scale: dict[str, Any]) -> str:
    """Where a run stands on the one scale, in words."""
    sigma = f", σ = {scale['sigma']:.4g}" if scale["sigma"] is not None else ""
    here = f"β = {scale['beta']:.4g} (β_norm = {scale['beta_norm']:.4g}){sigma}"
    if scale["at_an_end"]:
        return (
            f"{scale['holds']} could not be held to {scale['target']:g}: β stands at an end of "
            f"controller.range, at canonical {here}"
        )
    if scale["beta_spread"] is not None:
        return (
            f"{scale['holds']} was held to {scale['target']:g}, which took canonical {here}; over "
            f"the last tenth of the steps β had a standard deviation of {scale['beta_spread']:.2g}"
        )
    if scale["holds"]:
        held = "the rate was held to" if scale["holds"] == "rate" else "each group was free up to"
        return f"{held} {scale['target']:g} nats, which amounts to canonical {here}"
    return (
        f"weight {scale['weight']:g} under normalisation={scale['normalisation']} is canonical "
        f"{here}"
    )
