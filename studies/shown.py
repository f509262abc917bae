"""What a study found: rows as a table and as JSON, means with their standard errors, a least value
between points."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table


class Least(NamedTuple):
    """A least value.

    Attributes:
        place: where it is.
        value: it.
        at_end: whether it is the first or the last point, so that a smaller one may lie beyond.
    """

    place: float
    value: float
    at_end: bool


def least(x: NDArray[np.float64], y: NDArray[np.float64]) -> Least:
    """The least of a parabola through the least point and its neighbours; at an end the point.

    Args:
        x: in order, (n,).
        y: (n,).
    """
    i = int(y.argmin())
    if i in (0, len(y) - 1):
        return Least(float(x[i]), float(y[i]), True)
    a, b, c = np.polyfit(x[i - 1 : i + 2], y[i - 1 : i + 2], 2)
    return Least(float(-b / (2 * a)), float(c - b**2 / (4 * a)), False)


def mean_error(values: Any) -> list[float]:
    """The mean and its standard error, as a table and `found.json` have them."""
    sample = pd.Series(values, dtype=float)
    return [float(sample.mean()), float(sample.sem())]


def write(said: Any, path: Path) -> None:
    """Write what was found as JSON, in which a number that is not there is null."""
    text = json.dumps(_with_nulls(said), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n")


def _with_nulls(said: Any) -> Any:
    if isinstance(said, Mapping):
        return {key: _with_nulls(value) for key, value in said.items()}
    if isinstance(said, list):
        return [_with_nulls(value) for value in said]
    return None if isinstance(said, float) and math.isnan(said) else said


def show(title: str, rows: Sequence[Mapping[str, Any]], out: Console) -> None:
    """Print rows, with a column for each name that a row has; a list is a mean and its error."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*names, title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for row in rows:
        table.add_row(*(_word(row.get(name)) for name in names))
    out.print(table)


def _word(value: Any) -> str:
    if isinstance(value, list):
        return _with_error(*value)
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _with_error(mean: float, error: float) -> str:
    """As many digits as the error has with two of its own, or with one above 3."""
    if math.isnan(mean):
        return ""
    if not error > 0:  # of one value, or of equal ones
        return f"{mean:.3g}"
    digits = max(0, math.floor(1.5 - math.log10(error)))
    return f"{round(mean, digits) + 0.0:.{digits}f}±{error:.{digits}f}"  # and no -0
