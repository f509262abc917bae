"""Known factors of the examples of a data set: a label, or the shape and the place of a sprite."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Known(NamedTuple):
    """The factors of the examples of one split.

    Attributes:
        values: (n, K) int64, on the CPU.
        ordinal: (K,) whether each factor has an order, as in `Factors`.
    """

    values: Tensor
    ordinal: tuple[bool, ...]


@dataclass(frozen=True)
class Factors:
    """The K known factors of split data; row i of a split belongs to its example i.

    Attributes:
        names: of the factors.
        sizes: the number of values of each factor; values are numbered from 0.
        ordinal: whether the values of each factor have an order. Names have none (a shape, a
            colour, a label), nor do values that go round, so that the last value is next to the
            first (an orientation over a full turn, a hue): a metric may tell such values apart, but
            not fit a line through them.
        train, val, test: (n, K) int64; on the CPU, whatever device the examples are on.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    ordinal: tuple[bool, ...]
    train: Tensor
    val: Tensor
    test: Tensor

    def of(self, split: str) -> Known:
        """The factors of one split: `train`, `val` or `test`."""
        return Known(getattr(self, split), self.ordinal)


@dataclass(frozen=True)
class Table:
    """The factors of data that is not split yet: as `Factors`, with all `values` in one tensor."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    ordinal: tuple[bool, ...]
    values: Tensor

    @classmethod
    def of(cls, names: Sequence[str], ordinal: Sequence[bool], values: Any) -> "Table":
        """A table of (n, K) values of any sortable type; the values of a factor are numbered in
        their order."""
        coded = [np.unique(column, return_inverse=True) for column in np.asarray(values).T]
        numbers = np.stack([number for _, number in coded], axis=1).astype(np.int64)
        sizes = tuple(len(known) for known, _ in coded)
        return cls(tuple(names), sizes, tuple(ordinal), torch.from_numpy(numbers))

    @classmethod
    def of_labels(cls, labels: Tensor, size: int) -> "Table":
        """A table of one factor, `label`, made of (n,) class numbers below `size`."""
        return cls(("label",), (size,), (False,), labels.long().view(-1, 1))

    def varying(self) -> "Table":
        """The table without its constant factors."""
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
        """The factors in splits.

        Args:
            parted: splits the rows of a tensor, and those of a published test set, as the examples
                are split.
            test_set: the factors of the published test set, if there is one.
        """
        parts = parted(self.values, test_set.values if test_set else None)
        return Factors(self.names, self.sizes, self.ordinal, **parts)
