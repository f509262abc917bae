"""The VAE as a Lightning module: the objective per step, the record per epoch."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from betafront.models import Model
from betafront.objective import Objective, Terms
from betafront.training.result import Diverged

MakeOptimizer = Callable[[Iterable[Tensor]], torch.optim.Optimizer]
Report = Callable[[dict[str, float]], None]

Trace = dict[str, NDArray[np.float64]]
"""Arrays over the optimiser steps of a run."""

TRACE = ("distortion", "rate", "loss", "beta", "penalty", "mse")
RECORDED = ("distortion", "rate", "loss")


class TrainingModule(pl.LightningModule):
    """Trains a VAE on an objective and keeps what happened.

    Args:
        vae: the model.
        objective: turns its terms into a loss.
        make_optimizer: turns parameters into an optimiser.
        steps: optimiser steps of the whole run, which progress is measured by.
        seed: of the noise in validation, so that watching a run does not change it.
        report: called with each new row of `history`.

    Attributes:
        trace: (steps, 6) what came of every step and what was in force, in the order of `TRACE`, on
            the model's device; the squared error is NaN where nothing holds it.
        controller: the controller's state.
        history: a row per logged epoch: `step`, `train/…`, `val/…` in nats per example.
    """

    def __init__(
        self,
        vae: Model,
        objective: Objective,
        make_optimizer: MakeOptimizer,
        steps: int,
        seed: int,
        report: Report,
    ) -> None:
        super().__init__()
        self.vae = vae
        self.objective = objective
        self.make_optimizer = make_optimizer
        self.steps = steps
        self.seed = seed
        self.report = report
        self.history: list[dict[str, float]] = []
        self.trace: Tensor
        self.register_buffer("trace", torch.full((steps, len(TRACE)), math.nan))
        self.controller: Tensor
        self.register_buffer("controller", objective.start())
        self._recorded = 0
        self._checked = 0
        self._validation: list[Tensor] = []

    def training_step(self, batch: Tensor, _: int) -> Tensor:
        step = self.global_step
        terms: Terms = self.vae(batch, mse=self.objective.holds == "mse")
        taken = self.objective.step(terms, step / self.steps, self.controller)
        self.controller = taken.state
        self.vae.remember(terms.statistic)
        with torch.no_grad():
            means = terms.distortion.mean(), terms.rate.mean()
            seen = [*means, taken.loss, taken.beta, taken.penalty]
            if terms.mse is not None:
                seen.append(terms.mse.mean())
            self.trace[step, : len(seen)] = torch.stack([v.detach().float() for v in seen])
        return taken.loss

    def on_train_epoch_end(self) -> None:
        """Stop a run that diverged: looked for once per epoch, since asking a device at every step
        would make it wait."""
        lost = ~torch.isfinite(self.trace[self._checked : self.global_step, : len(RECORDED)]).all(1)
        if lost.any():
            raise Diverged(self._checked + int(lost.nonzero()[0]))
        self._checked = self.global_step

    def on_validation_epoch_start(self) -> None:
        self.on_train_epoch_end()  # Lightning validates before it ends the epoch
        self._validation.clear()
        self._generator = torch.Generator(self.device).manual_seed(self.seed)

    def validation_step(self, batch: Tensor, _: int) -> None:
        terms = self.vae(batch, self._generator)
        self._validation.append(torch.stack([terms.distortion, terms.rate]).double())

    def on_validation_epoch_end(self) -> None:
        first, self._recorded = self._recorded, self.global_step
        train = self.trace[first : self.global_step].mean(0).tolist()
        now = dict(zip(TRACE, self.trace[self.global_step - 1].tolist(), strict=True))
        val = torch.cat(self._validation, dim=1).mean(1).tolist()
        row: dict[str, float] = {"step": self.global_step}
        means = dict(zip(TRACE, train, strict=True))
        row |= {f"train/{name}": means[name] for name in RECORDED}
        row |= {"val/distortion": val[0], "val/rate": val[1], "val/negative_elbo": sum(val)}
        row["train/beta"] = now["beta"]
        self.history.append(row)
        self.report(row)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history
        checkpoint["counted"] = self._recorded, self._checked

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = checkpoint["history"]
        self._recorded, self._checked = checkpoint["counted"]

    def configure_optimizers(self) -> Any:
        return self.make_optimizer(self.parameters())
