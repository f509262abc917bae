"""A run that was stopped goes on from its last checkpoint, and ends with the same bits."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from betafront.errors import UserError, one_line
from betafront.files import opened_whole, remove_parts
from betafront.training.failure import Halted
from betafront.training.lightning.callbacks import restore_states, states_of
from betafront.training.lightning.module import TrainingModule
from betafront.training.lightning.old_checkpoints import from_lightning, is_lightnings
from betafront.training.state import RunState

log = logging.getLogger(__name__)

PARTS_OF_SNAPSHOT = ("step", "tensors", "optimizer", "history", "generators", "precision")

Halt = Callable[[], bool]
"""Whether a run is to stop here, to go on from its checkpoint at another time."""


class Checkpoint(pl.Callback):
    """Writes the state of a run into its folder, whole or not at all, and continues from there.

    Written at the end of an epoch that was validated, where no epoch is half drawn and every loss
    is known to be finite; and after the last step, for a longer run to go on from.

    Args:
        path: of the file.
        seconds: the least time between two checkpoints.
        halt: asked wherever a checkpoint may be written; where it says so, one is, and the run ends
            with `Halted`. A run that has taken its last step is not asked: it only has to finish.
        callbacks: of the user's, by name, whose states are kept too.

    Attributes:
        found: the snapshot to continue from; None where the run is new.
    """

    def __init__(
        self,
        path: Path,
        seconds: float,
        halt: Halt | None = None,
        callbacks: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self.callbacks = callbacks or {}
        self.seconds = seconds
        self.halt = halt
        self.found = read(path)
        self._tried = False
        self.written = time.monotonic()
        main = threading.current_thread() is threading.main_thread()
        self._on_sigterm = signal.getsignal(signal.SIGTERM) if main and halt else None

    @property
    def step(self) -> int:
        """Optimiser steps that were taken before."""
        return self.found["step"] if self.found else 0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: TrainingModule) -> None:  # type: ignore[override]
        """The first hook at which the tensors are on their device and the optimiser is made."""
        self.restore(trainer, pl_module.state)

    def restore(self, trainer: pl.Trainer, state: RunState) -> None:
        """Have a run go on from the snapshot, if there is one.

        Raises:
            UserError: it is of another run.
        """
        if self.found:
            try:
                state.restore(self.found)
                trainer.precision_plugin.load_state_dict(self.found["precision"])
                restore_states(self.callbacks, self.found.get("callbacks", {}))
            except UserError:
                raise
            except Exception as error:  # of torch, where tensors do not fit
                raise UserError(
                    f"{self.path} is the checkpoint of another run ({one_line(error)[:150]}): "
                    "remove it, and the run begins anew"
                ) from error
            self.found = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._on_sigterm is not None:  # Lightning would end the run at once, without a word
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: TrainingModule) -> None:  # type: ignore[override]
        self.after_epoch(trainer, pl_module.state)

    def after_epoch(self, trainer: pl.Trainer, state: RunState) -> None:
        """Write a checkpoint at the end of an epoch, where it is time to.

        Raises:
            Halted: the run is to stop here.
        """
        if state.validated != state.step or state.ended:
            return
        halted = self.halt is not None and self.halt()
        if halted or time.monotonic() - self.written >= self.seconds:
            self._write(trainer, state)
        if halted:
            raise Halted(state.step)

    def on_train_end(self, trainer: pl.Trainer, pl_module: TrainingModule) -> None:  # type: ignore[override]
        state = pl_module.state
        if trainer.should_stop and not state.ended:
            state.stopped = True
        self.after_last(trainer, state)

    def after_last(self, trainer: pl.Trainer, state: RunState) -> None:
        """Write the checkpoint of a run that has ended, for a longer one to go on from."""
        if state.ended:
            self._write(trainer, state)

    def _write(self, trainer: pl.Trainer, state: RunState) -> None:
        if not trainer.is_global_zero:  # of several processes of the run
            return
        precision = trainer.precision_plugin.state_dict()  # the scale of a half-precision loss
        snapshot = state.snapshot() | {"precision": precision}
        if states := states_of(self.callbacks):
            snapshot["callbacks"] = states
        remove_parts(self.path)
        with opened_whole(self.path) as sink:
            torch.save(_without_views(snapshot), sink)
        if not self._tried:
            self._tried = True
            read(self.path, "a run that is stopped here would begin anew")
        self.written = time.monotonic()


def _without_views(found: Any) -> Any:
    """The same, with copies of tensors that are parts of greater ones, which would be written
    whole."""
    if isinstance(found, dict):
        made = copy(found)  # which keeps the versions of the modules that torch keeps in a state
        for key, value in found.items():
            made[key] = _without_views(value)  # `update` of a Counter adds
        return made
    if isinstance(found, list):
        return [_without_views(each) for each in found]
    if isinstance(found, Tensor) and found.untyped_storage().nbytes() > found.nbytes:
        return found.clone()
    return found


def read(path: Path, so: str = "the run begins anew") -> dict[str, Any] | None:
    """The snapshot in a checkpoint; None where there is none, or none that can be read.

    A checkpoint may lie in somebody else's folder, so that nothing but tensors and plain values is
    read: an optimiser whose state holds other objects cannot be continued.

    Args:
        path: of the file.
        so: what follows where it cannot be read, for the log.
    """
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        snapshot = from_lightning(found) if is_lightnings(found) else found
        if lacking := [part for part in PARTS_OF_SNAPSHOT if part not in snapshot]:
            raise KeyError(f"it lacks {', '.join(lacking)}")
        return snapshot
    except Exception as error:  # a damaged file makes its reader raise almost anything
        log.warning("%s cannot be read, and %s: %s", path, so, one_line(error)[:300])
        return None
