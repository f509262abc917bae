"""Everything of a run that changes while it is trained."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models import Model, batch_statistics
from betafront.objective.shaping import Capacity
from betafront.training.failure import Diverged
from betafront.training.generators import ALONE, Generators
from betafront.training.history import (
    STEP,
    VAL_BOUND,
    VAL_RANGE,
    Row,
    history_row,
    renamed,
)
from betafront.training.latents.record import LatentRecord
from betafront.training.latents.units import Units
from betafront.training.optimizer import optimizer_of, own_factor, restore_optimizer
from betafront.training.recipe.aggressive import Aggressive
from betafront.training.recipe.average import Average
from betafront.training.recipe.learning_rate import LearningRate
from betafront.training.recipe.share import Share
from betafront.training.recipe.step_means import StepMeans
from betafront.training.run import Run
from betafront.training.spread.first_scale import start_scale
from betafront.training.trace import TRACED
from betafront.training.validation.best import (
    Best,
    check_patience,
    final_from,
    is_spent,
    why_unknown,
)
from betafront.training.validation.cadence import Cadence
from betafront.training.validation.validations import Validations, validate

RECORDED = ("distortion", "rate", "loss")  # columns of the trace that go into the history


class RunState(nn.Module):
    """The model, the optimiser, the controller, the record and the generators of one run.

    It is a module so that its tensors move to a device, or to another precision, together. The
    initial weights are drawn when it is made, from torch's global generator.

    Args:
        run: the parts.
        device: where it will be trained; its tensors are moved there later.
        share: of its batches that this process has.

    Attributes:
        vae: the model.
        average: of its weights over the steps; None where there is none.
        aggressive: the encoder's own updates before each step; None where it has none.
        objective: turns the terms of the model into a loss.
        controller: the state of the controller.
        trace: (steps, 6) what was in force at every step and what came of it, in the order of
            `TRACED`; NaN for steps to come, and for a squared error that nothing holds.
        step: optimiser steps taken.
        steps: optimiser steps of the whole run, as planned.
        cadence: when the run is validated.
        history: a row per validation (`betafront.training.history`).
        validations: what each of them found, example by example.
        latents: what each of them found, latent by latent.
        final: steps after which β and the targets are those of the end
            (`betafront.training.validation.best.final_from`).
        best: the best validated step and its weights; None before there is one, and where the last
            weights are kept.
        stopped: whether a callback of the user's has ended the run before its time.
        checked: steps whose losses are known to be finite.
        stacked: the most runs with which it has taken steps together, itself among them.
        generators: where the run's random numbers come from.
        optimizer: made by `make_optimizer`.
        learning_rate: set by a schedule, and made with the optimiser; None where it has none.
    """

    optimizer: torch.optim.Optimizer
    learning_rate: LearningRate | None = None

    def __init__(self, run: Run, device: torch.device, share: Share = ALONE) -> None:
        super().__init__()
        self.vae = run.vae()
        self.vae.start_from(run.drawn)
        start_scale(self.vae, run.data, run.seed)
        run.begin(self.vae)
        ema = run.trainer.ema
        self.average = None if ema is None else Average(self.vae, ema)
        most = run.trainer.aggressive
        self.aggressive = None if most is None else Aggressive(most, run.epoch, run.seed)
        self.generators = Generators(run.seed, device, share)
        self.objective = run.objective_of(self.vae)
        self.objective.check_model(self.vae.factorised)
        self.objective.check_likelihood(self.vae.likelihood)
        self.seed = run.seed
        self.steps = run.trainer.steps
        self.patience = run.trainer.patience
        check_patience(self.patience, self.objective)
        self.wants_best = run.trainer.keep == "best"
        self.keeps_best = self.wants_best and not why_unknown(self.objective)
        self.final = final_from(self.objective, self.steps)
        batch = run.trainer.batch_size * run.trainer.accumulate
        self.cadence = Cadence(self.steps, run.epoch, batch, run.data.size("val"))
        self.controller: Tensor
        self.register_buffer("controller", self.objective.start())
        self.trace: Tensor
        self.register_buffer("trace", torch.full((self.steps, len(TRACED)), math.nan))
        self.step = 0
        self.stopped = False
        self.checked = 0
        self.stacked = 1
        self.history: list[Row] = []
        self.validations = Validations()
        units = Units.of(self.vae.widths, self.vae.latent_shape)
        self.latents = LatentRecord(units, run.active_threshold)
        self.best: Best | None = None
        self._make_optimizer = run.make_optimizer
        self._make_lr_schedule = run.make_lr_schedule

    @property
    def evaluated(self) -> Model:
        """The model that is validated and kept: the average, where there is one."""
        return self.vae if self.average is None else self.average.model

    @property
    def progress(self) -> float:
        """The part of the run that is done, in [0, 1]."""
        return self.step / self.steps

    @property
    def validated(self) -> int:
        """The step of the last validation; 0 where there was none."""
        return int(self.history[-1][STEP]) if self.history else 0

    @property
    def ended(self) -> bool:
        """Whether no step is left to take: all planned ones are done, the patience is spent, or a
        callback has ended the run."""
        return self.step >= self.steps or self.stopped or self.spent

    @property
    def spent(self) -> bool:
        """Whether the patience is spent."""
        return is_spent(self.patience, self.final_validations, self.beta)

    @property
    def beta(self) -> float:
        """The canonical β at the end, of a run whose β is written."""
        return self.objective.beta

    @property
    def final_validations(self) -> Validations:
        """Those at which β and the targets were those of the end."""
        return self.validations.after(self.final)

    def make_optimizer(self) -> torch.optim.Optimizer:
        """The optimiser of the model's parameters, once they are where they will be trained."""
        self.optimizer = optimizer_of(self.vae, self._make_optimizer)
        if self._make_lr_schedule is not None:
            factor = own_factor(self.optimizer, self.vae)
            self.learning_rate = LearningRate(self._make_lr_schedule, self.optimizer, factor)
        return self.optimizer

    @torch.no_grad()
    def record(self, seen: StepMeans) -> None:
        """Keep what came of an optimiser step that has been taken."""
        seen.write(self.trace[self.step])
        following = self._next(seen)
        if following is not self.controller:  # a module takes its time to be given a buffer
            self.controller = following
        self.vae.remember(seen.statistic)
        batch_statistics.remember(self.vae, seen.layers)
        self.count()

    def count(self) -> None:
        """An optimiser step has been taken, and what was seen in it is kept."""
        if self.average is not None:
            self.average.add(self.vae, self.step)
        if self.learning_rate is not None:
            self.learning_rate.after_step()
        self.step += 1

    def _next(self, seen: StepMeans) -> Tensor:
        """The state of the controller after a step."""
        if seen.state is not None:
            return seen.state
        return self.objective.next_state(
            seen.distortion, seen.rate, seen.mse, self.progress, self.controller
        )

    def first_lost_step(self) -> int | None:
        """The first step whose loss was not finite, of those since the last call."""
        lost = ~torch.isfinite(self.trace[self.checked : self.step, : len(RECORDED)]).all(1)
        if lost.any():
            return self.checked + int(lost.nonzero()[0])
        self.checked = self.step
        return None

    def refuse_lost(self) -> None:
        """End a run that diverged.

        Raises:
            Diverged: a loss since the last call is NaN or infinite.
        """
        lost = self.first_lost_step()
        if lost is not None:
            raise Diverged(lost)

    def validate(self, batches: Iterable[Tensor], noise: torch.Generator) -> Row:
        """A new row of the history, which is the best where what the run is judged by is the least:
        D + βR, or what else is minimised.

        Args:
            batches: of the validation split, on the device of the model.
            noise: of z, the same at every call.
        """
        found = validate(self.evaluated, batches, noise, self.objective)
        # One reduction of both, as long as there have been histories: their bits depend on it.
        distortion, rate = torch.stack([found.distortion, found.rate]).mean(1).tolist()
        train = self.trace[self.validated : self.step].mean(0).tolist()
        beta = self.trace[self.step - 1, TRACED.index("beta")].item()
        judged = None if found.judged is None else found.judged.mean().item()
        seen = found.latents.seen(self.latents.units, self.latents.threshold)
        active = int(seen.active.sum())
        traced = dict(zip(TRACED, train, strict=True))
        named = VAL_RANGE if self.objective.family else VAL_BOUND
        further = {} if judged is None else {named: judged}
        row = history_row(self.step, traced, beta, distortion, rate, active, further)
        self.history.append(row)
        self.validations.add(self.step, found)
        flips = isinstance(self.objective.shaping, Capacity)  # ±γ, which is no β
        self.latents.add(self.step, math.nan if flips else beta, seen)
        if self.step > self.final:
            self._at_final_beta(self.validations.values(self.beta)[-1])
        return row

    def _at_final_beta(self, value: float) -> None:
        """A validation found D + βR, at the final β, to be `value` nats."""
        better = self.best is None or value < self.best.value
        if self.keeps_best and math.isfinite(value) and better:
            self.best = Best.of(self.step, value, self.evaluated, self.best)
        if self.learning_rate is not None:
            self.learning_rate.after_validation(value)

    def put_best_back(self) -> int:
        """Give the model the weights that are kept, and return their step."""
        if self.best is not None:
            self.vae.load_state_dict(self.best.weights)
            return self.best.step
        if self.average is not None:
            self.vae.load_state_dict(self.average.model.state_dict())
        return self.step

    def snapshot(self) -> dict[str, Any]:
        """All of it, for `restore`: taken where an epoch has been validated, so that no epoch is
        half drawn and every loss is known to be finite."""
        rate, aggressive = self.learning_rate, self.aggressive
        return {
            **({} if aggressive is None else {"aggressive": aggressive.snapshot()}),
            "step": self.step,
            "stopped": self.stopped,
            "stacked": self.stacked,
            "tensors": self.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "lr_schedule": None if rate is None else rate.snapshot(),
            "history": self.history,
            "validations": self.validations.snapshot(),
            "latents": self.latents.snapshot(),
            "best": self.best.written() if self.best else None,
            "generators": self.generators.snapshot(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue from a snapshot, of this run or of one that differs from it by fewer steps. The
        tensors must be on their device and in their precision, and the optimiser made.

        A snapshot of an earlier version knows no single examples, no latents, no best step and no
        schedule of the learning rate.

        Raises:
            UserError: more steps were taken than this run has.
        """
        if snapshot["step"] > self.steps:
            raise UserError(
                f"the checkpoint is of a run that has taken {snapshot['step']} steps, and "
                f"trainer.steps={self.steps}: ask for more steps, or remove the checkpoint"
            )
        self.step = self.checked = snapshot["step"]
        self.stopped = snapshot.get("stopped", False)
        self.stacked = snapshot.get("stacked", 1)
        self.cadence = self.cadence.going_on(self.step)
        tensors = snapshot["tensors"] | {"trace": self._lengthened(snapshot["tensors"]["trace"])}
        for name, buffer in self.named_buffers():  # training may have raised its precision
            buffer.data = buffer.to(tensors.get(name, buffer).dtype)
        self.load_state_dict(tensors)
        restore_optimizer(self.optimizer, self.vae, snapshot["optimizer"])
        rate = snapshot.get("lr_schedule")
        if self.learning_rate is not None and rate is not None:
            self.learning_rate.restore(rate)
        if self.aggressive is not None and "aggressive" in snapshot:
            self.aggressive.restore(snapshot["aggressive"])
        self.history = renamed(snapshot["history"])
        if kept := snapshot.get("validations"):
            self.validations = Validations.restore(kept)
        if kept := snapshot.get("latents"):
            self.latents.restore(kept)
        if (best := snapshot.get("best")) and self.keeps_best:
            self.best = Best(**best)
        self.generators.restore(snapshot["generators"])

    def _lengthened(self, trace: Tensor) -> Tensor:
        """The trace of a shorter run, with room for the steps to come."""
        room = trace.new_full((self.steps - self.step, trace.shape[1]), math.nan)
        return torch.cat([trace[: self.step], room])
