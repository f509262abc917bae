"""Reading a table: a CSV or Parquet file, or one of the measured tables of scikit-learn."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.errors import UserError, near_miss, near_path, one_line

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "Unnamed: 0"
"""What pandas calls a first column without a name, as pandas and R write the rows' numbers or
names."""

DELIMITED = (".csv", ".tsv", ".txt")
PARQUET = (".parquet", ".pq")
SEPARATORS = ",;\t|"

PUBLISHED = ("breast_cancer", "diabetes", "iris", "wine")
"""Tables that scikit-learn ships. The last column, `target`, is a class of all but `diabetes`."""

OF_CLASSES = ("breast_cancer", "iris", "wine")


def published(name: str) -> "pd.DataFrame":
    """A table that scikit-learn ships, in its own units.

    Raises:
        UserError: there is none of this name.
    """
    if name not in PUBLISHED:
        raise UserError(f"data.set: there is no table '{name}': {near_miss(str(name), PUBLISHED)}")
    from sklearn import datasets

    how: dict[str, Any] = {"scaled": False} if name == "diabetes" else {}
    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True, **how).frame
    return frame


def kind_of(path: Path) -> str:
    """The ending of a file's name in small letters, without that of packing."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read(path: Path, header: bool | None = None, separator: str | None = None) -> "pd.DataFrame":
    """The table of a file.

    Args:
        path: `.csv`, `.tsv` or `.txt`, also packed (`.gz`), or `.parquet`.
        header: whether the first line of a text has the names of the columns; None expects them,
            and refuses a line of numbers, or in which a number occurs twice.
        separator: between the values of a text; None takes that of its first line.

    Raises:
        UserError: it is not there, is no such file, or cannot be read.
    """
    import pandas as pd

    kind = kind_of(path)
    if not path.is_file():
        raise UserError(f"data.path: {_no_file(path)}")
    if kind not in (*DELIMITED, *PARQUET):
        raise UserError(
            f"data.path: {path} is no table that is read here: give a .csv, .tsv or .parquet file, "
            "or arrays to data=tensor"
        )
    try:
        if kind in PARQUET:
            return pd.read_parquet(path)
        first = _first_line(path)
        separator = separator or _separator(first)
        names = None if header is False else 0
        frame = pd.read_csv(path, sep=separator, header=names)
    except UserError:
        raise
    except Exception as error:  # a damaged file makes its reader raise almost anything
        raise UserError(f"data.path: {path} cannot be read: {one_line(error)[:200]}") from error
    if header is False:
        return frame.set_axis([f"column_{i}" for i in range(frame.shape[1])], axis=1)
    if header is None and _is_of_values(_parts(first, separator)):
        raise UserError(
            f"data.path: the first line of {path} has numbers, where the names of the columns are "
            "expected: data.header=false if it has none, data.header=true if these are the names"
        )
    if frame.empty:
        raise UserError(f"data.path: {path} has names of columns, and no row")
    return frame


def _first_line(path: Path) -> str:
    import gzip

    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                return str(line)
    raise UserError(f"data.path: {path} is empty")


def _separator(line: str) -> str:
    """The separator that a line has most often; a comma where it has none."""
    return max(SEPARATORS, key=line.count)


def _parts(line: str, separator: str) -> list[str]:
    """The values of a line; a separator of several characters is a pattern, as in pandas."""
    line = line.strip("\r\n")
    return line.split(separator) if len(separator) == 1 else re.split(separator, line)


def _is_of_values(line: Sequence[str]) -> bool:
    """Whether the parts of a line are rather values than names."""
    given = [part.strip().strip("'\"") for part in line]
    found = [part for part in given if _is_number(part)]
    return len(found) == len(given) or len(set(found)) < len(found)


def _is_number(part: str) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _no_file(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder: name one .csv, .tsv or .parquet file"
    if str(path) in PUBLISHED:
        return f"there is no file {path}: scikit-learn's table of that name is data.set={path}"
    folder = path.absolute().parent
    if not folder.is_dir():
        return f"there is no file {path}: there is no folder {folder}"
    beside = [p.name for p in folder.iterdir() if p.suffix.lower() in (*DELIMITED, *PARQUET)]
    return f"there is no file {path} in {folder}: {near_path(path, beside)}"
