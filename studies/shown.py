"""Rows of what a study found, as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def show(title: str, rows: Sequence[Mapping[str, Any]], out: Console) -> None:
    """Print rows, with a column for each name that a row has."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*names, title=title, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_word(row.get(name)) for name in names))
    out.print(table)


def _word(value: Any) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
