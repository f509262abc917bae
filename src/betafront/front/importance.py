"""Which searched parameters decide an objective, and how much of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.front.curves import trials_of

FEWEST = 10  # trials that a forest is fitted to
TREES, REPEATS = 100, 5
TINY = 1e-12


@dataclass(frozen=True)
class Importance:
    """The importance of the searched parameters for one objective, by a random forest.

    Attributes:
        metric: the objective.
        shares: for each searched parameter the accuracy that the forest loses when the parameter's
            values are shuffled among the trials (Breiman 2001), divided by the sum over the
            parameters. An interaction of two parameters counts for both.
        explained: the part of the objective's variance that the forest explains of trials outside
            its samples (R² out of bag). Where it is low, the shares mean little.
    """

    metric: str
    shares: dict[str, float]
    explained: float


def importance(
    table: pd.DataFrame, parameters: Sequence[str], metrics: Sequence[str]
) -> list[Importance]:
    """The importance of the parameters for each of `metrics`, without the metrics that the
    parameters do not explain. Empty for fewer than FEWEST trials, and where no parameter varies.

    Args:
        table: finished trials; of one with a curve the point at the β of its run counts.
        parameters: the searched ones; that a trial lacks a parameter is a value of its own.
        metrics: columns of numbers of the table.
    """
    table = trials_of(table)
    varied = [p for p in parameters if p in table and table[p].nunique(dropna=False) > 1]
    if len(table) < FEWEST or not varied:
        return []
    x = np.column_stack([_codes(table[p]) for p in varied])
    found = [_of(metric, varied, x, table[metric].to_numpy(float)) for metric in metrics]
    return [one for one in found if one.explained > 0]


def _of(
    metric: str, parameters: Sequence[str], x: NDArray[np.float64], y: NDArray[np.float64]
) -> Importance:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    forest = RandomForestRegressor(TREES, oob_score=True, random_state=0).fit(x, y)
    lost = permutation_importance(forest, x, y, n_repeats=REPEATS, random_state=0).importances_mean
    lost = np.maximum(lost, 0) / max(np.maximum(lost, 0).sum(), TINY)
    shares = dict(zip(parameters, map(float, lost), strict=True))
    return Importance(metric, shares, float(forest.oob_score_) if np.ptp(y) > 0 else 0.0)


def _codes(column: "pd.Series[float]") -> NDArray[np.float64]:
    """Numbers as they are, words by their place in the alphabet, missing values below them."""
    if pd.api.types.is_numeric_dtype(column):
        column = column.fillna(column.min() - 1)
    else:
        column = column.astype("category").cat.codes
    return np.asarray(column, float)
