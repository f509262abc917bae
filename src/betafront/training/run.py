"""The parts of one run, each a choice of the user's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from betafront.data import Data
from betafront.errors import UserError
from betafront.metrics.evaluation import Evaluation
from betafront.metrics.registry import Announce, silent, value_names
from betafront.models import Architecture, Family, MakePrior, Model, fresh_model
from betafront.objective import Likelihood, Objective, told
from betafront.training.recipe.trainer import Trainer, steps_per_epoch

if TYPE_CHECKING:
    from betafront.training.recipe.learning_rate import MakeLRSchedule

MakeOptimizer = Callable[[Iterable[Tensor]], Optimizer]

EVALUATED = ("val", "test")  # that a trained model is evaluated on
ACTIVE = 0.01  # the threshold of Burda et al. 2016, section 5.2


@dataclass(frozen=True)
class Run:
    """The parts of one run, each a choice of the user's.

    Attributes:
        data: the data set.
        architecture: makes the model for the shape of an example and the likelihood.
        likelihood: makes a fresh p(x|z), which is then suited to the examples.
        make_objective: makes the loss for `pixels`, `latents`, `examples`, the `widths` of the
            layers of latents and whether the model is a `family`.
        make_optimizer: turns parameters into an optimiser.
        trainer: how long and on what; where it says `epochs`, the run has the steps of these in
            their place.
        evaluate: `betafront.metrics.evaluate` with its settings.
        seed: of everything random in the run.
        make_prior: makes the prior for the model and the shape of an example; None where it stays
            the model's own, N(0, 1) by default.
        make_lr_schedule: makes the schedule of the learning rate for the optimiser; None where the
            learning rate is as written.
        callbacks: of Lightning's trainer, by the names that the user has given them. What they see
            as the module is `betafront.training.lightning.module.TrainingModule`.
        loggers: Lightning's, by name, or partials of them, which are given the folder of the run:
            they are told each row of the history.
        start: gives the weights to begin with for the canonical β of the end, None where a
            controller sets that; None where the model begins with fresh ones.
    """

    data: Data
    architecture: Architecture
    likelihood: Callable[[], Likelihood]
    make_objective: Callable[..., Objective]
    make_optimizer: MakeOptimizer
    trainer: Trainer
    evaluate: Callable[..., Evaluation]
    seed: int
    make_lr_schedule: "MakeLRSchedule | None" = None
    make_prior: MakePrior | None = None
    callbacks: Mapping[str, Any] = field(default_factory=dict)
    loggers: Mapping[str, Any] = field(default_factory=dict)
    start: Callable[[float | None], Mapping[str, Tensor]] | None = None

    def __post_init__(self) -> None:
        if self.trainer.epochs is not None:
            steps = self.trainer.epochs * self.epoch
            object.__setattr__(self, "trainer", replace(self.trainer, steps=steps, epochs=None))

    def p_x(self) -> Likelihood:
        """A fresh p(x|z), which knows the vocabulary of the data.

        Raises:
            UserError: it is for another kind of data.
        """
        return told(self.likelihood(), self.data.symbols)

    def vae(self) -> Model:
        """A fresh model; its initial weights come from torch's global generator. A family stands at
        the β that is written.

        Raises:
            UserError: that is outside the range of the family.
        """
        data = self.data
        made = fresh_model(
            self.architecture, self.p_x(), data.shape, data.log_volume, self.make_prior
        )
        if isinstance(made, Family):
            self.stand(made)
        return made

    def stand(self, family: Family) -> None:
        """Have a family stand at the β that is written.

        Raises:
            UserError: that is outside its range, or the loss is none for a family.
        """
        objective = self.objective_of(family)
        try:
            family.stand_at(objective.beta)
        except UserError as error:
            raise UserError(f"objective.weight={objective.weight:g}: {error}") from error

    def begin(self, vae: Model) -> None:
        """Give a fresh model the weights that the run begins with, where these are another run's.

        Raises:
            UserError: they are of another model.
        """
        if self.start is None:
            return
        objective = self.objective_of(vae)
        weights = self.start(None if objective.controller.closed else objective.beta)
        try:
            vae.load_state_dict(weights)
        except RuntimeError as error:
            raise UserError(
                f"trainer.start_from={self.trainer.start_from} has the weights of another model: "
                "choose the model and the likelihood of that run"
            ) from error

    def drawn(self, n: int) -> Tensor:
        """(n, …) examples of the training split, drawn with the seed of the run; all of them where
        there are fewer. What a fresh model may start from (`betafront.models.Model.start_from`)."""
        generator = torch.Generator().manual_seed(self.seed)
        return next(iter(self.data.batches("train", n, generator)))

    @property
    def epoch(self) -> int:
        """Optimiser steps per epoch (`steps_per_epoch`)."""
        trainer, examples = self.trainer, self.data.size("train")
        return steps_per_epoch(examples, trainer.batch_size, trainer.accumulate)

    def metric_names(self, announce: Announce = silent) -> set[str]:
        """The names of the values that a run will have, from two examples and an untrained model.

        Args:
            announce: called with what is to be measured next, as long metrics take as long here.

        Raises:
            UserError: a metric cannot be had of this data.
        """
        vae, x = self.vae(), self.data.examples("val", 2)
        further = self._further()
        none = {"further": None} if further else {}
        names = set(self.evaluate(vae, x, seed=self.seed, **none).values)
        for split in EVALUATED:
            say = partial(_say, announce, split)
            names |= value_names(further, vae, x, self.data.known(split), say)
        return names

    def evaluations(
        self, vae: Model, data: Data, announce: Announce = silent, *, further: bool = True
    ) -> dict[str, Evaluation]:
        """What a trained model is worth on the validation and on the test split.

        Args:
            vae: the model.
            data: of the run, on the device of the model.
            announce: called with the split and the name of each further metric as it begins.
            further: measure the further metrics, if the run has any.
        """
        found = {}
        for split in EVALUATED:
            # An evaluation of the user's own knows no further metrics, and takes no `announce`.
            more: dict[str, Any] = {}
            if self._further():
                more = (
                    {"announce": partial(_say, announce, split)} if further else {"further": None}
                )
            x, known = data.rows(split), data.known(split)
            found[split] = self.evaluate(vae, x, known=known, seed=self.seed, **more)
        return found

    @property
    def active_threshold(self) -> float:
        """The variance of its posterior mean above which the evaluation calls a latent active; that
        of Burda et al. (2016) where an evaluation of the user's own names none."""
        known = signature(self.evaluate).parameters.get("active_threshold")
        default = None if known is None else known.default
        return float(default) if isinstance(default, int | float) else ACTIVE

    def _further(self) -> dict[str, Any]:
        return getattr(self.evaluate, "keywords", {}).get("further") or {}

    def objective_of(self, model: Model) -> Objective:
        """The loss for a model."""
        return self.objective(model.widths, family=isinstance(model, Family))

    def objective(self, widths: Sequence[int], *, family: bool = False) -> Objective:
        """The loss for a model with layers of these widths, and whether it is a family."""
        return self.make_objective(
            pixels=self.data.dims,
            latents=sum(widths),
            examples=self.data.size("train"),
            widths=tuple(widths),
            family=family,
        )


def _say(announce: Announce, split: str, name: str) -> None:
    announce(f"{split}/{name}")
