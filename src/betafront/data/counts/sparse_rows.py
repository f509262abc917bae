"""The rows of a sparse matrix, made dense when they are asked for."""

import hashlib
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor

from betafront.data.in_splits import ReadByNumber

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class SparseRows(ReadByNumber):
    """n rows of D numbers, of which those beside 0 are kept; slices, rows and batches of it are
    dense tensors on its device.

    Args:
        starts: (n + 1,) int64, where each row begins among the entries, and the last one ends.
        columns: (entries,) integers, the column of each, rising within a row.
        values: (entries,) float32.
        width: D.
    """

    def __init__(self, starts: Tensor, columns: Tensor, values: Tensor, width: int) -> None:
        self.starts, self.columns, self.values = starts, columns, values
        self.shape = (len(starts) - 1, width)

    @classmethod
    def of(cls, matrix: "csr_array") -> Self:
        """The rows of a matrix in canonical form, without stored zeros."""
        starts, columns, values = matrix.indptr, matrix.indices, matrix.data
        return cls(
            torch.from_numpy(starts.astype(np.int64)),
            torch.from_numpy(columns.astype(np.int32)),
            torch.from_numpy(values.astype(np.float32)),
            int(matrix.shape[1]),
        )

    @property
    def device(self) -> torch.device:
        return self.values.device

    def numbered(self, numbers: Tensor) -> Tensor:
        rows = numbers.to(self.device)
        first = self.starts[rows]
        lengths = self.starts[rows + 1] - first
        example = torch.arange(len(rows), device=self.device).repeat_interleave(lengths)
        # Entries of a row are side by side, from the row's first on.
        before = lengths.cumsum(0) - lengths
        entry = torch.arange(len(example), device=self.device) + (first - before)[example]
        dense = torch.zeros(len(rows), self.shape[1], device=self.device)
        dense[example, self.columns[entry].long()] = self.values[entry]
        return dense

    def to(self, device: torch.device | str) -> "SparseRows":
        """The same rows on `device`."""
        starts, columns, values = (
            part.to(device) for part in (self.starts, self.columns, self.values)
        )
        return SparseRows(starts, columns, values, self.shape[1])

    def update(self, sha: "hashlib._Hash") -> None:
        """Add the shape, the places and the values to a hash."""
        sha.update(repr(self.shape).encode())
        for part in (self.starts, self.columns, self.values):
            sha.update(part.cpu().numpy().data)
