"""The curve of one model conditioned on β, as a table of at most 100 columns."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from betafront.front.table import ELBO, FORMATS, METRICS, head, units

TEST = ELBO.replace("val/", "test/")


def print_curve(title: str, points: Sequence[Mapping[Any, Any]], out: Console) -> None:
    """Print a row for each point, in the order in which they are given: the weight where it is not
    β itself, β, σ where it is known, what is known of the `METRICS` on the validation split, and D
    + R on the test split.

    Args:
        title: above the table.
        points: each with its places on the scale and its metrics.
        out: where to.
    """
    out.print(Text(title, style="italic"))  # as the title of a table, which would wrap this one
    out.print(_table(points))
    out.print(f"{units(pd.DataFrame(list(points)))}.")


def _table(points: Sequence[Mapping[Any, Any]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    scale = ["beta", "sigma"] if _weights_are_beta(points) else ["weight", "beta", "sigma"]
    known = [key for key in (*scale, *METRICS, TEST) if any(_is_known(p, key) for p in points)]
    for key in known:
        name = f"{head(ELBO)}, test" if key == TEST else head(key)
        table.add_column(name, justify="right", no_wrap=True)
    for point in points:
        cells = (_cell(point, key) for key in known)
        table.add_row(*cells)
    return table


def _weights_are_beta(points: Sequence[Mapping[Any, Any]]) -> bool:
    return all(math.isclose(p["weight"], p["beta"]) for p in points if _is_known(p, "weight"))


def _is_known(point: Mapping[Any, Any], key: str) -> bool:
    value = point.get(key)
    return value is not None and math.isfinite(value)


def _cell(point: Mapping[Any, Any], key: str) -> str:
    form = FORMATS[ELBO if key == TEST else key]
    return f"{point[key]:{form}}" if _is_known(point, key) else "–"
