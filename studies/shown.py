"""What a study found, as tables: rows, and means with their standard errors."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table


def mean_error(values: Any) -> list[float]:
    """The mean and its standard error, as a table and `found.json` have them."""
    sample = pd.Series(values, dtype=float)
    return [float(sample.mean()), float(sample.sem())]


def show(title: str, rows: Sequence[Mapping[str, Any]], out: Console) -> None:
    """Print rows, with a column for each name that a row has; a list is a mean and its error."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*names, title=title, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_word(row.get(name)) for name in names))
    out.print(table)


def _word(value: Any) -> str:
    if isinstance(value, list):
        return _with_error(*value)
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _with_error(mean: float, error: float) -> str:
    """As many digits as the error has with two of its own."""
    if math.isnan(mean):
        return ""
    if not error > 0:  # of one value, or of equal ones
        return f"{mean:.3g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{mean:.{digits}f}±{error:.{digits}f}"
