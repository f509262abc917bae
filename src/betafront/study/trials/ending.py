"""Ending a trial in the storage: complete, failed, lost, or let go of. A trial is ended once."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from betafront.study.spec import Spec
from betafront.study.storage.study_store import NOTHING, Store
from betafront.study.trials.lease import is_lost
from betafront.study.trials.origin import origin
from betafront.study.trials.status import REASON, RELEASED

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


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
