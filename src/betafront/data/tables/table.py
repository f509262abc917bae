"""A table's columns as data: `data=table`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from betafront.data.data import SPLITS
from betafront.data.new_examples import refuse_not_finite
from betafront.data.tables.columns import chosen, labels_of, listed, numbers, without_missing
from betafront.data.tables.reading import OF_CLASSES, UNNAMED, published, read
from betafront.data.tables.tabular import Tabular, mean_and_scale
from betafront.data.tensors import Splits, splits
from betafront.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def table(
    name: str,
    path: str | None = None,
    set: str | None = None,
    columns: Sequence[str] | None = None,
    exclude: Sequence[str] | str = (),
    label: Sequence[str] | str | None = None,
    standardise: bool = True,
    drop_missing: bool = False,
    header: bool | None = None,
    separator: str | None = None,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
) -> Tabular:
    """The numeric columns of a table, each brought to mean 0 and standard deviation 1.

    The means and standard deviations are those of the training split. D is in the table's own
    units (`Tabular.log_volume`), the squared error and σ in standardised ones.

    Args:
        name: what the data is called in tables and records.
        path: of a `.csv`, `.tsv` or `.parquet` file.
        set: the name of a measured table that scikit-learn ships, in place of a path; the label is
            its class, where it has one.
        columns: that are taken; None takes all.
        exclude: columns that are left out.
        label: a column, or several, whose values are known factors and no data.
        standardise: columns; false leaves them in their own units. A column that is constant in the
            training split is left out.
        drop_missing: leave out rows with a missing value, which are refused otherwise.
        header, separator: as in `betafront.data.tables.reading.read`.
        val, test, split_seed, limit: as in `betafront.data.tensors.splits`.

    Raises:
        UserError: there is no such table, it cannot be read, or its columns are no finite numbers.
    """
    frame, whose = _frame(path, set, header, separator)
    if label is None and set in OF_CLASSES:
        label = "target"
    labels, left_out, notes = _names(label), _names(exclude), list[str]()
    if columns is None and UNNAMED in frame.columns[:1] and UNNAMED not in (*labels, *left_out):
        left_out.append(UNNAMED)
        notes.append("The first column has no name, and is left out as that of the rows.")
    taken = chosen(frame, None if columns is None else _names(columns), left_out, labels)
    rows = without_missing(frame, [*taken, *labels], whose, drop_missing)
    x = torch.from_numpy(numbers(rows, taken, whose))
    found = splits(
        name,
        x,
        factors=labels_of(rows, labels),
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
    )
    if dropped := len(frame) - len(rows):
        notes.append(f"{dropped:,} rows with missing values are left out.")
    return _data(name, found, taken, whose, standardise, " ".join(notes))


def _data(
    name: str, found: Splits, columns: Sequence[str], whose: str, standardise: bool, note: str
) -> Tabular:
    """Split columns, standardised or not, as data."""
    parts = {split: found.parts[split].numpy() for split in SPLITS}
    mean, scale = np.zeros(len(columns)), np.ones(len(columns))
    kept = np.full(len(columns), True)
    if standardise:
        mean, scale = mean_and_scale(parts["train"])
        kept = scale > 0
        note = " ".join(filter(None, [note, _constant(columns, kept, whose)]))
    ready = {}
    for split, part in parts.items():
        ready[split] = torch.from_numpy((part[:, kept] - mean[kept]) / scale[kept]).float()
        refuse_not_finite(ready[split], f"{whose}, in 32-bit numbers,", f"row of the {split} split")
    data = Tabular(
        name=name,
        train=ready["train"],
        val=ready["val"],
        test=ready["test"],
        factors=found.factors,
        note=note,
        columns=tuple(c for c, k in zip(columns, kept, strict=True) if k),
    )
    if not standardise:
        return data
    scaled = replace(data, mean=tuple(mean[kept].tolist()), scale=tuple(scale[kept].tolist()))
    return replace(scaled, note=" ".join(filter(None, [note, _units(scaled)])))


def _constant(columns: Sequence[str], kept: NDArray[np.bool_], whose: str) -> str:
    """A sentence on constant columns, which are left out; empty where there are none.

    Raises:
        UserError: all are constant.
    """
    constant = [c for c, k in zip(columns, kept, strict=True) if not k]
    if len(constant) == len(columns):
        raise UserError(f"{whose}: every column is constant in the training split")
    if not constant:
        return ""
    return f"Constant in the training split, and left out: {listed(constant)}."


def _frame(
    path: str | None, name: str | None, header: bool | None, separator: str | None
) -> tuple["pd.DataFrame", str]:
    """The table that is meant, and what it is called in errors."""
    if (path is None) == (name is None):
        raise UserError(
            "data=table needs either data.path=FILE (.csv, .tsv, .parquet) or data.set=NAME, a "
            "measured table such as breast_cancer or wine"
        )
    if name is not None:
        return published(name), f"data.set={name}"
    if not isinstance(path, str) or not path:
        raise UserError(f"data.path is the path of one file, not {path!r}")
    frame = read(Path(path).expanduser(), header, separator)
    return frame.set_axis([str(name) for name in frame.columns], axis=1), path


def _names(given: Sequence[str] | str | None) -> list[str]:
    """One name, several or none as a list."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(name) for name in given]


def _units(data: Tabular) -> str:
    """What D, the squared error and σ are in."""
    return (
        f"{len(data.columns)} columns are standardised by the training split. D is in the table's "
        f"own units: {data.log_volume:+.4g} nats per example, Σ ln s, beside D in standardised "
        "ones. MSE and σ are in standardised units."
    )
