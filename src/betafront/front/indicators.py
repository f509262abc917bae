"""How good a front is beside another: indicators of sets of points.

Objectives of different units do not add, so ε and IGD+ are taken after each objective is divided by
its scale. That is 1 for objectives in nats, and for objectives that are maximised, most of which
are scores within [0, 1] (a dB of PSNR and an active unit count as much as a nat); for any other it
is the worst value of interest, which the study keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.front.front import hypervolume, maximised, nondominated
from betafront.metrics.catalogue import NATS, metric

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Indicators:
    """How one front compares with another.

    Attributes:
        epsilon: the least amount by which all points of this front must be better for them to
            dominate all points of the other front; 0 or less where they already do (Zitzler et
            al. 2003).
        igd_plus: the mean, over the points of the other front, of how far this front is from
            dominating the point (Ishibuchi et al. 2015).
        covered: the share of the points of the other front that a point of this front equals or
            dominates (Zitzler and Thiele 1998).
    """

    epsilon: float
    igd_plus: float
    covered: float


@dataclass(frozen=True)
class Shape:
    """The size and the evenness of one front.

    Attributes:
        points: the number of trials on the front.
        hypervolume: below the study's reference point, in the product of the objectives' units.
        spread: the length of the front in each objective, in the objective's unit.
        gap: the widest step between neighbours in any objective, as a share of the length.
    """

    points: int
    hypervolume: float
    spread: dict[str, float]
    gap: float


def indicators_of(
    one: pd.DataFrame,
    other: pd.DataFrame,
    objectives: Mapping[str, str],
    reference: Sequence[float],
) -> Indicators:
    """How the front of `one` compares with the front of `other`.

    Args:
        one, other: finished trials; only those on the fronts are compared.
        objectives: metric to direction, in order.
        reference: one number per objective.

    Raises:
        UserError: a table has no trial, or a value that is no number.
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
    """The size and the evenness of the front of finished trials.

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
    """(n, K) values of the trials on the front, also where several trials have the same.

    Raises:
        UserError: there is no trial, or a value that is no number.
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
    """(K,) the number that each objective is divided by before it is added to another."""

    def scale(name: str, direction: str, worst: float) -> float:
        plain = metric(name).unit == NATS or direction == "maximize"
        return 1.0 if plain else abs(worst) or 1.0

    pairs = zip(objectives.items(), reference, strict=True)
    return np.array([scale(name, direction, worst) for (name, direction), worst in pairs])
