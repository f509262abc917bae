"""The points of a curve that a study should know first: best ELBO, knee, collapse."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from betafront.errors import UserError
from betafront.forecast.forecast import Forecast
from betafront.front.front import knee
from betafront.front.scout import BEST, COLLAPSE, KNEE, POINTS, At
from betafront.front.table import DISTORTION, RATE
from betafront.study.plan import Plan
from betafront.study.scout.family import Searched
from betafront.study.search.grammar import name_of
from betafront.training.standing import DEAD_RATE

STEPS = 400
"""Of β between the ends of a curve, at which it is read between the points that were measured."""


def of_curve(curve: Sequence[Mapping[str, Any]], most_rate: float) -> dict[str, At]:
    """The points of a curve that was measured at a few β.

    Args:
        curve: of a family (`betafront.training.curve_of_family`), in rising order of β.
        most_rate: nats beyond which no rate is of interest, as for the hypervolume of a study.
    """
    beta, rate, distortion = _between(curve)
    found = {}
    of_interest = rate <= most_rate if int((rate <= most_rate).sum()) > 2 else rate < np.inf
    best = int(np.argmin(distortion + rate))
    found[BEST] = At(*map(float, (beta[best], distortion[best], rate[best])))
    plane = np.stack([rate, distortion], 1)[of_interest]
    at = knee(plane)
    if at is not None:
        found[KNEE] = At(float(beta[of_interest][at]), float(plane[at, 1]), float(plane[at, 0]))
    alive = np.flatnonzero(rate >= DEAD_RATE)
    first = int(alive[-1]) + 1 if len(alive) else 0  # from which on it stays collapsed
    if first < len(beta):
        found[COLLAPSE] = At(*map(float, (beta[first], distortion[first], rate[first])))
    return found


def _between(curve: Sequence[Mapping[str, Any]]) -> tuple[Any, Any, Any]:
    """β, R and D at many β, by interpolation over ln β that neither of them overshoots (Fritsch &
    Carlson 1980)."""
    known = np.log([point["beta"] for point in curve])
    fine = np.unique(np.concatenate([known, np.linspace(known[0], known[-1], STEPS)]))
    values = (
        PchipInterpolator(known, [point["metrics"][key] for point in curve])(fine)
        for key in (RATE, DISTORTION)
    )
    rate, distortion = values
    return np.exp(fine), rate, distortion


def of_forecast(found: Forecast | None) -> dict[str, At]:
    """The points of a forecast: of the linear-Gaussian front on validation examples where there is
    one, and collapse."""
    if found is None:
        return {}
    if found.front is None:
        return {COLLAPSE: At(found.beta_live, None, 0.0)}
    points = {COLLAPSE: found.front.at(found.beta_live)}
    if found.traced:
        points[BEST] = min(found.traced, key=lambda p: p.val_distortion + p.val_rate)
    if found.knee is not None:
        points[KNEE] = found.knee
    return {name: At(p.beta, p.val_distortion, p.val_rate) for name, p in points.items()}


def to_enqueue(plan: Plan, found: Searched, points: Mapping[str, At]) -> list[dict[str, Any]]:
    """Points of the space at the β of some points of a curve; what they leave open is drawn. Left
    out are those that the space does not have.

    Args:
        plan: of the study.
        found: how it searches the weight.
        points: by name.
    """
    queue: list[dict[str, Any]] = []
    for name in POINTS:
        point = _point(plan, found, points[name].beta) if name in points else None
        if point is not None and point not in queue:
            queue.append(point)
    return queue


def _point(plan: Plan, found: Searched, beta: float) -> dict[str, Any] | None:
    """A point of the space at a β, in the first normalisation that has it; None without any."""
    space = plan.space
    normalising = next((k for k in space.distributions if name_of(k) == "normalisation"), None)
    for normalisation in found.normalisations:
        weight = found.weight(beta, normalisation)
        if weight is None:
            continue
        read = {} if normalising is None else {normalising: normalisation.name}
        where = {key: chosen[0] for key, chosen in space.when.get(found.key, {}).items()}
        try:
            return space.check_point({**where, **read, found.key: weight}, plan.spec.base)
        except UserError:  # a constraint does not hold there
            continue
    return None
