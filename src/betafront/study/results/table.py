"""A study as the tables and facts that the front reads."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from betafront.front import Facts, trials_table
from betafront.study.results.confirmation import confirmation
from betafront.study.results.floor import floor
from betafront.study.results.points import points
from betafront.study.results.pruned import pruned_in_words
from betafront.study.results.scout import scout
from betafront.study.results.searched_range import as_forecast, reach
from betafront.study.search.automatic import WEIGHT
from betafront.study.spec import Spec
from betafront.study.trials.mean_curve import Curve
from betafront.study.trials.origin import RESULTS, WEIGHTS, origin
from betafront.study.trials.ours import RECORD
from betafront.study.trials.replicates import (
    CURVE,
    Record,
    every_run,
    record_of,
    record_of_runs,
)
from betafront.study.trials.status import Status, kind_of_failure, numbers_by_word, status
from betafront.terminal import command_line

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

INNER = "model.of._target_"  # of what a model conditioned on β is made; named as its choice is


def failures(trials: Sequence["FrozenTrial"]) -> dict[str, int]:
    """The number of failed trials of each kind, most frequent first."""
    failed = (t for t in trials if status(t) is Status.FAILED)
    return dict(Counter(map(kind_of_failure, failed)).most_common())


def table(
    trials: Sequence["FrozenTrial"],
    objectives: Collection[str],
    added: Mapping[int, Mapping[str, float]] = {},
) -> pd.DataFrame:
    """The points of the complete trials, a row each: of a trial as `rows` has it, and of one whose
    model is conditioned on β for each point of its curve (`betafront.study.results.points`).

    Args:
        trials: all of the study.
        objectives: of the study.
        added: as in `rows`.
    """
    found = rows(trials, added)
    curves = _curves(trials)
    every = (points(row, curves.get(number, ()), objectives) for number, row in found.items())
    return trials_table([point for each in every for point in each])


def _curves(trials: Sequence["FrozenTrial"]) -> dict[int, Curve]:
    """The curves of the complete trials that have one, by the numbers of the trials, with the
    replicates that were added later."""
    additions = [t for t in trials if status(t) is Status.ADDED]
    with_curve = [t for t in complete(trials) if CURVE in t.user_attrs[RECORD]]
    of = {t.number: every_run(t, additions) for t in with_curve}
    return {number: record_of_runs(runs).curve for number, runs in of.items()}


def rows(
    trials: Sequence["FrozenTrial"], added: Mapping[int, Mapping[str, float]] = {}
) -> dict[int, dict[str, Any]]:
    """The complete trials by their numbers, each with the replicates and the values that were added
    later.

    Args:
        trials: all of the study.
        added: values by the numbers of the trials (`betafront.study.results.added_metrics`).
    """
    found = {t.number: row(t) for t in complete(trials)}
    for trial in trials:
        number = origin(trial).adds_to
        if status(trial) is Status.ADDED and number in found:
            more = row(trial)
            if more["replicates"] > found[number]["replicates"]:
                times = {key: found[number][key] for key in ("started", "finished")}
                found[number] = found[number] | more | {"trial": number, **times}
    return {number: {**one, **added.get(number, {})} for number, one in found.items()}


def complete(trials: Sequence["FrozenTrial"]) -> "list[FrozenTrial]":
    """The complete trials."""
    return [t for t in trials if status(t) is Status.COMPLETE]


def row(trial: "FrozenTrial") -> dict[str, Any]:
    """The row of a trial with a record, as it ended."""
    record = record_of(trial)
    rest = {
        "seconds": record.seconds,
        "folder": record.folder,
        "started": trial.datetime_start.timestamp() if trial.datetime_start else 0.0,
        "finished": trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0,
        "replicates": len(record.runs),
        **{f"sd/{key}": value for key, value in (record.spread or {}).items()},
    }
    found: dict[str, Any] = {"trial": trial.number, **trial.params, **record.scale.written()}
    return {**found, **_source(trial), **_standing(record), **record.metrics, **rest}


def _source(trial: "FrozenTrial") -> dict[str, Any]:
    """The trial of another study whose results were taken over (`imported`), or from whose last
    weights this one went on (`continued`)."""
    source = origin(trial).source
    column = {RESULTS: "imported", WEIGHTS: "continued"}.get(source.takes if source else "")
    return {column: str(source)} if column else {}


def _standing(record: Record) -> dict[str, Any]:
    return record.standing.columns if record.standing else {}


def runs_table(trials: Sequence["FrozenTrial"], objectives: Collection[str]) -> pd.DataFrame:
    """The points of the runs of the complete trials, a row each as in `table`, with the trial's
    number and the run's, as `replicate`."""
    additions = [t for t in trials if status(t) is Status.ADDED]  # few: looked at for every trial
    found = []
    for trial in complete(trials):
        for number, run in enumerate(every_run(trial, additions)):
            place = {"trial": trial.number, "replicate": number, **trial.params}
            row = {**place, **run.scale.written(), **_standing(run), **run.metrics}
            found += points(row, run.curve, objectives)
    return pd.DataFrame(found)


def facts(spec: Spec, trials: Sequence["FrozenTrial"], settings: Mapping[str, Any] = {}) -> Facts:
    """The facts beside the table. Of the parameters only those that a complete trial has: a
    conditional parameter may be in none.

    Args:
        spec: of the study.
        trials: all of the study.
        settings: the user attributes of the study, for its confirmation, its floor and its scout.
    """
    done = complete(trials)
    searched = next((t.distributions[WEIGHT] for t in done if WEIGHT in t.distributions), None)
    return Facts(
        name=spec.name,
        question=spec.question,
        objectives=spec.objectives,
        reference=spec.reference or [],
        pixels=spec.pixels,
        latents=spec.latents,
        budget=spec.trials,
        counts=numbers_by_word(trials, time.time()),
        parameters=[key for key in spec.space if any(key in t.params for t in done)],
        one_scale=spec.one_scale,
        command=command(spec),
        reach=reach(searched) if searched else None,
        as_forecast=as_forecast(spec),
        data=f"data {spec.base.get('data.name', '')} (digest {spec.data_digest})",
        floor=floor(settings),
        scout=scout(settings),
        confirmation=confirmation(settings),
        keep=str(spec.base.get("trainer.keep", "")),
        by_epochs=spec.by_epochs,
        pruned=pruned_in_words(trials),
        inner=str(spec.base.get(INNER) or "").rpartition(".")[2],
    )


def command(spec: Spec) -> str:
    """The command that makes or resumes the study."""
    return command_line("sweep", options=spec.command)
