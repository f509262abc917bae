"""The validated history of a run's objective at the final β: by how much it falls with more steps,
has risen above its least value, and jumps.

J(s) is D + βR on the validation split after s optimiser steps, at the final β throughout; of a run
that was trained with several draws of each example, their bound (`betafront.objective.importance`)
in its place. Every validation is of the same examples with the same noise, so the difference
between two rows has the standard error of paired values; what the optimiser's own jitter adds shows
in the scatter of the rows about their trend.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_ROWS = 5
"""Of the history at the final β, for a verdict."""

TOLERANCE = 1.0
"""Nats of J per doubling of the steps, or above its least value, below which a run is settled."""

SURE, SURE_OF_LEAST = 2.0, 3.0
"""Standard errors by which a slope must exceed 0, and by which the last row must exceed the least
of all, which chance makes lower than it would be another time."""

JUMP, JUMP_PART, JUMP_SURE = 5.0, 0.1, 6.0
"""J jumps where it is off its course by more than so many nats, by such a part of all that it
moved, and by so many standard errors of its paired noise."""

NORMAL_MEDIAN = 0.6745
"""The median of the absolute value of a standard normal number."""


@dataclass(frozen=True)
class Value:
    """A number of nats.

    Attributes:
        nats: the number.
        error: its standard error.
        sure: how many of these it must exceed, to be more than noise.
    """

    nats: float
    error: float
    sure: float = SURE

    @property
    def matters(self) -> bool:
        """Whether it is above 0 by more than noise, and above the tolerance give or take its
        standard error."""
        return self.nats > max(TOLERANCE + self.error, self.sure * self.error)

    def __str__(self) -> str:
        return f"{self.nats:.3g} ± {self.error:.2g} nats"


@dataclass(frozen=True)
class Curve:
    """The history of a run at its final β, a row per validation.

    Attributes:
        step: (r,) optimiser steps taken.
        value: (r,) J on the validation split, in nats.
        each: (r, k) J of the first k examples of the split.
        training: (r,) what J is of the training batches since the row before.
        gap: (r,) what J is on validation less that on training.
        examples: n of the validation split.
        lost: by how much J at the first row exceeds its least value before β was final, as in a
            ramp; None where there is no such row.
        what: J in words.
    """

    step: Array
    value: Array
    each: Array
    training: Array
    gap: Array
    examples: int
    lost: Value | None = None
    what: str = "D + βR"

    def __len__(self) -> int:
        return len(self.step)

    @property
    def best(self) -> int:
        """The row of the least J."""
        return int(self.value.argmin())

    def finite(self) -> "Curve":
        """The rows whose J is a finite number: a density may be 0 for an example early on."""
        there = np.isfinite(self.value) & np.isfinite(self.each).all(1)
        if there.all():
            return self
        return replace(
            self,
            step=self.step[there],
            value=self.value[there],
            each=self.each[there],
            training=self.training[there],
            gap=self.gap[there],
        )

    def paired_error(self, weights: Array) -> float:
        """The standard error of a weighted sum of the rows whose weights sum to 0."""
        return float((weights @ self.each).std(ddof=1) / math.sqrt(self.examples))

    def difference_error(self, one: int, other: int) -> float:
        """The paired standard error of the difference between two rows."""
        weights = np.zeros(len(self))
        weights[one] += 1
        weights[other] -= 1
        return self.paired_error(weights)


@dataclass(frozen=True)
class Jump:
    """A row of J that is off the course of its neighbours.

    Attributes:
        step: of the row.
        value: by how much.
    """

    step: int
    value: Value


def falling_by(curve: Curve) -> Value:
    """Nats by which J falls with each doubling of the steps, by the end: the slope there of a
    parabola through J against log2(step), over the last two thirds of the steps. A straight line
    does not see that a fall ends: on digits it said several nats where twice the steps brought
    none.

    Its error is that of the paired examples and that of the scatter about the parabola together.
    """
    later = _later(curve, 1 / 3)
    x, y = np.log2(curve.step[later] / curve.step[-1]), curve.value[later]
    powers = np.vander(x, 3, increasing=True)
    solved = np.linalg.pinv(powers)  # (3, rows): the coefficients from the values
    weights = np.zeros(len(curve))
    weights[later] = -solved[1]
    scatter = y - powers @ (solved @ y)
    of_row = math.sqrt(scatter @ scatter / max(1, len(x) - 3))
    of_fit = of_row * float(np.linalg.norm(solved[1]))
    return Value(float(weights @ curve.value), math.hypot(of_fit, curve.paired_error(weights)))


def over_least(curve: Curve) -> Value:
    """Nats by which J at the last row exceeds its least value, with the error of the paired
    examples and that of the jitter from row to row together."""
    if curve.best == len(curve) - 1:
        return Value(0.0, 0.0)
    nats = float(curve.value[-1] - curve.value[curve.best])
    paired = curve.difference_error(-1, curve.best)
    error = math.hypot(paired, math.sqrt(2) * jitter(curve))
    return Value(nats, error, SURE_OF_LEAST)


def jitter(curve: Curve) -> float:
    """The standard deviation of J from row to row about its trend, over the second half of the
    steps: from how far each row is from the middle of its neighbours, robust to single jumps."""
    bends = np.diff(curve.value[_later(curve)], 2)
    return float(np.median(np.abs(bends))) / NORMAL_MEDIAN / math.sqrt(6)


def jump(curve: Curve) -> Jump | None:
    """The greatest jump of J over the second half of the steps; None where no row stands out.

    A row jumps by how far it is above the straight line between its neighbours, and the last one by
    how far it is above the line through the two before. A curve that falls ever slower, as in
    training, lies below such lines, and one that overfits bends slowly.
    """
    wide = float(np.ptp(curve.value))
    found = [_height(curve, row) for row in _later(curve) if row >= 2]
    jumps = [
        one for one in found
        if one.value.nats > max(JUMP, JUMP_PART * wide, JUMP_SURE * one.value.error)
    ]  # fmt: skip
    return max(jumps, key=lambda one: one.value.nats, default=None)


def _height(curve: Curve, row: int) -> Jump:
    """How far a row is above the line through the rows beside it, or the two before the last."""
    last = row == len(curve) - 1
    one, other = (row - 2, row - 1) if last else (row - 1, row + 1)
    part = (curve.step[row] - curve.step[one]) / (curve.step[other] - curve.step[one])
    weights = np.zeros(len(curve))
    weights[row] = 1
    weights[[one, other]] -= [1 - part, part]
    return Jump(
        int(curve.step[row]), Value(float(weights @ curve.value), curve.paired_error(weights))
    )


def _later(curve: Curve, after: float = 0.5) -> NDArray[np.int64]:
    """The rows after a part of the steps, and no fewer than `LEAST_ROWS`."""
    first = int(np.searchsorted(curve.step, curve.step[-1] * after))
    return np.arange(min(first, len(curve) - LEAST_ROWS), len(curve))
