"""Many optimiser steps as one batch of Lightning's.

Around every batch Lightning calls its hooks and keeps its counts, which takes as long as a third of
the step of a small model. Where nothing listens to single batches, it is given stretches of them:
it begins and ends the training, and what a step is stands in `TrainingModule`, as of single
batches. The bits are the same.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from betafront.data import Batches
from betafront.training.lightning.module import TrainingModule
from betafront.training.run import Run


def none_listens(run: Run) -> bool:
    """Whether no part of a run is to be called by Lightning at every batch: callbacks and loggers
    of the user's, several devices, an arithmetic with scales or contexts of its own, and gradients
    of several batches are."""
    settings = run.trainer
    plain = settings.devices == 1 and settings.accumulate == 1 and settings.precision == "32-true"
    return plain and not run.callbacks and not run.loggers


class Stretches:
    """The batches of an epoch, which are handed to Lightning as one.

    Args:
        batches: of the training split.
    """

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator["_Stretch"]:
        yield _Stretch(self.batches)


class _Stretch:
    """An epoch, of which Lightning does not see that it could be taken apart."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.batches)


class StretchModule(TrainingModule):
    """As `TrainingModule`, of which a batch is a stretch: whole epochs, until one ends at which the
    run was validated, or the run does.

    Args:
        ends: what may end the attempt after any step.
        parts: as of `TrainingModule`.
    """

    def __init__(self, ends: Sequence[pl.Callback], *parts: Any) -> None:
        super().__init__(*parts)
        self.automatic_optimization = False
        self.ends = ends

    def training_step(self, stretch: _Stretch, index: int) -> None:  # type: ignore[override]
        state, trainer, optimizer = self.state, self.trainer, self.state.optimizer
        while True:
            for batch in stretch:
                self.optimizer_step(0, 0, optimizer, partial(self._gradient, batch))
                self.on_train_batch_end()
                for end in self.ends:
                    end.on_train_batch_end(trainer, self, None, batch, index)
                if state.step >= state.steps:
                    trainer.should_stop = True  # which counts no steps of a stretch
                if trainer.should_stop or trainer.received_sigterm:
                    return
            if state.validated == state.step:
                return

    def _gradient(self, batch: Tensor) -> Tensor:
        """The loss of a batch, and its gradient where the optimiser looks for it."""
        optimizer = self.state.optimizer
        loss = super().training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        self.on_before_optimizer_step(optimizer)
        self.configure_gradient_clipping(optimizer)
        return loss
