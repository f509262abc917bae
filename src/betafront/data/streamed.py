"""Data that is read when it is asked for, batch by batch, and takes no memory for all of it."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from betafront.data.data import SPLITS
from betafront.data.in_splits import InSplits, ReadByNumber
from betafront.data.tensors import Rows
from betafront.objective import Likelihood

AT_ONCE = 1000  # examples that are held against a likelihood at once


class OnDemand(ReadByNumber):
    """The examples of one split, read by `rows`.

    Args:
        rows: reads them, on the CPU.
        shape: of one example.
        device: where they go.
    """

    def __init__(
        self, rows: Rows, shape: tuple[int, ...], device: torch.device | str = "cpu"
    ) -> None:
        self.rows = rows
        self.device = torch.device(device)
        self.shape = (len(rows), *shape)

    def numbered(self, numbers: Tensor) -> Tensor:
        return self.rows[numbers.cpu()].to(self.device)

    def to(self, device: torch.device | str) -> "OnDemand":
        """The same examples, to be had on `device`."""
        return OnDemand(self.rows, self.shape[1:], device)


@dataclass(frozen=True)
class Streamed(InSplits[OnDemand]):
    """A data set that is read part by part, with the order and the bits that it has in memory.

    Attributes:
        named: the digest.
    """

    named: str = field(kw_only=True)

    @property
    def digest(self) -> str:
        return self.named

    def check(self, likelihood: Likelihood) -> None:
        for split in SPLITS:
            for part in self.rows(split).split(AT_ONCE):
                likelihood.check(part)
