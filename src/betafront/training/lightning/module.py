"""A run as a Lightning module: the objective per step, the record per epoch.

The module only drives a run; what changes in training belongs to its `RunState`.
"""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

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
        report: called with each new row of the history.
    """

    def __init__(self, state: RunState, report: Report) -> None:
        super().__init__()
        self.state = state
        self.report = report
        self._computed: tuple[Terms, Step]
        self._validation: list[Tensor] = []

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

    def on_validation_epoch_start(self) -> None:
        self.on_train_epoch_end()  # Lightning validates before it ends the epoch
        self._validation.clear()
        self._noise = torch.Generator(self.device).manual_seed(self.state.seed)
        self._global = global_state()  # of which a module of the user's may draw

    def validation_step(self, batch: Tensor, _: int) -> None:
        terms = self.state.vae(batch, self._noise)
        self._validation.append(torch.stack([terms.distortion, terms.rate]).double())

    def on_validation_epoch_end(self) -> None:
        restore_global(self._global)
        distortion, rate = torch.cat(self._validation, dim=1).mean(1).tolist()
        self.report(self.state.add_row(distortion, rate))
