"""A run that was stopped goes on where its last checkpoint stands, and ends with the same bits."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from betafront.files import written_whole
from betafront.training.folder import RunFolder
from betafront.training.result import Halted

Halt = Callable[[], bool]
"""Whether a run is to stop here, to go on from its checkpoint at another time."""


class Checkpoint(pl.Callback):
    """Writes `checkpoint.ckpt` at the end of an epoch, whole or not at all.

    Only of an epoch that was validated: from any other Lightning goes on with an epoch of one batch
    (it takes the last batch of the epoch before for one of the new). Beside the model, the
    optimiser and the module's own record (the trace, the history, the state of the controller) it
    holds the state of every source of random numbers. A checkpoint stands between two epochs, where
    nothing is half drawn.

    Args:
        folder: of the run.
        seconds: how much training one is ready to lose; the next end of an epoch after that writes.
        order: where the order of the examples comes from.
        halt: asked wherever a checkpoint may be written; where it says so one is, and the run ends
            with `Halted`. A run that has taken its last step is not asked: it only has to finish.
    """

    def __init__(
        self, folder: Path, seconds: float, order: torch.Generator, halt: Halt | None = None
    ) -> None:
        self.path = RunFolder(folder).checkpoint
        self.seconds = seconds
        self.order = order
        self.halt = halt
        self.written = time.monotonic()
        self.first = 0
        main = threading.current_thread() is threading.main_thread()
        self._on_sigterm = signal.getsignal(signal.SIGTERM) if main and halt else None

    @property
    def found(self) -> Path | None:
        """The checkpoint to go on from; None where the run is new."""
        return self.path if self.path.is_file() else None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.first = trainer.global_step
        if self._on_sigterm is not None:  # Lightning would end the run at once, without a word
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step == self.first:  # Lightning ends the epoch that it goes on from again
            return
        if (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) != 0:
            return
        halted = self.halt is not None and trainer.global_step < trainer.max_steps and self.halt()
        if halted or time.monotonic() - self.written >= self.seconds:
            self._write(trainer)
        if halted:
            raise Halted(trainer.global_step)

    def _write(self, trainer: pl.Trainer) -> None:
        with written_whole(self.path) as part:
            trainer.save_checkpoint(part)
        self.written = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        states = {"order": self.order.get_state(), "cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            states["cuda"] = torch.cuda.get_rng_state()
        return states

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.order.set_state(state_dict["order"])
        torch.set_rng_state(state_dict["cpu"])
        if "cuda" in state_dict and torch.cuda.is_available():
            torch.cuda.set_rng_state(state_dict["cuda"])
