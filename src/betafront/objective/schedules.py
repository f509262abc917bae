"""Open-loop curves over the optimiser steps of a run.

A schedule is a function of the progress, `step / steps` in [0, 1], so that the same choice means
the same curve for a short run and for a long one. It is a factor on the scheduled quantity (β, the
capacity C, free nats, a controller's target): it starts from `start`, which is 0 for annealing
(Bowman et al. 2015, section 3.1), and ends at 1, so that the quantity that a run reports is the one
in force at its end.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from betafront.errors import UserError


class Schedule(Protocol):
    """A factor as a function of progress."""

    def __call__(self, progress: float) -> float:
        """The factor at `progress` in [0, 1]."""
        ...


@dataclass(frozen=True)
class Constant:
    """1 from the first step on."""

    def __call__(self, progress: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Ramp(ABC):
    """A schedule from `start` to 1 along a curve of its own.

    Args:
        start: the factor before the first step; above 1 it falls.
    """

    start: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not 0 <= self.start < math.inf:
            raise UserError(f"schedule.start must be finite and not negative, not {self.start}")

    def __call__(self, progress: float) -> float:
        risen = self.risen(progress)
        return self.start * (1 - risen) + risen

    @abstractmethod
    def risen(self, progress: float) -> float:
        """The part of the way from `start` to 1 that is done, in [0, 1]."""


@dataclass(frozen=True)
class _Warmup(Ramp):
    """A ramp over the first part of the run, then 1.

    Args:
        warmup: the part of the run's optimiser steps that the ramp takes, in (0, 1].
    """

    warmup: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _fraction("schedule.warmup", self.warmup)


@dataclass(frozen=True)
class Linear(_Warmup):
    """A straight line over the first part of the run (`warmup`), then 1."""

    def risen(self, progress: float) -> float:
        return min(1.0, progress / self.warmup)


@dataclass(frozen=True)
class Cosine(_Warmup):
    """Half a period of a cosine over the first part of the run (`warmup`), then 1: flat at both
    ends."""

    def risen(self, progress: float) -> float:
        return cosine(min(1.0, progress / self.warmup))


@dataclass(frozen=True)
class Sigmoid(Ramp):
    """The logistic annealing of Bowman et al. (2015, Figure 2), scaled to reach its ends exactly.

    Args:
        centre: the progress at which the curve is steepest, in (0, 1].
        steepness: the logistic's rate per unit of progress; 10 to 90 % takes `4.4 / steepness`.
    """

    centre: float = 0.25
    steepness: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _fraction("schedule.centre", self.centre)
        if not 0 < self.steepness < math.inf:
            raise UserError(f"schedule.steepness must be finite and above 0, not {self.steepness}")

    def risen(self, progress: float) -> float:
        start, here, end = (self._curve(p) for p in (0.0, progress, 1.0))
        return (here - start) / (end - start)

    def _curve(self, progress: float) -> float:
        # The logistic is (1 + tanh) / 2; without the offset a flat curve keeps its digits.
        return math.tanh(0.5 * self.steepness * (progress - self.centre))


@dataclass(frozen=True)
class Cyclical(Ramp):
    """Equal cycles, each a ramp and then 1 (Fu et al. 2019).

    The cycles are parts of the run, not of epochs, so that the ramp has its shape in a run of any
    length; the run ends at 1, since no cycle begins at its last step.

    Args:
        cycles: their number.
        ramp: the part of each cycle that its ramp takes, in (0, 1].
        shape: of the ramp, `linear`, `cosine` or `sigmoid` (logistic with 10 to 90 % in 0.44 of
            the ramp, scaled to reach its ends).
    """

    cycles: int = 4
    ramp: float = 0.5
    shape: Literal["linear", "cosine", "sigmoid"] = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        _count("schedule.cycles", self.cycles)
        _fraction("schedule.ramp", self.ramp)
        if self.shape not in SHAPES:
            raise UserError(f"schedule.shape is {', '.join(SHAPES)}, not '{self.shape}'")

    def risen(self, progress: float) -> float:
        turns = progress * self.cycles
        begun = min(_complete(turns), self.cycles - 1)  # no cycle begins at the end
        within = max(0.0, turns - begun)
        return SHAPES[self.shape](min(1.0, within / self.ramp))


@dataclass(frozen=True)
class Staircase(_Warmup):
    """Equal steps up over the first part of the run (`warmup`), then 1.

    Args:
        stairs: their number; the last reaches 1.
    """

    stairs: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        _count("schedule.stairs", self.stairs)

    def risen(self, progress: float) -> float:
        return min(1.0, _complete(progress / self.warmup * self.stairs) / self.stairs)


def cosine(x: float) -> float:
    """From 0 at 0 to 1 at 1 along half a period of a cosine."""
    return 0.5 * (1 - math.cos(math.pi * x))


def _complete(parts: float) -> int:
    """The number of complete parts, with a part that ends at this step, whose sum may be too small
    by a rounding error."""
    return math.floor(parts + 1e-9)


def _fraction(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise UserError(f"{name} is a part of the run's optimiser steps, in (0, 1], not {value}")


def _count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"{name} must be a whole number of at least 1, not {value}")


SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "cosine": cosine,
    "sigmoid": Sigmoid(centre=0.5, steepness=10.0).risen,
}
