"""The parts of one run, each a choice of the user's."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from torch import Tensor
from torch.optim import Optimizer

from betafront.data import Data
from betafront.errors import UserError
from betafront.metrics.evaluation import Evaluation
from betafront.metrics.registry import Announce, silent, value_names
from betafront.models import Architecture, Model, initialised
from betafront.objective import Likelihood, Objective

MakeOptimizer = Callable[[Iterable[Tensor]], Optimizer]

KEPT = ("best", "last")

EVALUATED = ("val", "test")  # that a trained model is evaluated on


@dataclass(frozen=True)
class Trainer:
    """How long and on what a run trains.

    Args:
        steps: optimiser steps.
        batch_size: examples per step.
        accelerator: Lightning's word for the device: `auto`, `cpu`, `gpu`, …
        precision: Lightning's word for the arithmetic: `32-true`, `bf16-mixed`, …
        threads: torch's threads on the CPU; results are the same bits only for the same number.
        checkpoint_seconds: the least time between two checkpoints, which are written at the ends of
            validated epochs; a run that is stopped goes on from the last.
        keep: which weights are kept and evaluated: those of the `best` validated step, that of
            least D + βR on the validation split at the final β
            (`betafront.training.validation.best`), or the `last` ones.
        patience: end the run after so many validations without a better one; None to take every
            step. Schedules go by the planned steps.
    """

    steps: int = 1000
    batch_size: int = 64
    accelerator: str = "auto"
    precision: str = "32-true"
    threads: int = 1
    checkpoint_seconds: float = 60.0
    keep: Literal["best", "last"] = "last"  # as in configurations that were saved without it
    patience: int | None = None

    def __post_init__(self) -> None:
        for key in ("steps", "batch_size", "threads"):
            value = getattr(self, key)
            if not isinstance(value, int) or value < 1:
                raise UserError(f"trainer.{key} must be a whole number of at least 1, not {value}")
        if self.keep not in KEPT:
            raise UserError(f"trainer.keep is best or last, not '{self.keep}'")
        if self.patience is not None and (
            isinstance(self.patience, bool)
            or not isinstance(self.patience, int)
            or self.patience < 1
        ):
            raise UserError(
                f"trainer.patience must be a whole number of validations, or null, not "
                f"{self.patience}"
            )
        if not self.checkpoint_seconds >= 0:
            raise UserError(
                f"trainer.checkpoint_seconds must not be negative: {self.checkpoint_seconds}"
            )


@dataclass(frozen=True)
class Run:
    """The parts of one run, each a choice of the user's.

    Attributes:
        data: the data set.
        architecture: makes the model for the shape of an example and the likelihood.
        likelihood: makes a fresh p(x|z).
        make_objective: makes the loss for `pixels`, `latents` and `examples`.
        make_optimizer: turns parameters into an optimiser.
        trainer: how long and on what.
        evaluate: `betafront.metrics.evaluate` with its settings.
        seed: of everything random in the run.
    """

    data: Data
    architecture: Architecture
    likelihood: Callable[[], Likelihood]
    make_objective: Callable[..., Objective]
    make_optimizer: MakeOptimizer
    trainer: Trainer
    evaluate: Callable[..., Evaluation]
    seed: int

    def vae(self) -> Model:
        """A fresh model; its initial weights come from torch's global generator."""
        vae = initialised(self.architecture(self.data.shape, self.likelihood()), self.data.shape)
        vae.log_volume = self.data.log_volume
        return vae

    @property
    def epoch(self) -> int:
        """Optimiser steps per epoch; an incomplete batch is left out."""
        examples = self.data.size("train")
        return examples // min(self.trainer.batch_size, examples)

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
        self, vae: Model, data: Data, announce: Announce = silent
    ) -> dict[str, Evaluation]:
        """What a trained model is worth on the validation and on the test split.

        Args:
            vae: the model.
            data: of the run, on the device of the model.
            announce: called with the split and the name of each further metric as it begins.
        """
        found = {}
        for split in EVALUATED:
            # An evaluation of the user's own knows no further metrics, and takes no `announce`.
            more = {"announce": partial(_say, announce, split)} if self._further() else {}
            x, known = data.rows(split), data.known(split)
            found[split] = self.evaluate(vae, x, known=known, seed=self.seed, **more)
        return found

    def _further(self) -> dict[str, Any]:
        return getattr(self.evaluate, "keywords", {}).get("further") or {}

    def objective(self, latents: int) -> Objective:
        """The loss for a model with this many latents."""
        return self.make_objective(
            pixels=self.data.dims, latents=latents, examples=self.data.size("train")
        )


def _say(announce: Announce, split: str, name: str) -> None:
    announce(f"{split}/{name}")
