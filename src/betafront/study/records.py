"""What the storage knows of a study, as the tables and facts that the front reads."""

import shlex
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from betafront.front import Facts, trials_table
from betafront.study.ledger import OVER_BUDGET, REASON, counts, is_failed, is_lost, reason
from betafront.study.spec import Spec
from betafront.study.worker import RECORD

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["command", "facts", "reason", "row", "state", "table", "tally"]

STATES = ("complete", "failed", "running", "waiting", "lost")


def state(trial: "FrozenTrial") -> str | None:
    """One of STATES; None for a trial that was given back before it began. A failed trial counts
    against the budget, a lost one does not: it is tried again."""
    if is_failed(trial):
        if trial.user_attrs.get(REASON) == OVER_BUDGET:
            return None
        return "failed" if counts(trial) else "lost"
    if is_lost(trial, time.time()):
        return "lost"
    return {"COMPLETE": "complete", "RUNNING": "running", "WAITING": "waiting"}[trial.state.name]


def tally(trials: Sequence["FrozenTrial"]) -> dict[str, int]:
    """The number of trials in each state."""
    found = Counter(state(t) for t in trials)
    return {name: found.get(name, 0) for name in STATES}


def table(trials: Sequence["FrozenTrial"]) -> pd.DataFrame:
    """The finished trials, one row each."""
    rows = [row(t) for t in trials if t.state.name == "COMPLETE" and RECORD in t.user_attrs]
    return trials_table(rows)


def row(trial: "FrozenTrial") -> dict[str, Any]:
    """One finished trial."""
    record: dict[str, Any] = trial.user_attrs[RECORD]
    rest = {
        "seconds": record["seconds"],
        "folder": record["folder"],
        "started": trial.datetime_start.timestamp() if trial.datetime_start else 0.0,
        "finished": trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0,
    }
    found: dict[str, Any] = {"trial": trial.number, **trial.params, **record["scale"]}
    return {**found, **record["metrics"], **rest}


def facts(spec: Spec, trials: Sequence["FrozenTrial"]) -> Facts:
    """The facts beside the table."""
    return Facts(
        name=spec.name,
        question=spec.question,
        objectives=spec.objectives,
        reference=spec.reference or [],
        pixels=spec.pixels,
        latents=spec.latents,
        budget=spec.trials,
        counts=tally(trials),
        parameters=list(spec.space),
        one_scale=spec.one_scale,
        command=command(spec),
        data=f"data {spec.base.get('data.name', '')} (digest {spec.data_digest})",
    )


def command(spec: Spec) -> str:
    """The command that makes or resumes the study."""
    return shlex.join(["betafront", "sweep", *spec.command])
