"""Data that is read when it is asked for, batch by batch, and takes no memory for all of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from betafront.data.data import SPLITS, Data
from betafront.data.factors import Factors
from betafront.data.tensors import Rows, TensorBatches
from betafront.objective import Likelihood

AT_ONCE = 1000  # examples that are held against a likelihood at once


class OnDemand:
    """The examples of one split, read by `rows` when they are asked for: `betafront.data.Examples`.

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
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: int | slice | Tensor, /) -> Tensor:
        if isinstance(which, int):
            return self[which : which + 1 or None][0]
        numbers = torch.arange(len(self))[which] if isinstance(which, slice) else which.cpu()
        return self.rows[numbers].to(self.device)

    def split(self, size: int, /) -> Iterator[Tensor]:
        """All examples in order, `size` at once."""
        for first in range(0, len(self), size):
            yield self[first : first + size]

    def to(self, device: torch.device | str) -> "OnDemand":
        """The same examples, to be had on `device`."""
        return OnDemand(self.rows, self.shape[1:], device)


@dataclass(frozen=True)
class Streamed(Data):
    """A data set that is read part by part, with the order and the bits that it has in memory.

    Attributes:
        name: of the data in tables and records.
        train, val, test: the examples.
        named: the digest.
        factors: what varies behind the examples, if that is known; no part of the digest.
        note: a sentence on how the examples were read, which is said before training.
    """

    name: str
    train: OnDemand
    val: OnDemand
    test: OnDemand
    named: str
    factors: Factors | None = None
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.train.shape[1:]

    @property
    def digest(self) -> str:
        return self.named

    def size(self, split: str) -> int:
        return len(self.rows(split))

    def rows(self, split: str) -> OnDemand:
        found: OnDemand = getattr(self, split)
        return found

    def examples(self, split: str, limit: int | None = None) -> Tensor:
        return self.rows(split)[:limit]

    def batches(
        self, split: str, size: int, generator: torch.Generator | None = None
    ) -> TensorBatches:
        return TensorBatches(self.rows(split), size, generator)

    def to(self, device: torch.device | str) -> Self:
        train, val, test = (self.rows(split).to(device) for split in SPLITS)
        return replace(self, train=train, val=val, test=test)

    def check(self, likelihood: Likelihood) -> None:
        for split in SPLITS:
            for part in self.rows(split).split(AT_ONCE):
                likelihood.check(part)
