"""One run, watched: its progress and its result, printed."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from betafront.data import data_cautions
from betafront.data.tables.tabular import LOG_SCALE
from betafront.data.text.text import TRUE_NLL
from betafront.front.show.curve_table import print_curve
from betafront.metrics.catalogue import metric
from betafront.models import model_cautions
from betafront.terminal import Activity, command_line, console, print_careful, print_next
from betafront.training import EVALUATED, OnTheScale, Result, Run, draw_pages, fit_one
from betafront.training.folder import RunFolder
from betafront.training.history import STEP, VAL_DISTORTION, VAL_RATE, Row
from betafront.training.latents.became import said_of
from betafront.training.standing import (
    COLLAPSED,
    OVERFITTED,
    STILL_FALLING,
    UNSTABLE,
    Standing,
)

WHAT = re.compile(r"[+~]*(data|model|likelihood|prior)\b")
"""The words of a command that say what is trained on what, rather than how it is weighted."""


def train_and_show(run: Run, folder: Path, words: Sequence[str] = ()) -> Result:
    """Train with a progress bar, and print the result.

    Args:
        run: what is trained.
        folder: for its files.
        words: of the command, for the one that is to come next.
    """
    out, doing = console(), Activity()
    print_careful([*data_cautions(run.data), *model_cautions(run.vae())], out)
    with Progress(doing, console=out, transient=True, disable=not out.is_terminal) as progress:
        progress.add_task("checking")
        # What cannot be evaluated is not trained; to find out takes as long as the metrics.
        run.metric_names(lambda name: doing.begin(f"checking {name}"))
        doing.end()
    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        doing,
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as progress:
        bar = progress.add_task("training", total=run.trainer.steps, now="")

        def report(row: Row) -> None:
            now = f"D {row[VAL_DISTORTION]:.2f}  R {row[VAL_RATE]:.2f} nats"
            progress.update(bar, completed=row[STEP], now=now)

        def announce(name: str) -> None:
            progress.update(bar, completed=run.trainer.steps)
            doing.begin(name)

        result = fit_one(run, folder, report=report, announce=announce)
        doing.end()
        assert result.standing is not None  # of a run that has just been trained
        taken = result.standing.steps  # fewer than planned, where its patience has ended it
        progress.update(bar, completed=taken, total=taken)
    draw_pages(folder)
    place = RunFolder(folder)
    out.print(where_on_the_scale(result.scale))
    table = Table(box=None)
    table.add_column(f"{result.data['name']}, {weights_of(result.standing)}")
    for split in EVALUATED:
        table.add_column(split, justify="right")
    for name in [key.removeprefix("val/") for key in result.metrics if key.startswith("val/")]:
        values = (f"{result.metrics[f'{split}/{name}']:.4g}" for split in EVALUATED)
        how = result.settings.get(f"val/{name}", "")  # of a rate that has no closed form
        unit = ", ".join(filter(None, [metric(name).unit, str(how)]))
        table.add_row(f"{name} ({unit})" if unit else name, *values)
        if name == "distortion" and LOG_SCALE in result.data:
            table.add_row("  in standardised units", *standardised(result))
        if name == "negative_elbo" and TRUE_NLL in result.data:
            truth = (f"{result.data[TRUE_NLL][split]:.4g}" for split in EVALUATED)
            table.add_row(f"  true NLL (entropy {result.data['entropy']:.4g} nats)", *truth)
    out.print(table)
    if result.curve:
        print_family(result, out)
    for line in [*how_it_stands(result.standing), *said_of(folder)]:
        out.print(line, markup=False)
    if result.costs:
        slowest = sorted(result.costs.items(), key=lambda cost: -cost[1])
        each = ", ".join(f"{name} {seconds:.1f}" for name, seconds in slowest)
        out.print(f"seconds that further metrics took: {each}", style="dim", markup=False)
    same = list(filter(WHAT.match, words))
    study = ["study.budget.trials=1", *same] if result.curve else ["study=weighting", *same]
    print_next(
        [
            ("result", place.result),
            ("pictures", place.pictures),
            ("model", place.model),
            ("next", command_line("sweep", options=study)),
        ],
        out,
    )
    return result


def print_family(result: Result, out: Console) -> None:
    """Print the curve of a family that was trained."""
    points = [point | point["metrics"] for point in result.curve]
    low, high = points[0]["beta"], points[-1]["beta"]
    print_curve(f"One model, β {low:.3g} to {high:.3g}, on the validation split", points, out)


def standardised(result: Result) -> list[str]:
    """D of each split in units in which every column has a standard deviation of 1."""
    less = result.data[LOG_SCALE]
    return [f"{result.metrics[f'{split}/distortion'] - less:.4g}" for split in EVALUATED]


def where_on_the_scale(scale: OnTheScale) -> str:
    """Where a run stands on the one scale, in words."""
    sigma = f", σ = {scale.sigma:.4g}" if scale.sigma is not None else ""
    spread = scale.beta_spread
    about = "" if spread is None else f" ± {spread:.2g}"
    here = f"β = {scale.beta:.4g}{about} (β_norm = {scale.beta_norm:.4g}){sigma}"
    if scale.reached is False:
        return (
            f"{scale.holds} was to be held to {scale.target:g} and came to "
            f"{scale.came_to:.4g}, with {here}: train longer, or ask for what can be had"
        )
    if scale.reached:
        return f"{scale.holds} was held to {scale.target:g}; that is canonical {here}"
    if scale.holds:
        return f"free up to {scale.target:g} nats per group; that is canonical {here}"
    drawn = "" if scale.draws in (None, 1) else f", in the weights of {scale.draws} draws"
    return (
        f"weight {scale.weight:g} under normalisation={scale.normalisation} is canonical "
        f"{here}{drawn}"
    )


def weights_of(standing: Standing) -> str:
    """Which weights the numbers of a run are of."""
    if standing.step == standing.steps:
        return f"step {standing.step:,}"
    return f"step {standing.step:,} of {standing.steps:,}, the best validated one"


def how_it_stands(standing: Standing) -> list[str]:
    """How a run stands, of a collapsed one why, and what to do about it, in one to three lines."""
    keep = f"trainer.keep=best keeps the weights of step {standing.since}"
    if standing.step == standing.since:  # as they were
        keep = "take fewer trainer.steps, or a schedule that comes to its end earlier"
    ways = {
        STILL_FALLING: f"train longer: trainer.steps={2 * standing.steps}",
        OVERFITTED: keep,
        UNSTABLE: "try a smaller optimizer.lr",
        COLLAPSED: "try a smaller objective.weight",
    }
    line = f"{standing.state}: {standing.reason}"
    if (cause := standing.cause) is not None:
        return [line, cause.text, cause.way]
    return [line, *([ways[standing.state]] if standing.state in ways else [])]
