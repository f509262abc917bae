"""`betafront evaluate`: the trained models of a study, measured by more metrics than they were."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from omegaconf import DictConfig
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from betafront.config.compose import compose
from betafront.config.saved import saved_model, saved_run
from betafront.errors import UserError
from betafront.files import can_write, check_target, write_whole
from betafront.front import trials_table
from betafront.metrics.evaluation import by_split, of_every_run
from betafront.metrics.registry import Announce, silent
from betafront.study.lookup import find_store, find_study
from betafront.study.results.added_metrics import additions, key
from betafront.study.results.table import complete, rows
from betafront.study.spec import Spec
from betafront.study.storage.study_store import Store
from betafront.study.trials.replicates import every_run
from betafront.terminal import Activity, command_line, console, print_next
from betafront.training.folder import RunFolder
from betafront.training.result import Result

# By how much the rate of the same model may differ: by the arithmetic of another machine where it
# is analytic; where it is a mean over draws, by those of another device too.
CLOSE, CLOSE_OF_DRAWS = 1e-3, 0.05
SHOWN = 6  # values in the table
Values = dict[str, float]


def evaluate(
    name: str | None, words: Sequence[str], number: int | None = None, to: Path | None = None
) -> None:
    """Measure the trained models of a study, and keep the values with the study and in the run
    folders. Nothing is trained, and no value that was there before is changed but by its own name.

    Args:
        name: of the study; None for the newest.
        words: overrides of the group `metrics`.
        number: of the only trial to measure; None measures all.
        to: a CSV file for the values, in place of the study, which may be read-only.

    Raises:
        UserError: there is nothing to measure, or it cannot be measured so.
    """
    if to is not None:
        check_target(to)
    study, spec = find_study(name)
    store = _kept_in(spec, to)
    metrics, trials = chosen(words), study.get_trials(deepcopy=False)
    done = [t for t in complete(trials) if number in (None, t.number)]
    if not done:
        what = "no finished trial" if number is None else f"no finished trial {number}"
        raise UserError(f"{spec.name} has {what}")
    out, before = console(), additions(study.user_attrs)
    if store is None and to is None:
        out.print(
            f"{spec.folder} cannot be written: the values are shown and not kept; --to FILE.csv "
            "writes them",
            style="yellow",
            soft_wrap=True,
        )
    found: dict[int, Values] = {}
    doing = Activity()
    columns = (TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), doing)
    with Progress(*columns, console=out, transient=True) as progress:
        for trial in progress.track(done):
            runs = [Path(spec.folder) / run.folder for run in every_run(trial, trials)]
            keep = store is not None
            each = [measure(run, metrics, spec.objectives, doing.begin, keep) for run in runs]
            values = over_replicates(each)
            found[trial.number] = before.get(trial.number, {}) | values
            if store is not None:
                store.set(key(trial.number), found[trial.number])
    known = rows(trials)
    out.print(table(known, found))
    out.print(f"{len(done)} trials of {spec.name} have {len(values)} more values.")
    if to is not None:
        write_whole(to, trials_table([{**known[n], **found[n]} for n in found]).to_csv(index=False))
        print_next([("table", to.absolute())], out)
    elif store is not None:
        print_next(
            [
                ("table", command_line("report", spec.name)),
                ("in MLflow", command_line("sync", spec.name)),
            ],
            out,
        )


def _kept_in(spec: Spec, to: Path | None) -> Store | None:
    """Where the values are kept; None where they go into a file, or the study is read-only."""
    if to is not None or not can_write(Path(spec.folder)):
        return None
    return find_store(spec.name)[0]


def chosen(words: Sequence[str]) -> DictConfig:
    """The group `metrics` as `words` compose it.

    Raises:
        UserError: they are about anything else, or do not compose.
    """
    other = [word for word in words if not word.lstrip("+~").startswith("metrics")]
    if other or not words:
        raise UserError(
            "betafront evaluate takes a choice of metrics and its settings, as in metrics=latent"
            + (f", and not {other[0]}" if other else "")
        )
    metrics: DictConfig = compose(words).metrics
    if not metrics.get("further"):
        raise UserError("these metrics every run has: choose others, as in metrics=latent")
    return metrics


def measure(
    folder: Path,
    metrics: DictConfig,
    objectives: Container[str] = (),
    announce: Announce = silent,
    keep: bool = True,
) -> Values:
    """The further values of one trained model.

    Args:
        folder: of the run.
        metrics: the group of that name.
        objectives: values that a search went by, which are not to be changed.
        announce: called with the split and the name of each metric as it begins.
        keep: write them to the run's `result.json` too.

    Raises:
        UserError: its files are gone, its model is not the one that was measured before, or a value
            is one of the `objectives`.
    """
    run, result = saved_run(folder, metrics=metrics), Result.load(folder)
    vae = saved_model(folder, run.vae())
    found = run.evaluations(vae, run.data, announce)
    now, then = found["val"].values["rate"], result.metrics["val/rate"]
    close = CLOSE if vae.analytic_rate else CLOSE_OF_DRAWS
    if abs(now - then) > close * max(1.0, then):
        raise UserError(
            f"{RunFolder(folder).model} has a rate of {now:.4g} nats where {then:.4g} were "
            "measured: it is another model, or the data has changed"
        )
    values, settings, costs = by_split(found)
    values = {name: value for name, value in values.items() if not of_every_run(name)}
    if searched := [name for name in values if name in objectives]:
        raise UserError(
            f"{searched[0]} is an objective of the study, and stays what the search was told: "
            "leave its metric out, as in ~metrics.further.NAME"
        )
    more = replace(
        result,
        metrics=result.metrics | values,
        settings=result.settings | {k: v for k, v in settings.items() if k.count("/") > 1},
        costs=result.costs | costs,
    )
    if keep:
        more.save()
    return values


def over_replicates(runs: Sequence[Values]) -> Values:
    """The means over replicates, with the standard deviations as `sd/…` where there are several."""
    means = {name: fmean(run[name] for run in runs) for name in runs[0]}
    if len(runs) == 1:
        return means
    return means | {f"sd/{name}": stdev(run[name] for run in runs) for name in runs[0]}


def table(known: Mapping[int, Mapping[str, Any]], added: Mapping[int, Values]) -> Table:
    """The trials in order of their rates, with the first of the values on the validation split."""
    names = [n for n in next(iter(added.values())) if n.startswith("val/")][:SHOWN]
    shown = Table(box=None)
    for name in ("trial", "β", "D", "R", *(n.removeprefix("val/") for n in names)):
        shown.add_column(name, justify="right")
    for number in sorted(added, key=lambda n: known[n]["val/rate"]):
        row = {**known[number], **added[number]}
        values = ("beta", "val/distortion", "val/rate", *names)
        shown.add_row(str(number), *(f"{row[value]:.4g}" for value in values))
    return shown
