"""Which columns of a table are the data, which are its labels, and what cannot be either."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from betafront.data.factors import Table
from betafront.errors import UserError, near_miss

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 6  # names in a message


def listed(names: Iterable[str]) -> str:
    """Names in a message, the first of many."""
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def chosen(
    frame: "pd.DataFrame",
    columns: Sequence[str] | None,
    exclude: Sequence[str],
    labels: Sequence[str],
) -> list[str]:
    """The names of the columns that are the data, in the order of `columns`, or of the table.

    Args:
        frame: the table.
        columns: that are wanted; None takes all.
        exclude: that are left out.
        labels: that are labels, and so no data.

    Raises:
        UserError: one of them is not there, or none is left.
    """
    known = list(frame.columns)
    for key, names in (("columns", columns or ()), ("exclude", exclude), ("label", labels)):
        for name in names:
            if name not in known:
                raise UserError(f"data.{key}: there is no column '{name}': {_near(name, known)}")
    left = [name for name in columns or known if name not in (*exclude, *labels)]
    if not left:
        raise UserError("data.columns, data.exclude and data.label leave no column of the table")
    return list(dict.fromkeys(left))


def _near(name: str, known: Sequence[str]) -> str:
    said = near_miss(name, known)
    return said if said.startswith("did") else f"known: {listed(known)}"


def without_missing(
    frame: "pd.DataFrame", names: Sequence[str], whose: str, drop: bool
) -> "pd.DataFrame":
    """The rows of a table, or those in which none of the columns `names` lacks its value.

    Args:
        frame: the table.
        names: the columns that are read, as data or labels.
        whose: names the table in errors.
        drop: leave out rows in which a value is missing.

    Raises:
        UserError: with the columns and the number of rows, where values are missing and may not be
            dropped.
    """
    lacking = frame[list(names)].isna()
    rows = lacking.any(axis=1)
    if not rows.any():
        return frame
    if drop:
        return frame[~rows]
    counts = lacking.sum().sort_values(ascending=False)
    which = listed(f"{name} ({n:,})" for name, n in counts[counts > 0].items())
    raise UserError(
        f"{whose} has missing values in {int(rows.sum()):,} of {len(frame):,} rows, in columns "
        f"{which}: data.drop_missing=true leaves those rows out, data.exclude=[…] a column; or "
        "fill them in the table"
    )


def numbers(frame: "pd.DataFrame", names: Sequence[str], whose: str) -> NDArray[np.float64]:
    """(n, D) the values of columns, truth values as 0 and 1.

    Raises:
        UserError: naming the columns that hold no numbers, and those with infinity.
    """
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    def is_real(column: Any) -> bool:
        return (is_numeric_dtype(column) or is_bool_dtype(column)) and not is_complex_dtype(column)

    other = [name for name in names if not is_real(frame[name])]
    if other:
        held = str(frame[other[0]].iloc[0])[:30] if len(frame) else ""
        each = ",".join(other) if len(other) <= SHOWN else "…"
        raise UserError(
            f"{whose} has no numbers in {_columns(other)} (as '{held}' in {other[0]}): "
            f"data.exclude=[{each}] leaves them out, data.label={other[0]} makes one the label, or "
            f"save them as numbers{_with_a_comma(held)}"
        )
    x: NDArray[np.float64] = frame[list(names)].to_numpy(dtype=np.float64)
    found = [name for name, u in zip(names, x.T, strict=True) if not np.isfinite(u).all()]
    if found:
        raise UserError(f"{whose} has infinity in {_columns(found)}: mend or drop those rows")
    return x


def _with_a_comma(held: str) -> str:
    return ", with decimal points" if re.fullmatch(r"[-+]?\d*,\d+", held.strip()) else ""


def labels_of(frame: "pd.DataFrame", names: Sequence[str]) -> Table | None:
    """The label columns as factors; None where there are none. Nobody says whether their values
    have an order, so none is assumed."""
    if not names:
        return None
    from pandas import factorize

    values = [factorize(frame[name], sort=True)[0] for name in names]
    return Table.of(list(names), [False] * len(names), np.stack(values, axis=1))


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {listed(names)}"
