"""Rules by which a run may be stopped at a rung: that of the project, and those it is beside.

Each is asked when a run comes to a rung, with those that have been there before.
"""

from collections.abc import Callable, Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

from betafront.study.pruning.own_line import AtRung, OwnLine

Points = NDArray[np.float64]  # (n, 2) R and D, the run that is asked about first
Order = NDArray[np.intp]  # (n,) places of points, the best first
Rule = Callable[[AtRung, Sequence[AtRung], Sequence[float]], bool]
"""Whether a run is stopped: the run, the others at the rung, the study's reference point (R, D)."""

FEW = 5  # runs at a rung before the peers stop any, as Optuna's MedianPruner has it


def own_line(rule: OwnLine) -> Rule:
    """The rule of `study.pruner=own_line`."""

    def stops(run: AtRung, others: Sequence[AtRung], reference: Sequence[float]) -> bool:
        verdict = rule.judge(run, others)
        return verdict is not None and verdict.stop

    return stops


def elbo(keep: float) -> Rule:
    """Stop what is worse by D + R than so large a part of the runs; with a half, the median rule
    (Golovin et al. 2017; Optuna's default)."""

    def order(points: Points, reference: Sequence[float]) -> Order:
        return np.argsort(points.sum(axis=1), kind="stable")

    return _halving(order, keep)


def hypervolume(keep: float) -> Rule:
    """Asynchronous halving by what each run alone adds to the hypervolume at the rung. Those that
    add nothing are ranked as SMS-EMOA ranks them: by the front they are on once those before it are
    taken away."""

    def order(points: Points, reference: Sequence[float]) -> Order:
        layers = _layers(points)
        first = np.flatnonzero(layers == 0)
        gains = np.zeros(len(points))
        gains[first] = [_gain(points[first], i, reference) for i in range(len(first))]
        return np.lexsort((-gains, layers))

    return _halving(order, keep)


def mo_asha(keep: float) -> Rule:
    """MO-ASHA (Schmucker et al. 2021): asynchronous halving by non-dominated sorting, within a
    front by the ε-net: the point that is farthest from those that were taken comes next."""

    def order(points: Points, reference: Sequence[float]) -> Order:
        scale = np.ptp(points, axis=0)
        scaled = (points - points.min(axis=0)) / np.where(scale > 0, scale, 1.0)
        layers, found = _layers(points), list[int]()
        for layer in range(int(layers.max()) + 1):
            found += _net(scaled, [int(i) for i in np.flatnonzero(layers == layer)])
        return np.array(found)

    return _halving(order, keep)


def _halving(order: Callable[[Points, Sequence[float]], Order], keep: float) -> Rule:
    """Stop what is not among the best part of the runs at a rung, in an order of them."""

    def stops(run: AtRung, others: Sequence[AtRung], reference: Sequence[float]) -> bool:
        if len(others) < FEW:
            return False
        points = np.array([(one.rate, one.distortion) for one in (run, *others)])
        place = int(np.flatnonzero(order(points, reference) == 0)[0])
        return place >= max(1, int(keep * len(points)))

    return stops


def _net(points: Points, left: list[int]) -> list[int]:
    """The points of a front in the order in which the ε-net takes them."""
    own = points[left]
    place = int(np.argmin(own[:, 0]))
    taken, apart = [left[place]], np.full(len(left), np.inf)
    while len(taken) < len(left):
        apart = np.minimum(apart, np.linalg.norm(own - own[place], axis=1))
        apart[place] = -1.0  # taken
        place = int(np.argmax(apart))
        taken.append(left[place])
    return taken


def _layers(points: Points) -> NDArray[np.int64]:
    """(n,) the front that each point is on once those before it are taken away."""
    layers, layer = np.full(len(points), -1), 0
    dominates = np.all(points[:, None] <= points[None], axis=2) & np.any(
        points[:, None] < points[None], axis=2
    )
    while (left := layers < 0).any():
        layers[left & ~(dominates & left[:, None]).any(axis=0)] = layer
        layer += 1
    return layers


def _gain(front: Points, i: int, reference: Sequence[float]) -> float:
    """What the hypervolume of a front loses without one of its points."""
    rest = np.delete(front, i, axis=0)
    left = moocore.hypervolume(rest, ref=reference) if len(rest) else 0.0
    return float(moocore.hypervolume(front, ref=reference) - left)
