"""What the storage knows of a study, as the tables and facts that the front reads."""

import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from betafront.front import Facts, trials_table
from betafront.study.results.reach import reach
from betafront.study.spec import Spec
from betafront.study.trials.lease import is_lost
from betafront.study.trials.ledger import (
    IMPORTED,
    RECORD,
    is_failed,
    is_given_back,
    is_gone,
    kind,
    origin,
    reason,
)
from betafront.study.trials.replicates import Record, runs_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = [
    "command",
    "every_run",
    "facts",
    "failures",
    "reason",
    "row",
    "rows",
    "run_rows",
    "runs_table",
    "state",
    "table",
    "tally",
]

STATES = ("complete", "failed", "running", "lost")


def state(trial: "FrozenTrial") -> str | None:
    """One of STATES; None for what is no trial of the study's own: one that was given back before
    it began, was imported, or only added replicates to another. A failed trial counts against the
    budget, a lost one does not: it is tried again."""
    if is_given_back(trial) or IMPORTED in trial.user_attrs:
        return None
    if trial.state.name == "RUNNING":
        return "lost" if is_lost(trial, time.time()) else "running"
    if origin(trial).tops is not None:
        return None
    if is_failed(trial):
        return "lost" if is_gone(trial) else "failed"
    return "complete"


def tally(trials: Sequence["FrozenTrial"]) -> dict[str, int]:
    """The number of trials in each state."""
    found = Counter(state(t) for t in trials)
    return {name: found.get(name, 0) for name in STATES}


def failures(trials: Sequence["FrozenTrial"]) -> dict[str, int]:
    """The number of failed trials of each kind, most frequent first."""
    return dict(Counter(kind(t) for t in trials if state(t) == "failed").most_common())


def table(
    trials: Sequence["FrozenTrial"], added: Mapping[int, Mapping[str, float]] = {}
) -> pd.DataFrame:
    """The finished trials, one row each, as `rows` has them."""
    return trials_table(list(rows(trials, added).values()))


def rows(
    trials: Sequence["FrozenTrial"], added: Mapping[int, Mapping[str, float]] = {}
) -> dict[int, dict[str, Any]]:
    """The finished trials by their numbers, each with what was added later.

    Args:
        trials: of the study; some of them only add replicates to another.
        added: values by the numbers of the trials (`betafront.study.results.additions`).
    """
    found = {t.number: row(t) for t in trials if state(t) == "complete" and RECORD in t.user_attrs}
    for trial in trials:
        number = origin(trial).tops
        if trial.state.name == "COMPLETE" and number in found:
            more = row(trial)
            if more["replicates"] > found[number]["replicates"]:
                first = {key: found[number][key] for key in ("started", "finished")}
                found[number] = found[number] | more | {"trial": number, **first}
    return {number: {**one, **added.get(number, {})} for number, one in found.items()}


def run_rows(trials: Sequence["FrozenTrial"]) -> list[dict[str, Any]]:
    """The runs of the finished trials, a row each, with the trial's number and the run's, as
    `replicate`."""
    found = []
    more = [t for t in trials if origin(t).tops is not None]  # few, and each is looked at often
    for trial in trials:
        if state(trial) == "complete" and RECORD in trial.user_attrs:
            for number, run in enumerate(every_run(trial, more)):
                place = {"trial": trial.number, "replicate": number, **trial.params}
                found.append({**place, **run["scale"], **run["metrics"]})
    return found


def runs_table(trials: Sequence["FrozenTrial"]) -> pd.DataFrame:
    """As `run_rows`, as a table."""
    return pd.DataFrame(run_rows(trials))


def every_run(trial: "FrozenTrial", trials: Sequence["FrozenTrial"]) -> list[Record]:
    """The runs of a finished trial, with the replicates that were added later."""
    more = [t for t in trials if origin(t).tops == trial.number and t.state.name == "COMPLETE"]
    return max((runs_of(t.user_attrs[RECORD]) for t in [trial, *more]), key=len)


def row(trial: "FrozenTrial") -> dict[str, Any]:
    """One finished trial."""
    record: dict[str, Any] = trial.user_attrs[RECORD]
    rest = {
        "seconds": record["seconds"],
        "folder": record["folder"],
        "started": trial.datetime_start.timestamp() if trial.datetime_start else 0.0,
        "finished": trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0,
        "replicates": len(runs_of(record)),
        **{f"sd/{key}": value for key, value in record.get("spread", {}).items()},
    }
    found: dict[str, Any] = {"trial": trial.number, **trial.params, **record["scale"]}
    return {**found, **record["metrics"], **rest}


def facts(spec: Spec, trials: Sequence["FrozenTrial"]) -> Facts:
    """The facts beside the table: of the parameters those that a finished trial has, since some may
    be there only for choices that none was given."""
    done = [t for t in trials if state(t) == "complete"]
    return Facts(
        name=spec.name,
        question=spec.question,
        objectives=spec.objectives,
        reference=spec.reference or [],
        pixels=spec.pixels,
        latents=spec.latents,
        budget=spec.trials,
        counts=tally(trials),
        parameters=[key for key in spec.space if any(key in t.params for t in done)],
        one_scale=spec.one_scale,
        command=command(spec),
        reach=reach(spec.space),
        data=f"data {spec.base.get('data.name', '')} (digest {spec.data_digest})",
    )


def command(spec: Spec) -> str:
    """The command that makes or resumes the study."""
    return shlex.join(["betafront", "sweep", *spec.command])
