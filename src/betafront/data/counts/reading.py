"""Reading a table of counts: sparse, dense, or with named columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from betafront.data.tables.reading import DELIMITED, PARQUET, UNNAMED, kind_of
from betafront.data.tables.reading import read as read_table
from betafront.errors import UserError, near_miss, near_path, one_line

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

KINDS = (".npz", ".npy", *DELIMITED, *PARQUET)

Columns = Mapping[str, NDArray[Any]]
"""The columns of a table that are no counts, by their names; empty for other files."""


def read(
    path: str, apart: Sequence[str], header: bool | None = None, separator: str | None = None
) -> tuple["csr_array", Columns | None, str]:
    """The counts of a file, one example per row.

    Args:
        path: of the file.
        apart: columns of a table that are read, but are no counts.
        header, separator: of a table, as in `betafront.data.tables.reading.read`.

    Returns:
        the counts; the columns that are none, or None where the file is no table; and a sentence on
        how it was read.

    Raises:
        UserError: it is not there, is no such file, cannot be read, or holds no table of numbers.
    """
    file = _file(path, "path")
    kind = kind_of(file)
    if kind not in KINDS:
        raise UserError(f"data.path: {file} is no {', '.join(KINDS)} file{_way_out(kind)}")
    try:
        if kind in (*DELIMITED, *PARQUET):
            return _of_table(read_table(file, header, separator), apart, path)
        return _of_arrays(file), None, ""
    except UserError:
        raise
    except Exception as error:  # a damaged file makes its reader raise almost anything
        raise UserError(f"data.path: {file} cannot be read: {one_line(error)[:200]}") from error


def column_of(named: str, key: str, columns: Columns | None) -> NDArray[Any]:
    """(n,) what `data.label` or `data.total` names: a column of the table, or the array of a file.

    Args:
        named: the setting's value.
        key: the setting.
        columns: of the table; None where the counts are in no table.

    Raises:
        UserError: there is no such column or file, or the file holds no such array.
    """
    if columns is not None:
        return columns[named]
    file = _file(named, key)
    try:
        found: NDArray[Any] = np.load(file, allow_pickle=False)
    except Exception as error:  # a damaged file makes its reader raise almost anything
        raise UserError(
            f"data.{key}: {file} cannot be read: give a .npy file of one value per row "
            f"({one_line(error)[:120]})"
        ) from error
    if not isinstance(found, np.ndarray) or found.ndim != 1:
        shape = getattr(found, "shape", "several arrays")
        raise UserError(f"data.{key}: {file} holds {shape}: give a .npy file of one value per row")
    return found


def _of_arrays(file: Path) -> "csr_array":
    """The matrix of a `.npz` that scipy wrote, or of a dense array in a `.npz` or `.npy`."""
    from scipy.sparse import csr_array, load_npz

    loaded = np.load(file, allow_pickle=False, mmap_mode="r")
    if isinstance(loaded, np.ndarray):
        dense = loaded
    else:
        with loaded as archive:
            names = sorted(archive.files)
            if "format" in names:
                return csr_array(load_npz(file))
            name = "counts" if "counts" in names else names[0] if len(names) == 1 else None
            if name is None:
                raise UserError(
                    f"data.path: {file} holds {', '.join(names) or 'nothing'}: name the array of "
                    "counts 'counts'"
                )
            dense = archive[name]
    if dense.ndim != 2 or dense.dtype.kind not in "biuf":
        raise UserError(
            f"data.path: {file} holds {dense.dtype} of the shape {dense.shape}: give numbers of "
            "(n, D), an example in each row"
        )
    return csr_array(dense)


def _of_table(
    frame: "pd.DataFrame", apart: Sequence[str], path: str
) -> tuple["csr_array", Columns, str]:
    from pandas.api.types import is_numeric_dtype
    from scipy.sparse import csr_array

    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    for name in apart:
        if name not in frame.columns:
            near = near_miss(name, frame.columns)
            said = near if near.startswith("did") else f"its first is '{frame.columns[0]}'"
            raise UserError(f"data.path: {path} has no column '{name}': {said}")
    columns = {name: frame[name].to_numpy() for name in apart}
    left = frame.drop(columns=list(apart))
    note, unnamed = "", UNNAMED in left.columns[:1]
    if unnamed or (len(left.columns) and not is_numeric_dtype(left.iloc[:, 0])):
        called = "" if unnamed else f", {left.columns[0]},"
        note = f"The first column{called} has the names of the rows, and is left out."
        left = left.iloc[:, 1:]
    text = [name for name in left.columns if not is_numeric_dtype(left[name])]
    if text:
        more = f" and {len(text) - 1} more" if len(text) > 1 else ""
        raise UserError(
            f"{path} has no numbers in the column '{text[0]}'{more}: data.label={text[0]} makes it "
            "the label, or save the counts alone"
        )
    return csr_array(left.to_numpy(dtype=np.float64, na_value=np.nan)), columns, note


def _file(path: str, key: str) -> Path:
    """The file that a setting names.

    Raises:
        UserError: there is none.
    """
    if not isinstance(path, str) or not path:
        raise UserError(f"data.{key} is the path of one file, not {path!r}")
    file = Path(path).expanduser()
    if file.is_file():
        return file
    if not file.parent.is_dir():
        raise UserError(f"data.{key}: there is no file {file}: there is no folder {file.parent}")
    beside = [each.name for each in file.parent.iterdir() if each.suffix.lower() in KINDS]
    raise UserError(f"data.{key}: there is no file {file}: {near_path(file, beside)}")


def _way_out(kind: str) -> str:
    """What to do with a file of another kind."""
    if kind in (".h5ad", ".h5", ".loom"):
        return (
            ": save its counts with scipy.sparse.save_npz('counts.npz', adata.X), or whichever "
            "layer has the raw ones"
        )
    if kind == ".mtx":
        return (
            ": save its matrix, an example in each row, with scipy.sparse.save_npz('counts.npz', "
            "scipy.io.mmread(path).tocsr())"
        )
    return ": save the counts with scipy.sparse.save_npz('counts.npz', x), an example in each row"
