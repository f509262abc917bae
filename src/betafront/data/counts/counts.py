"""A user's own counts, from one file: `data=counts`."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from betafront.data.counts.counted import Counted
from betafront.data.counts.reading import column_of, read
from betafront.data.counts.sparse_rows import SparseRows
from betafront.data.data import SPLITS
from betafront.data.factors import Table
from betafront.data.tensors import splits
from betafront.errors import UserError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LARGEST = 2**24
"""Up to here 32-bit numbers have every whole number."""

ROUNDED = 1e-6
"""How far from a whole number a count may be that other tools have added up in parts."""


def counts(
    name: str,
    path: str,
    label: str | None = None,
    total: str | None = None,
    header: bool | None = None,
    separator: str | None = None,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
) -> Counted:
    """The counts of a file, an example in each row, as they are: never scaled.

    Args:
        name: what the data is called in tables and records.
        path: a sparse matrix, `.npz` as `scipy.sparse.save_npz` writes it, which never becomes
            dense as a whole; an array, `.npy`, or `.npz` with it alone or under `counts`; or a
            table, `.csv`, `.tsv` or `.parquet`, whose first column may have the names of the rows.
        label: the column of a table that has the class of each example; of other files the path of
            a `.npy` of one value per row.
        total: such a column or file with the total count of each example, where the data has not
            all that was counted (chosen genes of a cell, items of a shop). What was counted
            elsewhere, the total less the row's sum, becomes one more column, the last, so that the
            sum of a row is the total as given, which `likelihood.total=row` and `multinomial` take.
        header, separator: of a table, as in `betafront.data.tables.reading.read`.
        val, test, split_seed, limit: as in `betafront.data.tensors.splits`.

    Raises:
        UserError: a file is not there, or cannot be read; or it holds anything but counts.
    """
    matrix, columns, note = read(path, [key for key in (label, total) if key], header, separator)
    matrix = canonical(matrix, path)
    if total is not None:
        matrix = _with_rest(matrix, column_of(total, "total", columns), path)
    factors = None
    if label is not None:
        classes = column_of(label, "label", columns)
        if classes.dtype.kind == "O":  # words, perhaps with gaps, which have no order
            classes = classes.astype(str)
        factors = Table.of(["label"], [False], classes.reshape(-1, 1))
    found = splits(
        name,
        torch.arange(matrix.shape[0]),
        factors=factors,
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
    )
    parts = {split: SparseRows.of(matrix[found.parts[split].numpy()]) for split in SPLITS}
    return Counted(name, **parts, factors=found.factors, note=note)


def canonical(matrix: "csr_array", path: str) -> "csr_array":
    """A matrix of counts with every entry once, in order, and none that is 0.

    Raises:
        UserError: it has no rows or columns, or anything but counts that 32-bit numbers can hold.
    """
    if 0 in matrix.shape:
        raise UserError(f"{path} has {matrix.shape[0]} rows and {matrix.shape[1]} columns")
    if matrix.dtype.kind not in "biuf":
        raise UserError(f"{path} holds values of type {matrix.dtype}: give counts")
    if matrix.dtype.kind == "b":
        matrix = matrix.astype(np.uint8)
    matrix.sum_duplicates()
    values = matrix.data
    for strange, what in (
        (~np.isfinite(values), "NaN or infinity"),
        (values < 0, "negative numbers"),
        (np.abs(values - np.round(values)) > ROUNDED, "fractions"),
        (values > LARGEST, f"counts beyond {LARGEST:,}, which 32-bit numbers do not tell apart"),
    ):
        if strange.any():
            row, column, value = _first(matrix, strange)
            raise UserError(
                f"{path} has {what}, first {value:.6g} in row {row}, column {column}: these are "
                "not counts; give them as they were counted, not normalised or logarithms "
                "(data=table takes real numbers)"
            )
    matrix.data = np.round(values)
    matrix.eliminate_zeros()
    return matrix


def _first(matrix: "csr_array", strange: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Row, column and value of the first strange entry."""
    entry = int(strange.argmax())
    row = int(np.searchsorted(matrix.indptr, entry, side="right")) - 1
    return row, int(matrix.indices[entry]), float(matrix.data[entry])


def _with_rest(matrix: "csr_array", totals: NDArray[np.generic], path: str) -> "csr_array":
    """The matrix and a last column of what each row's total has beyond its sum.

    Raises:
        UserError: there is not one total for each row, or one is no count or below the row's sum.
    """
    from scipy.sparse import csr_array, hstack

    if totals.shape != (matrix.shape[0],) or totals.dtype.kind not in "biuf":
        raise UserError(
            f"data.total: {path} has {matrix.shape[0]:,} rows, and the totals are "
            f"{'x'.join(map(str, totals.shape))} of type {totals.dtype}: give one number per row"
        )
    rest = totals.astype(np.float64) - matrix.sum(1, dtype=np.float64)
    below = rest < 0
    if below.any():
        row = int(below.argmax())
        raise UserError(
            f"data.total: row {row} of {path} has the total {totals[row]:g}, less than its counts "
            f"add up to, {float(totals[row] - rest[row]):g}: give the total of all that was counted"
        )
    return canonical(csr_array(hstack([matrix, rest[:, None]], format="csr")), "data.total")
