"""The batches of an epoch that make whole optimiser steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from torch import Tensor

from betafront.data import Batches


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
