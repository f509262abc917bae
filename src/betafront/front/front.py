"""The front of a study: the non-dominated trials, and how much they dominate."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray


def nondominated(table: pd.DataFrame, objectives: Mapping[str, str]) -> NDArray[np.bool_]:
    """Which trials are not dominated: no other trial is at least as good in every objective and
    better in one. Of several trials with the same values all are kept.
    """
    if table.empty:
        return np.zeros(0, dtype=bool)
    mask: NDArray[np.bool_] = moocore.is_nondominated(
        table[list(objectives)].to_numpy(float), maximise=maximised(objectives), keep_weakly=True
    )
    return mask


def front(table: pd.DataFrame, objectives: Mapping[str, str]) -> pd.DataFrame:
    """The rows of the non-dominated trials, in order of the first objective."""
    if table.empty:
        return table
    return table[nondominated(table, objectives)].sort_values(list(objectives), ignore_index=True)


def hypervolume(
    table: pd.DataFrame, objectives: Mapping[str, str], reference: Sequence[float]
) -> float:
    """The area or volume between the front and the reference point, in the product of the
    objectives' units.

    Trials that are no better than the reference point in every objective add nothing.
    """
    if table.empty:
        return 0.0
    return float(
        moocore.hypervolume(
            table[list(objectives)].to_numpy(float),
            ref=np.asarray(reference, float),
            maximise=maximised(objectives),
        )
    )


def knee(points: NDArray[np.float64]) -> int | None:
    """The index of the knee of a two-dimensional front, both objectives minimised.

    With both axes scaled to [0, 1] over the front, the knee is the point farthest below the line
    between the front's two ends (Das 1999). The knee depends on how far the front reaches, so a
    front must be searched to where both ends are of no interest.

    Args:
        points: (n, 2) values of the front.

    Returns:
        None where there are fewer than three different points, or none lies below that line.
    """
    low, high = points.min(0), points.max(0)
    if len(np.unique(points, axis=0)) < 3 or np.any(high <= low):
        return None
    below = 1.0 - ((points - low) / (high - low)).sum(1)
    best = int(below.argmax())
    return best if below[best] > 0 else None


def planes(objectives: Mapping[str, str]) -> list[dict[str, str]]:
    """Every pair of the objectives, which a plane can show, in order."""
    return [dict(pair) for pair in combinations(objectives.items(), 2)]


def maximised(objectives: Mapping[str, str]) -> list[bool]:
    """Which objectives are maximised."""
    return [direction == "maximize" for direction in objectives.values()]
