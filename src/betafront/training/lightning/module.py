"""A run as a Lightning module: the objective per step, the record per epoch.

The module only drives a run; what changes in training belongs to its `RunState`.
"""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from betafront.data import Batches
from betafront.objective import Step, Terms
from betafront.training.failure import Diverged
from betafront.training.generators import global_state, restore_global
from betafront.training.history import Row
from betafront.training.state import RunState

Report = Callable[[Row], None]


class TrainingModule(pl.LightningModule):
    """Trains one run.

    Args:
        state: of the run.
        validation: the batches of the validation split, the same at every call.
        report: called with each new row of the history.
    """

    def __init__(self, state: RunState, validation: Batches, report: Report) -> None:
        super().__init__()
        self.state = state
        self.validation = validation
        self.report = report
        self._computed: tuple[Terms, Step]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.state.make_optimizer()

    def training_step(self, batch: Tensor, _: int) -> Tensor:
        state = self.state
        noise, mse = state.generators.noise, state.objective.holds == "mse"
        terms: Terms = state.vae(batch, noise, mse=mse)
        taken = state.objective.step(terms, state.progress, state.controller)
        self._computed = terms, taken
        return taken.loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.state.record(*self._computed)

    def on_train_epoch_end(self) -> None:
        """Stop a run that diverged: looked for once per epoch, since asking a device at every step
        would make it wait.

        Raises:
            Diverged: a loss is NaN or infinite.
        """
        lost = self.state.first_lost_step()
        if lost is not None:
            raise Diverged(lost)

    def on_train_start(self) -> None:
        self.trainer.should_stop = self.state.ended  # by its patience, before it was stopped

    def on_train_batch_end(self, *_: Any) -> None:
        if not self.state.cadence.due(self.state.step):
            return
        self.on_train_epoch_end()
        self._validate()
        self.trainer.should_stop = self.state.ended

    def _validate(self) -> None:
        """A row of the history: Lightning's own loop knows no validation after the last step of a
        run that ends within an epoch, nor one that keeps to the same steps after a checkpoint."""
        state, device = self.state, self.device
        plugin, strategy = self.trainer.precision_plugin, self.trainer.strategy
        elsewhere = global_state()  # of which a module of the user's may draw
        with plugin.val_step_context():
            batches = (
                plugin.convert_input(strategy.batch_to_device(batch)) for batch in self.validation
            )
            noise = torch.Generator(device).manual_seed(state.seed)
            row = state.validate(batches, noise)
        restore_global(elsewhere)
        self.report(row)
