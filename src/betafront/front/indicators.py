"""How good a front is beside another: indicators of sets of points, on scales that stay the same.

Objectives of different units do not add, so ε and IGD+ are taken after each objective is divided by
its scale: 1 for what is in nats, which R and D share, and for what is maximised, most of which are
scores within [0, 1] (a dB of PSNR and an active unit count as much as a nat); for any other its
worst value of interest, which the study keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.front.front import hypervolume, maximised, nondominated
from betafront.front.table import UNITS

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Indicators:
    """What a front is worth beside another one.

    Attributes:
        epsilon: the least amount by which every point of this front must be better for it to leave
            none of the other's undominated; 0 or less where it already does (Zitzler et al. 2003).
        igd_plus: the mean, over the other's points, of how far this front is from dominating each
            (Ishibuchi et al. 2015).
        covered: the share of the other's points that one of this front's equals or dominates
            (Zitzler and Thiele 1998).
    """

    epsilon: float
    igd_plus: float
    covered: float


@dataclass(frozen=True)
class Shape:
    """What a front is by itself.

    Attributes:
        points: trials on it.
        hypervolume: below the study's reference point, in the product of the objectives' units.
        spread: its length in each objective, in the objective's unit.
        gap: the widest step between neighbours in any objective, as a share of that length.
    """

    points: int
    hypervolume: float
    spread: dict[str, float]
    gap: float


def compared(
    one: pd.DataFrame,
    other: pd.DataFrame,
    objectives: Mapping[str, str],
    reference: Sequence[float],
) -> Indicators:
    """What the front of `one` is worth beside that of `other`.

    Args:
        one, other: finished trials; those that are not on the fronts do not matter.
        objectives: metric to direction, in order.
        reference: one number per objective.

    Raises:
        UserError: one of them has no trial, or a value that is no number.
    """
    size = scales(objectives, reference)
    a, b = (points(table, objectives) / size for table in (one, other))
    most = maximised(objectives)
    return Indicators(
        epsilon=float(moocore.epsilon_additive(a, ref=b, maximise=most)),
        igd_plus=float(moocore.igd_plus(a, ref=b, maximise=most)),
        covered=coverage(a, b, most),
    )


def coverage(a: Points, b: Points, maximise: Sequence[bool]) -> float:
    """The share of the points of `b`, (n, K), that some point of `a` equals or dominates."""
    signs = np.where(maximise, -1.0, 1.0)
    a, b = a * signs, b * signs
    return float(np.mean([np.any(np.all(a <= point, axis=1)) for point in b]))


def shape(table: pd.DataFrame, objectives: Mapping[str, str], reference: Sequence[float]) -> Shape:
    """What the front of finished trials is by itself.

    Raises:
        UserError: there is no trial, or a value that is no number.
    """
    members = points(table, objectives)
    found = np.unique(members, axis=0)
    length = np.ptp(found, axis=0)
    steps = np.diff(np.sort(found, axis=0), axis=0)
    kept = length > 0
    gap = float((steps[:, kept] / length[kept]).max()) if kept.any() else 0.0
    return Shape(
        points=len(members),
        hypervolume=hypervolume(table, objectives, reference),
        spread=dict(zip(objectives, map(float, length), strict=True)),
        gap=gap,
    )


def points(table: pd.DataFrame, objectives: Mapping[str, str]) -> Points:
    """(n, K) values of the trials on the front, duplicates and all.

    Raises:
        UserError: there are none, or one is no number.
    """
    if table.empty:
        raise UserError("there is no front: no trial has finished")
    found = table[list(objectives)].to_numpy(float)
    bad = ~np.isfinite(found).all(1)
    if bad.any():
        raise UserError(
            f"{int(bad.sum())} of {len(found)} trials have no value of an objective, and cannot be "
            "compared: leave them out"
        )
    members: Points = found[nondominated(table, objectives)]
    return members


def scales(objectives: Mapping[str, str], reference: Sequence[float]) -> Points:
    """What each objective is divided by before it is added to another, (K,)."""

    def scale(metric: str, direction: str, worst: float) -> float:
        plain = UNITS.get(metric.rpartition("/")[2]) == "nats" or direction == "maximize"
        return 1.0 if plain else abs(worst) or 1.0

    pairs = zip(objectives.items(), reference, strict=True)
    return np.array([scale(metric, direction, worst) for (metric, direction), worst in pairs])
