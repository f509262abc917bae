"""What ends one attempt at training in the middle of an epoch: its wall-clock time, or that nobody
waits for it any more."""

import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from betafront.training.failure import Dropped, TimedOut
from betafront.training.lightning.module import TrainingModule
from betafront.training.state import RunState


class Limit(pl.Callback):
    """What is asked after every step whether an attempt ends there."""

    def begin(self, runs: int = 1) -> None:
        """Training begins.

        Args:
            runs: that take their steps together, of which each has its share of the time.
        """

    def after_step(self, state: RunState) -> None:
        """Raise what ends the attempt, if it ends.

        Args:
            state: of its run.
        """
        raise NotImplementedError

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.begin()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any
    ) -> None:
        assert isinstance(pl_module, TrainingModule)
        self.after_step(pl_module.state)


class Deadline(Limit):
    """Ends training with `TimedOut` at the end of the first batch after `seconds`.

    Lightning's own Timer stops training as if the run were finished, and a half-trained model would
    be evaluated.

    Args:
        seconds: from the start of training in this attempt, of a stack the share of the run; the
            time of earlier attempts, from whose checkpoint the run continues, does not count.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = 0.0

    def begin(self, runs: int = 1) -> None:
        self.end = time.monotonic() + self.seconds * runs

    def after_step(self, state: RunState) -> None:
        if time.monotonic() > self.end:
            raise TimedOut(state.step, self.seconds)


class Drop(Limit):
    """Ends training with `Dropped` at the end of the first batch after which `dropped` says so.

    Args:
        dropped: whether nobody waits for the run any more.
    """

    def __init__(self, dropped: Callable[[], bool]) -> None:
        self.dropped = dropped

    def after_step(self, state: RunState) -> None:
        if self.dropped():
            raise Dropped(state.step)


def limits(seconds: float | None, dropped: Callable[[], bool] | None) -> list[Limit]:
    """What may end an attempt before its run has ended; see `betafront.training.Attempt`."""
    found: list[Limit] = []
    if seconds is not None:
        found.append(Deadline(seconds))
    if dropped is not None:
        found.append(Drop(dropped))
    return found
