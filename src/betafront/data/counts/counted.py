"""Counts as data that is sparse in memory, and dense in each batch."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from betafront.data.counts.sparse_rows import SparseRows
from betafront.data.data import SPLITS, Data
from betafront.data.factors import Factors
from betafront.data.tensors import TensorBatches
from betafront.objective import Likelihood


@dataclass(frozen=True)
class Counted(Data):
    """A data set of (D,) counts, with the order and the bits that it has as a dense tensor.

    Attributes:
        name: of the data in tables and records.
        train, val, test: the rows of each split.
        factors: what varies behind the examples, if that is known; no part of the digest.
        note: a sentence on how the examples were read, which is said before training.
    """

    name: str
    train: SparseRows
    val: SparseRows
    test: SparseRows
    factors: Factors | None = None
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.train.shape[1:]

    @cached_property
    def digest(self) -> str:  # type: ignore[override]
        """Of the places and the values of all counts that are not 0, in their order and splits."""
        sha = hashlib.sha256()
        for split in SPLITS:
            self.rows(split).update(sha)
        return sha.hexdigest()[:16]

    def size(self, split: str) -> int:
        return len(self.rows(split))

    def rows(self, split: str) -> SparseRows:
        """All examples of a split, for what reads them part by part."""
        found: SparseRows = getattr(self, split)
        return found

    def examples(self, split: str, limit: int | None = None) -> Tensor:
        return self.rows(split)[:limit]

    def batches(
        self, split: str, size: int, generator: torch.Generator | None = None
    ) -> TensorBatches:
        return TensorBatches(self.rows(split), size, generator)  # type: ignore[arg-type]

    def to(self, device: torch.device | str) -> Self:
        train, val, test = (self.rows(split).to(device) for split in SPLITS)
        return replace(self, train=train, val=val, test=test)

    def check(self, likelihood: Likelihood) -> None:
        """As in `Data.check`: a support is one of single numbers, of which those that are not 0 are
        looked at, and a 0."""
        for split in SPLITS:
            values = self.rows(split).values
            likelihood.check(torch.cat([values, values.new_zeros(1)]))
