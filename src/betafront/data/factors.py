"""What varies behind the images of a set, where that is known: labels, or a sprite's place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Known(NamedTuple):
    """The factors of the images of one split.

    Attributes:
        values: (n, K) int64, on the CPU.
        ordinal: (K,) whether each has an order, as in `Factors`.
    """

    values: Tensor
    ordinal: tuple[bool, ...]


@dataclass(frozen=True)
class Factors:
    """The K known factors of split images; row i of a split is of its image i.

    Attributes:
        names: of the factors.
        sizes: how many values each has; they are numbered from 0.
        ordinal: whether these numbers have an order. They have none where they are names (a shape,
            a colour, a label), nor where they go round, so that the last value is next to the first
            (an orientation over a full turn, a hue): a measure may tell such values apart, but not
            fit a line through them.
        train, val, test: (n, K) int64; on the CPU, wherever the images are.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    ordinal: tuple[bool, ...]
    train: Tensor
    val: Tensor
    test: Tensor

    def of(self, split: str) -> Known:
        """Those of the images of one split: `train`, `val` or `test`."""
        return Known(getattr(self, split), self.ordinal)


@dataclass(frozen=True)
class Table:
    """The factors of images before they are split: as `Factors`, with all `values` in one."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    ordinal: tuple[bool, ...]
    values: Tensor

    @classmethod
    def of(cls, names: Sequence[str], ordinal: Sequence[bool], values: Any) -> "Table":
        """From (n, K) values of any kind that sorts; each factor's are numbered in their order."""
        coded = [np.unique(column, return_inverse=True) for column in np.asarray(values).T]
        numbers = np.stack([number for _, number in coded], axis=1).astype(np.int64)
        sizes = tuple(len(known) for known, _ in coded)
        return cls(tuple(names), sizes, tuple(ordinal), torch.from_numpy(numbers))

    @classmethod
    def of_labels(cls, labels: Tensor, size: int) -> "Table":
        """One factor, `label`, from (n,) class numbers below `size`."""
        return cls(("label",), (size,), (False,), labels.long().view(-1, 1))

    def varying(self) -> "Table":
        """Without the factors that have one value only."""
        kept = [k for k, size in enumerate(self.sizes) if size > 1]
        return Table(
            tuple(self.names[k] for k in kept),
            tuple(self.sizes[k] for k in kept),
            tuple(self.ordinal[k] for k in kept),
            self.values[:, kept],
        )

    def split(
        self, parted: Callable[[Tensor, Tensor | None], dict[str, Tensor]], test_set: "Table | None"
    ) -> Factors:
        """These factors, split as `parted` splits whatever has a row per image, and what is of the
        published test set, if there is one."""
        parts = parted(self.values, test_set.values if test_set else None)
        return Factors(self.names, self.sizes, self.ordinal, **parts)
