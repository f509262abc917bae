"""Open-loop factors on β over the optimiser steps of a run.

A schedule is a function of the progress, `step / steps` in [0, 1], so that the same choice means
the same curve for a short run and for a long one. It starts from 0 where it anneals (Bowman et al.
2015, section 3.1) and ends at 1: the β that a run reports is the one it is trained at in the end.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from betafront.errors import UserError


class Schedule(Protocol):
    """A factor on β as a function of progress."""

    def __call__(self, progress: float) -> float:
        """The factor at `progress` in [0, 1]."""
        ...


@dataclass(frozen=True)
class Constant:
    """β from the first step on."""

    def __call__(self, progress: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Linear:
    """From 0 to 1 in a straight line over the first part of the run, then 1.

    Args:
        warmup: the part of the run's optimiser steps that the ramp takes, in (0, 1].
    """

    warmup: float = 0.5

    def __post_init__(self) -> None:
        _fraction("schedule.warmup", self.warmup)

    def __call__(self, progress: float) -> float:
        return min(1.0, progress / self.warmup)


@dataclass(frozen=True)
class Sigmoid:
    """The logistic annealing of Bowman et al. (2015, Figure 2), scaled to go from 0 to 1 exactly.

    Args:
        centre: the progress at which the curve is steepest, in (0, 1].
        steepness: the logistic's rate per unit of progress; 10 to 90 % takes `4.4 / steepness`.
    """

    centre: float = 0.25
    steepness: float = 20.0

    def __post_init__(self) -> None:
        _fraction("schedule.centre", self.centre)
        if not 0 < self.steepness < math.inf:
            raise UserError(f"schedule.steepness must be finite and above 0, not {self.steepness}")

    def __call__(self, progress: float) -> float:
        start, here, end = (self._curve(p) for p in (0.0, progress, 1.0))
        return (here - start) / (end - start)

    def _curve(self, progress: float) -> float:
        # The logistic is (1 + tanh) / 2; the offset would cost a flat curve its digits.
        return math.tanh(0.5 * self.steepness * (progress - self.centre))


def _fraction(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise UserError(f"{name} is a part of the run's optimiser steps, in (0, 1], not {value}")
