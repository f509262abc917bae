"""Callbacks of the user's, which Lightning calls while a run is trained."""

from collections.abc import Collection, Mapping
from traceback import walk_tb
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import DeviceStatsMonitor, LearningRateMonitor

from betafront.errors import UserError
from betafront.own_modules import cause

TELLING = (DeviceStatsMonitor, LearningRateMonitor)
"""Lightning's callbacks that end a run without loggers."""


def check_callbacks(callbacks: Mapping[str, Any], loggers: Collection[str]) -> None:
    """Refuse what is no callback, and one that tells loggers something where there are none.

    Args:
        callbacks: of a run, by name.
        loggers: the names of its loggers.

    Raises:
        UserError: naming it.
    """
    for name, callback in callbacks.items():
        if not isinstance(callback, pl.Callback):
            raise UserError(
                f"callbacks.{name}: what it names has made a {type(callback).__name__}, and no "
                "pytorch_lightning.Callback"
            )
        if isinstance(callback, TELLING) and not loggers:
            raise UserError(
                f"callbacks.{name} ({type(callback).__name__}) tells loggers what it sees, and "
                "there are none: add one, as loggers=[csv]"
            )


def failed_part(error: BaseException, parts: Mapping[str, Any]) -> UserError | None:
    """What to say of an error that was raised within a callback or a logger; None where it was not.

    Args:
        error: that ended a run.
        parts: the callbacks and loggers of the run, each by its key in the configuration.
    """
    owners = [frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__)]
    for key, part in parts.items():
        if any(owner is part for owner in owners):
            return UserError(f"{key} ({type(part).__name__}): {cause(error)}")
    return None


def states_of(callbacks: Mapping[str, Any]) -> dict[str, Any]:
    """The states of those callbacks that have one, for `restore_states`."""
    states = {name: callback.state_dict() for name, callback in callbacks.items()}
    return {name: state for name, state in states.items() if state}


def restore_states(callbacks: Mapping[str, Any], states: Mapping[str, Any]) -> None:
    """Have callbacks continue from what `states_of` returned."""
    for name, state in states.items():
        if name in callbacks:
            callbacks[name].load_state_dict(state)
