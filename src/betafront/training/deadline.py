"""A limit on the wall-clock time of one attempt at training."""

import time
from typing import Any

import pytorch_lightning as pl

from betafront.training.result import TimedOut


class Deadline(pl.Callback):
    """Ends training with `TimedOut` at the end of the first batch after `seconds`.

    Lightning's own Timer stops training as if it were done, and what was half trained would be
    evaluated and counted.

    Args:
        seconds: from the start of training; of a run that goes on from a checkpoint, of this
            attempt alone.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.end = time.monotonic() + self.seconds

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any
    ) -> None:
        if time.monotonic() > self.end:
            raise TimedOut(trainer.global_step, self.seconds)
