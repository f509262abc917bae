"""The curves among the points of a study.

A trial tells one point, at its β. One whose model is conditioned on β tells many: the table has a
row for each, with the same number of the trial. So a point is known by the number of its trial and
its β, and what counts trials looks at one row of each (`trials_of`).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OF_CURVE = "of_curve"
"""The column that says whether a point is of a curve; a table without curves has none."""
AS_WRITTEN = "as_written"
"""The column that says which point of a curve has the β of the run itself, at which its history was
validated and its pictures were drawn."""
WHOSE = ("study", "group", "trial", "replicate")  # the columns that say of what run a row is

Point = tuple[int, float]
"""The number of a trial, and the canonical β."""


def point_of(row: "Mapping[Any, Any] | pd.Series[Any]") -> Point:
    """What a row of a table is known by."""
    return int(row["trial"]), float(row["beta"])


def is_of_curve(row: "Mapping[Any, Any] | pd.Series[Any]") -> bool:
    """Whether a row of a table is a point of a curve."""
    return row.get(OF_CURVE) in (True,)  # NumPy's own True is equal to it, and NaN is not


def are_among(table: pd.DataFrame, points: Collection[Point]) -> NDArray[np.bool_]:
    """(n,) whether each row is one of some points."""
    pairs = zip(table["trial"].tolist(), table["beta"].tolist(), strict=True)
    return np.array([pair in points for pair in pairs], dtype=bool)


def of_curves(table: pd.DataFrame) -> NDArray[np.bool_]:
    """(n,) whether each row is a point of a curve."""
    return _true(table, OF_CURVE)


def trials_of(table: pd.DataFrame) -> pd.DataFrame:
    """The trials of a table of points, or the runs of one of runs, a row each: of one with a curve
    that at the β of the run itself, where the table has it."""
    if not of_curves(table).any():
        return table
    first = np.argsort(~_true(table, AS_WRITTEN), kind="stable")
    keys = [key for key in WHOSE if key in table]
    kept = table.iloc[first].drop_duplicates(keys).index
    return table[table.index.isin(kept)]


def points_or_trials(table: pd.DataFrame) -> str:
    """What the rows of a table are called."""
    return "points" if of_curves(table).any() else "trials"


def number_of_points(table: pd.DataFrame, which: str = "") -> str:
    """`48 trials`, or with a curve among them `57 points of 48 trials`.

    Args:
        table: of points.
        which: stands before `trials`.
    """
    count = len(trials_of(table))
    trials = f"{count} {which}trial{'' if count == 1 else 's'}"
    return f"{len(table)} points of {trials}" if len(table) > count else trials


def curves(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The curves of a table, each with its name in a legend, its points in rising β.

    Args:
        table: of points, of one study.
    """
    mine = of_curves(table)
    for trial, rows in table[mine].groupby("trial") if mine.any() else ():
        points = rows.sort_values("beta")
        low, high = points["beta"].iloc[[0, -1]]
        yield f"trial {trial}: one model, β {low:.3g} to {high:.3g}", points


def _true(table: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    """(n,) where a column says so; nowhere where the table has no such column."""
    if column not in table:
        return np.zeros(len(table), dtype=bool)
    found: NDArray[np.bool_] = table[column].eq(True).to_numpy(dtype=bool)
    return found
