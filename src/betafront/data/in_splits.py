"""Data whose three splits lie side by side, each a tensor or what reads its examples."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor

from betafront.data.batches import TensorBatches
from betafront.data.data import SPLITS, Batches, Data, Examples
from betafront.data.factors import Factors


class ReadByNumber(ABC):
    """The examples of one split, read when they are asked for by their numbers:
    `betafront.data.Examples`.

    Attributes:
        shape: (n, *shape of one example).
    """

    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @abstractmethod
    def numbered(self, numbers: Tensor) -> Tensor:
        """The examples of these numbers, on the device of the split."""

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: int | slice | Tensor, /) -> Tensor:
        if isinstance(which, int):
            return self[which : which + 1 or None][0]
        return self.numbered(torch.arange(len(self))[which] if isinstance(which, slice) else which)

    def split(self, size: int, /) -> Iterator[Tensor]:
        """All examples in order, `size` at once."""
        for first in range(0, len(self), size):
            yield self[first : first + size]


class Movable(Examples, Protocol):
    """Examples that can be had on another device."""

    def to(self, device: torch.device | str) -> Self: ...


Part = TypeVar("Part", bound=Tensor | Movable)


@dataclass(frozen=True)
class InSplits(Data, Generic[Part]):
    """A data set that is one part per split.

    Attributes:
        name: of the data in tables and records.
        train, val, test: the examples.
        factors: what varies behind the examples, if that is known; no part of the digest.
        note: a sentence on how the examples were read, which is said before training.
    """

    name: str
    train: Part
    val: Part
    test: Part
    factors: Factors | None = None
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.train.shape[1:])

    def size(self, split: str) -> int:
        return len(self.rows(split))

    def rows(self, split: str) -> Part:
        found: Part = getattr(self, split)
        return found

    def examples(self, split: str, limit: int | None = None) -> Tensor:
        return self.rows(split)[:limit]

    def batches(self, split: str, size: int, generator: torch.Generator | None = None) -> Batches:
        return TensorBatches(self.rows(split), size, generator)

    def to(self, device: torch.device | str) -> Self:
        parts: dict[str, Any] = {split: self.rows(split).to(device) for split in SPLITS}
        return replace(self, **parts)
