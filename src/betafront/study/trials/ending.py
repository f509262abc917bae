"""Ending a trial in the storage: complete, failed, pruned, lost or let go of. It is ended once."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from betafront.study.spec import Spec
from betafront.study.storage.study_store import NOTHING, Store
from betafront.study.trials.lease import is_lost
from betafront.study.trials.origin import numbered, origin
from betafront.study.trials.ours import RECORD
from betafront.study.trials.replicates import Record
from betafront.study.trials.status import REASON, RELEASED
from betafront.study.trials.steps import USED

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of a trial that was trained: its record, or why it has none.

    Attributes:
        record: of a trial with a result.
        reason: why the trial failed or was pruned, as `KIND: …`.
        pruned: whether it was stopped for good before its last step, by `study.pruner`.
        halted: whether it was stopped, with a checkpoint from which another worker goes on.
        steps: optimiser steps that its runs took, summed.
        machine: what is wrong with this machine, so that this worker should train no other trial.
    """

    record: Record | None = None
    reason: str | None = None
    pruned: bool = False
    halted: bool = False
    steps: int = 0
    machine: OSError | None = None


def tell(store: Store, trial: "FrozenTrial", outcome: Outcome, spec: Spec) -> None:
    """Write what came of a trial to the storage, unless another worker has ended the trial: its
    lease was lost, and the late result is left out."""
    if outcome.halted:
        if not release(store, trial):
            log.warning("trial %d had been given to another worker, and ends here", trial.number)
        return
    notes: dict[str, Any] = {USED: outcome.steps}
    if outcome.pruned:
        end(store, trial, TrialState.PRUNED, notes={REASON: outcome.reason, **notes})
        return
    metrics = outcome.record.metrics if outcome.record else {}
    missing = [m for m in spec.objectives if not math.isfinite(metrics.get(m, math.nan))]
    if outcome.record is None or missing:
        why = outcome.reason or f"failed: the run has no value of {missing[0]}"
        in_time = end(store, trial, TrialState.FAIL, notes={REASON: why, **notes})
    else:
        values = [metrics[m] for m in spec.objectives]
        notes = {RECORD: outcome.record.written(), **notes}
        in_time = end(store, trial, TrialState.COMPLETE, values, notes)
        if not in_time:  # or it was this call, whose first answer was lost
            now = numbered(store.trials(), trial.number)
            in_time = now is not None and now.values == values
    if not in_time:
        log.warning("trial %d had been given to another worker; its late result is not counted",
                    trial.number)  # fmt: skip


def end_lost(store: Store, spec: Spec, trials: "Sequence[FrozenTrial]") -> bool:
    """End the running trials whose workers are lost. A trial is tried again `spec.retries` times;
    after that it fails.

    Returns:
        Whether any worker was lost.
    """
    now = time.time()
    lost = [t for t in trials if is_lost(t, now)]
    for trial in lost:
        attempts = origin(trial).retry + 1
        if REASON not in trial.user_attrs and attempts > spec.retries:
            times = f"{attempts} times in a row (killed, perhaps for memory)"
            end_failed(store, trial, f"stale: its worker was lost {times}")
        else:  # without a reason it is tried again; with one it had failed before it was lost
            end(store, trial, TrialState.FAIL)
    return bool(lost)


def end_failed(store: Store, trial: "FrozenTrial", why: str) -> bool:
    """End a trial as failed, with the reason.

    Returns:
        Whether it had not ended before.
    """
    return end(store, trial, TrialState.FAIL, notes={REASON: why})


def release(store: Store, trial: "FrozenTrial") -> bool:
    """Let go of a trial, so that another worker goes on with it. It is not a lost attempt.

    Returns:
        Whether it had not ended before.
    """
    return end(store, trial, TrialState.FAIL, notes={RELEASED: True})


def end(
    store: Store,
    trial: "FrozenTrial",
    state: TrialState,
    values: Sequence[float] | None = None,
    notes: Mapping[str, Any] = NOTHING,
) -> bool:
    """End a trial.

    Args:
        store: of the study.
        trial: to be ended.
        state: in which it ends.
        values: of the objectives, if it is complete.
        notes: user attributes that are written with its end.

    Returns:
        Whether it had not ended before.
    """
    from optuna.exceptions import UpdateFinishedTrialError

    try:
        store.end(trial.number, state, values, notes)
    except UpdateFinishedTrialError:
        return False
    return True
