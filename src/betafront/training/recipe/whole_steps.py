"""The batches of an epoch that make whole optimiser steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from torch import Tensor
from torch.optim import LBFGS, Optimizer

from betafront.data import Batches
from betafront.errors import UserError
from betafront.training.recipe.trainer import Trainer, steps_per_epoch


@dataclass(frozen=True)
class WholeSteps:
    """The first batches of a pass over the data, as many as make whole optimiser steps: the others
    are left out, as an incomplete batch is.

    Attributes:
        batches: of the training split, shuffled.
        accumulate: how many make a step.
    """

    batches: Batches
    accumulate: int

    @classmethod
    def of(cls, batches: Batches, accumulate: int) -> Batches:
        """The batches themselves where each is a step."""
        return batches if accumulate == 1 else cls(batches, accumulate)

    def __len__(self) -> int:
        return len(self.batches) // self.accumulate * self.accumulate

    def __iter__(self) -> Iterator[Tensor]:
        return islice(iter(self.batches), len(self))


def check_accumulation(trainer: Trainer, examples: int, optimizer: Optimizer) -> None:
    """Refuse optimiser steps of several batches where an epoch has too few for one, or where the
    optimiser asks for the gradient of a step several times.

    Args:
        trainer: of the run.
        examples: of the training split.
        optimizer: of the run.

    Raises:
        UserError: naming the way out.
    """
    steps_per_epoch(examples, trainer.batch_size, trainer.accumulate)
    if trainer.accumulate > 1 and isinstance(optimizer, LBFGS):
        raise UserError(
            f"trainer.accumulate={trainer.accumulate}: L-BFGS asks for the gradient of a step "
            "several times, and would have that of the last batch alone: use a larger "
            "trainer.batch_size"
        )
