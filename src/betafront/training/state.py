"""Everything of a run that changes while it is trained."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from betafront.objective import Step, Terms
from betafront.training.first_scale import start_scale
from betafront.training.generators import Generators
from betafront.training.history import STEP, Row, history_row, renamed
from betafront.training.optimizer import optimizer_of, restore_optimizer
from betafront.training.run import Run
from betafront.training.trace import TRACED

RECORDED = ("distortion", "rate", "loss")  # columns of the trace that go into the history


class RunState(nn.Module):
    """The model, the optimiser, the controller, the record and the generators of one run.

    It is a module so that its tensors move to a device, or to another precision, together. The
    initial weights are drawn when it is made, from torch's global generator.

    Args:
        run: the parts.
        device: where it will be trained; its tensors are moved there later.

    Attributes:
        vae: the model.
        objective: turns the terms of the model into a loss.
        controller: the state of the controller.
        trace: (steps, 6) what was in force at every step and what came of it, in the order of
            `TRACED`; NaN for steps to come, and for a squared error that nothing holds.
        step: optimiser steps taken.
        steps: optimiser steps of the whole run.
        history: a row per validated epoch (`betafront.training.history`).
        checked: steps whose losses are known to be finite.
        generators: where the run's random numbers come from.
        optimizer: made by `make_optimizer`.
    """

    optimizer: torch.optim.Optimizer

    def __init__(self, run: Run, device: torch.device) -> None:
        super().__init__()
        self.vae = run.vae()
        start_scale(self.vae, run.data, run.seed)
        self.generators = Generators(run.seed, device)
        self.objective = run.objective(self.vae.latents)
        self.objective.check_model(self.vae.factorised)
        self.seed = run.seed
        self.steps = run.trainer.steps
        self.controller: Tensor
        self.register_buffer("controller", self.objective.start())
        self.trace: Tensor
        self.register_buffer("trace", torch.full((self.steps, len(TRACED)), math.nan))
        self.step = 0
        self.checked = 0
        self.history: list[Row] = []
        self._make_optimizer = run.make_optimizer

    @property
    def progress(self) -> float:
        """The part of the run that is done, in [0, 1]."""
        return self.step / self.steps

    @property
    def validated(self) -> int:
        """The step of the last validation; 0 where there was none."""
        return int(self.history[-1][STEP]) if self.history else 0

    def make_optimizer(self) -> torch.optim.Optimizer:
        """The optimiser of the model's parameters, once they are where they will be trained."""
        self.optimizer = optimizer_of(self.vae, self._make_optimizer)
        return self.optimizer

    @torch.no_grad()
    def record(self, terms: Terms, taken: Step) -> None:
        """Keep what came of an optimiser step that has been taken."""
        means = terms.distortion.mean(), terms.rate.mean()
        seen = [*means, taken.loss, taken.beta, taken.penalty]
        if terms.mse is not None:
            seen.append(terms.mse.mean())
        row = torch.stack([value.detach().float() for value in seen])
        self.trace[self.step, : len(seen)] = row
        self.controller = taken.state
        self.vae.remember(terms.statistic)
        self.step += 1

    def first_lost_step(self) -> int | None:
        """The first step whose loss was not finite, of those since the last call."""
        lost = ~torch.isfinite(self.trace[self.checked : self.step, : len(RECORDED)]).all(1)
        if lost.any():
            return self.checked + int(lost.nonzero()[0])
        self.checked = self.step
        return None

    def add_row(self, distortion: float, rate: float) -> Row:
        """A new row of the history, with D and R of the validation split in nats per example."""
        means = self.trace[self.validated : self.step].mean(0).tolist()
        train = dict(zip(TRACED, means, strict=True))
        beta = self.trace[self.step - 1, TRACED.index("beta")].item()
        row = history_row(self.step, train, beta, distortion, rate)
        self.history.append(row)
        return row

    def snapshot(self) -> dict[str, Any]:
        """All of it, for `restore`: taken where an epoch has been validated, so that no epoch is
        half drawn and every loss is known to be finite."""
        return {
            "step": self.step,
            "tensors": self.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "generators": self.generators.snapshot(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue from a snapshot. The tensors must be on their device and in their precision,
        and the optimiser made."""
        self.step = self.checked = snapshot["step"]
        for name, buffer in self.named_buffers():  # training may have raised its precision
            buffer.data = buffer.to(snapshot["tensors"].get(name, buffer).dtype)
        self.load_state_dict(snapshot["tensors"])
        restore_optimizer(self.optimizer, self.vae, snapshot["optimizer"])
        self.history = renamed(snapshot["history"])
        self.generators.restore(snapshot["generators"])
