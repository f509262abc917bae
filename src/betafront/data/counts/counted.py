"""Counts as data that is sparse in memory, and dense in each batch."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch

from betafront.data.counts.sparse_rows import SparseRows
from betafront.data.data import SPLITS
from betafront.data.in_splits import InSplits
from betafront.objective import Likelihood


@dataclass(frozen=True)
class Counted(InSplits[SparseRows]):
    """A data set of (D,) counts, with the order and the bits that it has as a dense tensor."""

    @cached_property
    def digest(self) -> str:  # type: ignore[override]
        """Of the places and the values of all counts that are not 0, in their order and splits."""
        sha = hashlib.sha256()
        for split in SPLITS:
            self.rows(split).update(sha)
        return sha.hexdigest()[:16]

    def check(self, likelihood: Likelihood) -> None:
        """As in `Data.check`: a support is one of single numbers, of which those that are not 0 are
        looked at, and a 0."""
        for split in SPLITS:
            values = self.rows(split).values
            likelihood.check(torch.cat([values, values.new_zeros(1)]))
