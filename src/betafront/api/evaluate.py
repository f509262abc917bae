"""`betafront.evaluate`: the trained models of a study, measured by more metrics than they were."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd
from omegaconf import DictConfig
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from betafront import html
from betafront.api.process import working
from betafront.api.study import Study, in_a_study
from betafront.api.words import words_of
from betafront.config.compose import compose
from betafront.config.saved import saved_model, saved_run
from betafront.config.trust import Wall, of_kept, trusting
from betafront.errors import UserError
from betafront.files import can_write
from betafront.front import trials_table
from betafront.metrics.evaluation import by_split, of_every_run
from betafront.metrics.registry import Announce, silent
from betafront.study.lookup import find_store, find_study
from betafront.study.results.added_metrics import additions, key
from betafront.study.results.table import complete, rows
from betafront.study.spec import Spec
from betafront.study.storage.study_store import Store
from betafront.study.trials.replicates import every_run
from betafront.terminal import Activity, console
from betafront.training.folder import RunFolder
from betafront.training.result import Result

# By how much the rate of the same model may differ: by the arithmetic of another machine where it
# is analytic; where it is a mean over draws, by those of another device too.
CLOSE, CLOSE_OF_DRAWS = 1e-3, 0.05
SHOWN = 6  # values in a table
Values = dict[str, float]


@dataclass(frozen=True)
class Evaluated:
    """What was measured of a study.

    Attributes:
        study: its name.
        values: the names of what was measured, such as `val/iwae_1`.
        trials: a row per trial that was measured, with all that is known of it, the values among
            that.
        folder: of the study.
        kept: whether the values are kept with the study and in the folders of its runs.
    """

    study: str
    values: Sequence[str]
    trials: pd.DataFrame = field(repr=False)
    folder: Path
    kept: bool

    @property
    def shown(self) -> tuple[list[str], list[list[str]]]:
        """The head and the rows of a table: the trials in order of their rates, with the first of
        the values on the validation split."""
        names = [name for name in self.values if name.startswith("val/")][:SHOWN]
        columns = ["beta", "val/distortion", "val/rate", *names]
        head = ["trial", "β", "D", "R", *(name.removeprefix("val/") for name in names)]
        cells = [
            [str(row["trial"]), *(f"{row[column]:.4g}" for column in columns)]
            for _, row in self.trials.sort_values("val/rate").iterrows()
        ]
        return head, cells

    def __repr__(self) -> str:
        n = len(self.trials)
        trials = "1 trial" if n == 1 else f"{n} trials"
        return f"{len(self.values)} more values of {trials} of {self.study}."

    def _repr_html_(self) -> str:
        return html.table(*self.shown, caption=repr(self), words=())


def evaluate(
    study: str | Study | None = None,
    overrides: Sequence[str] = (),
    *,
    trial: int | None = None,
    keep: bool = True,
    trust: str | Iterable[str] = (),
    quiet: bool = False,
    **choices: Any,
) -> Evaluated:
    """Measure the trained models of a study by more metrics, as `betafront evaluate` does. Nothing
    is trained, and no value that was there before is changed but by its own name.

    >>> import betafront
    >>> found = betafront.evaluate(
    ...     "tiny", metrics="latent", overrides=["metrics.further.iwae.draws=[1,4]"], quiet=True
    ... )
    >>> found.values[:2], found.kept
    (['val/iwae_1', 'val/iwae_4'], True)
    >>> "val/iwae_4" in betafront.study("tiny").trials
    True

    Args:
        study: its name; None for the newest.
        overrides: of the group `metrics`, as on the command line.
        trial: the only one to measure; None measures all.
        keep: keep the values with the study and in the folders of its runs.
        trust: modules, functions and classes of which its runs may be made (`docs/trust.md`).
        quiet: print no progress.
        choices: `metrics="latent"`, and settings below it, as in `betafront.train`.

    Raises:
        UserError: there is nothing to measure, or it cannot be measured so.
    """
    name = study.name if isinstance(study, Study) else study
    words = [*words_of(choices), *overrides]
    named = [trust] if isinstance(trust, str) else trust
    with working(quiet), trusting(named):
        return evaluate_study(name, words, trial, keep, replace(of_kept(), ways=in_a_study))


def evaluate_study(
    name: str | None,
    words: Sequence[str],
    number: int | None = None,
    keep: bool = True,
    wall: Wall | None = None,
) -> Evaluated:
    """Measure the trained models of a study, with a line of progress.

    Args:
        name: of the study; None for the newest.
        words: overrides of the group `metrics`.
        number: of the only trial to measure; None measures all.
        keep: as in `evaluate`; what cannot be written is not kept.
        wall: what the configurations of its runs may name; None for what a command takes.

    Raises:
        UserError: there is nothing to measure, or it cannot be measured so.
    """
    study, spec = find_study(name)
    store = _kept_in(spec) if keep else None
    metrics, trials = chosen(words), study.get_trials(deepcopy=False)
    done = [t for t in complete(trials) if number in (None, t.number)]
    if not done:
        what = "no finished trial" if number is None else f"no finished trial {number}"
        raise UserError(f"{spec.name} has {what}")
    before = additions(study.user_attrs)
    found: dict[int, Values] = {}
    doing = Activity()
    columns = (TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), doing)
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task("", total=len(done))
        # What cannot be had of the data is refused before what takes long is measured.
        first = Path(spec.folder) / every_run(done[0], trials)[0].folder
        saved_run(first, wall, metrics=metrics).metric_names(doing.begin)
        for trial in progress.track(done, task_id=task):
            runs = [Path(spec.folder) / run.folder for run in every_run(trial, trials)]
            each = [
                measure(run, metrics, spec.objectives, doing.begin, store is not None, wall)
                for run in runs
            ]
            values = over_replicates(each)
            found[trial.number] = before.get(trial.number, {}) | values
            if store is not None:
                store.set(key(trial.number), found[trial.number])
    known = rows(trials)
    measured = trials_table([{**known[n], **found[n]} for n in found])
    return Evaluated(spec.name, list(values), measured, Path(spec.folder), store is not None)


def _kept_in(spec: Spec) -> Store | None:
    """Where the values are kept; None where the study is read-only."""
    return find_store(spec.name)[0] if can_write(Path(spec.folder)) else None


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
    wall: Wall | None = None,
) -> Values:
    """The further values of one trained model.

    Args:
        folder: of the run.
        metrics: the group of that name.
        objectives: values that a search went by, which are not to be changed.
        announce: called with the split and the name of each metric as it begins.
        keep: write them to the run's `result.json` too.
        wall: as in `evaluate_study`.

    Raises:
        UserError: its files are gone, its model is not the one that was measured before, or a value
            is one of the `objectives`.
    """
    run, result = saved_run(folder, wall, metrics=metrics), Result.load(folder)
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


def over_replicates(runs: Sequence[Mapping[str, float]]) -> Values:
    """The means over replicates, with the standard deviations as `sd/…` where there are several."""
    means = {name: fmean(run[name] for run in runs) for name in runs[0]}
    if len(runs) == 1:
        return means
    return means | {f"sd/{name}": stdev(run[name] for run in runs) for name in runs[0]}
