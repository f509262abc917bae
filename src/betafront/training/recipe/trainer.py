"""The settings of the training of one run."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from betafront.errors import UserError

KEPT = ("best", "last")
STEPS = 1000
WHOLE = ("steps", "batch_size", "threads", "accumulate", "devices")
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")
FEW_DIGITS = ("bf16-true", "16-true")  # precisions of the weights themselves


@dataclass(frozen=True)
class Trainer:
    """How long and on what a run trains.

    Args:
        steps: optimiser steps.
        batch_size: examples per batch: of an optimiser step, unless `accumulate` is more than 1.
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
        epochs: the length of the run in passes over the training split, in place of `steps`; None
            where `steps` says it. A run knows its steps alone: see `betafront.training.Run`.
        accumulate: batches of one optimiser step, whose gradient is the mean of theirs.
        clip_norm: the greatest norm of the gradient of all parameters, of the loss in the user's
            own convention; None for any.
        clip_value: the greatest absolute value of an element of that gradient; None for any.
        ema: the part of the averaged weights that each step keeps (`recipe.average`); with it,
            validation, evaluation, pictures and files are of the averaged weights. None to have no
            average.
        aggressive: at most so many updates of the encoder alone before each step, which is then of
            the decoder, for as long as the encoder lags behind (`recipe.aggressive`); None to train
            both together.
        devices: processes that share each batch, a device each.
        strategy: Lightning's word for how they share the work: `auto` and `ddp` are the same;
            `ddp_find_unused_parameters_true` where a model has parameters without a gradient.
        start_from: the folder of a finished run whose weights the model begins with, of a family
            those of its member at the β of the run (`betafront.config.begun`); None for fresh ones.

    Raises:
        UserError: a setting is not one of these, or two contradict each other.
    """

    steps: int = STEPS
    batch_size: int = 64
    accelerator: str = "auto"
    precision: str = "32-true"
    threads: int = 1
    checkpoint_seconds: float = 60.0
    keep: Literal["best", "last"] = "last"  # as in configurations that were saved without it
    patience: int | None = None
    epochs: int | None = None
    accumulate: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None
    ema: float | None = None
    aggressive: int | None = None
    devices: int = 1
    strategy: str = "auto"
    start_from: str | None = None

    def __post_init__(self) -> None:
        for key in WHOLE:
            value = getattr(self, key)
            if not _is_whole(value):
                raise UserError(f"trainer.{key} must be a whole number of at least 1, not {value}")
        if self.keep not in KEPT:
            raise UserError(f"trainer.keep is best or last, not '{self.keep}'")
        for key, what in (
            ("patience", "validations"),
            ("epochs", "passes over the data"),
            ("aggressive", "updates of the encoder"),
        ):
            value = getattr(self, key)
            if value is not None and not _is_whole(value):
                raise UserError(
                    f"trainer.{key} must be a whole number of {what}, or null, not {value}"
                )
        if not self.checkpoint_seconds >= 0:
            raise UserError(
                f"trainer.checkpoint_seconds must not be negative: {self.checkpoint_seconds}"
            )
        if self.strategy not in STRATEGIES:
            raise UserError(
                f"trainer.strategy is one of {', '.join(STRATEGIES)}, not '{self.strategy}': each "
                "device has the whole model"
            )
        self._check_recipe()

    def _check_recipe(self) -> None:
        if self.epochs is not None and self.steps != STEPS:
            raise UserError(
                f"trainer.steps={self.steps} and trainer.epochs={self.epochs} both say how long a "
                "run is: set one of them to null"
            )
        for key in ("clip_norm", "clip_value"):
            value = getattr(self, key)
            if value is not None and not (_is_number(value) and 0 < value < math.inf):
                raise UserError(f"trainer.{key} must be a number above 0, or null, not {value}")
        if self.clip_norm is not None and self.clip_value is not None:
            raise UserError(
                f"trainer.clip_norm={self.clip_norm} and trainer.clip_value={self.clip_value} both "
                "clip the gradient: set one of them to null"
            )
        if self.aggressive is not None:
            self._check_aggressive()
        if self.ema is not None and not (_is_number(self.ema) and 0 < self.ema < 1):
            raise UserError(
                "trainer.ema is the part of the average that a step keeps, above 0 and below 1, "
                f"as 0.999, or null, and not {self.ema}"
            )
        if self.ema is not None and self.precision in FEW_DIGITS:
            raise UserError(
                f"trainer.ema={self.ema} moves the average by {1 - self.ema:.2g} of a difference, "
                f"and trainer.precision={self.precision} has too few digits for that: use "
                f"{self.precision.replace('true', 'mixed')}"
            )

    def _check_aggressive(self) -> None:
        refused = {
            f"trainer.accumulate={self.accumulate}": self.accumulate > 1,
            f"trainer.devices={self.devices}": self.devices > 1,
            f"trainer.precision={self.precision}": self.precision == "16-mixed",
        }
        for setting, there in refused.items():
            if there:
                raise UserError(
                    f"trainer.aggressive={self.aggressive} takes steps of the encoder by itself, "
                    f"which {setting} has no place for: leave one of the two out"
                )


def steps_per_epoch(examples: int, batch_size: int, accumulate: int = 1) -> int:
    """Optimiser steps of one pass over the training split: an incomplete batch is left out, and so
    are the batches that are too few for another step.

    Args:
        examples: of the training split.
        batch_size: examples per batch; all of them where there are fewer.
        accumulate: batches per optimiser step.

    Raises:
        UserError: an epoch has too few batches for a step.
    """
    batches = examples // min(batch_size, examples)
    if batches < accumulate:
        raise UserError(
            f"trainer.accumulate={accumulate}: an optimiser step of so many batches of "
            f"{min(batch_size, examples)} takes more than the {examples} examples of the training "
            "split: use a smaller trainer.batch_size, or fewer batches"
        )
    return batches // accumulate


def epochs_in_words(epochs: int, steps: int) -> str:
    """How many optimiser steps some epochs are."""
    return f"trainer.epochs={epochs} is {steps:,} optimiser steps, {steps // epochs:,} per epoch"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
