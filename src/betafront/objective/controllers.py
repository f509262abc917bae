"""Closed loops: β is set from D or R during training, so that D or R comes to a target.

A controller is a pure function from its state and the observation of a step to the next state. The
state is a small tensor that the run keeps and checkpoints; the controller itself keeps none.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.numbers import at_least, between, log
from betafront.objective.schedules import Constant, Schedule


class Observation(NamedTuple):
    """The observation of one optimiser step: means over the batch, without gradients.

    Attributes:
        distortion, rate: () in nats per example.
        mse: () squared error per data dimension; NaN where it was not measured.
        pixels: N.
    """

    distortion: Tensor
    rate: Tensor
    mse: Tensor
    pixels: int


class Controller(ABC):
    """A rule for β over the steps of a run."""

    closed: ClassVar[bool] = True
    """Whether β depends on the observations."""

    @abstractmethod
    def start(self, beta: float) -> Tensor:
        """The state before the first step; `beta` is the canonical β to begin with."""

    @abstractmethod
    def beta(self, state: Tensor, beta: float) -> Tensor | float:
        """The canonical β in force; `beta` is the written one."""

    @property
    @abstractmethod
    def holds(self) -> str:
        """The quantity that is held to the target: `distortion`, `mse`, `rate`; empty for none."""

    @abstractmethod
    def step(self, state: Tensor, observed: Observation, progress: float) -> Tensor:
        """The next state."""

    def held_to(self, progress: float) -> float:
        """The target at `progress`, in the unit of the held quantity; NaN where there is none."""
        return math.nan

    def at_an_end(self, beta: float) -> bool:
        """Whether `beta` is at an end of its range, where the target cannot be reached."""
        return False


@dataclass(frozen=True)
class OpenLoop(Controller):
    """No controller: β is what was written."""

    closed: ClassVar[bool] = False

    def start(self, beta: float) -> Tensor:
        return torch.zeros(0)

    def beta(self, state: Tensor, beta: float) -> Tensor | float:
        return beta

    @property
    def holds(self) -> str:
        return ""

    def step(self, state: Tensor, observed: Observation, progress: float) -> Tensor:
        return state


@dataclass(frozen=True)
class _ClosedLoop(Controller):
    """The parts that all closed loops have.

    Args:
        target: of the held quantity, once the schedule has reached 1.
        schedule: the factor on the target.
        decay: the part of the loop's memory that a step forgets once its schedule has reached 1.
            It damps the loop, and keeps it short of its target while it is above 0.
        decay_schedule: the factor on `decay`.
        range: the least and the greatest canonical β.
    """

    target: float
    schedule: Schedule = field(default_factory=Constant, kw_only=True)
    decay: float = field(default=0.0, kw_only=True)
    decay_schedule: Schedule = field(default_factory=Constant, kw_only=True)
    range: Sequence[float] = field(default=(1e-3, 1e3), kw_only=True)

    def __post_init__(self) -> None:
        if not math.isfinite(self.target):
            raise UserError(f"controller.target must be a finite number, not {self.target}")
        if not 0 <= self.decay < 1:
            raise UserError(f"controller.decay must be in [0, 1), not {self.decay}")
        if len(self.range) != 2 or not 0 <= self.range[0] < self.range[1] < math.inf:
            raise UserError(
                f"controller.range is [least, greatest] of β, as in [0.001,1000], not {self.range}"
            )

    def held_to(self, progress: float) -> float:
        return self.target * self.schedule(progress)

    def at_an_end(self, beta: float) -> bool:
        low, high = self.range
        return not low * 1.01 < beta < high * 0.99

    def retained(self, progress: float) -> float:
        """The part of the memory that a step keeps."""
        kept: float = at_least(0.0, 1 - self.decay * self.decay_schedule(progress))
        return kept


@dataclass(frozen=True)
class GECO(_ClosedLoop):
    """The least rate at a given distortion (Rezende & Viola 2018, Taming VAEs, algorithm 1).

    Their loss `R + λ·(D - κ)` is proportional to D + β·R with β = 1/λ. The multiplier follows the
    constraint's moving average in its logarithm, `ln λ += speed · (D - κ)`. It stops at the ends of
    the range, so that it does not wind up against a target that cannot be reached.

    Args:
        target: κ; nats per example of D, or the squared error per data dimension.
        watches: `distortion`, or `mse`. The squared error is compared on the scale of its own
            Gaussian, `N/2 · ln(MSE/κ)` nats, so that `speed` means the same for both.
        speed: the change of ln λ per step and nat of violation.
        clip: the greatest violation, in nats, that a step acts on: the first steps of a run are far
            from the target.
        momentum: of the moving average, per step.
    """

    watches: Literal["distortion", "mse"] = "distortion"
    speed: float = 3e-3
    clip: float = 10.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.watches not in ("distortion", "mse"):
            raise UserError(f"controller.watches is distortion or mse, not '{self.watches}'")
        if self.watches == "mse" and self.target <= 0:
            raise UserError(f"controller.target of an MSE must be above 0, not {self.target}")
        if self.range[0] == 0:
            raise UserError("controller.range must begin above 0: GECO works in ln β")
        for key in ("speed", "clip"):
            _above_zero(f"controller.{key}", getattr(self, key))
        if not 0 <= self.momentum < 1:
            raise UserError(f"controller.momentum must be in [0, 1), not {self.momentum}")

    def start(self, beta: float) -> Tensor:
        """(3,) ln β, the sum of the moving average, and the sum of its weights."""
        return torch.tensor([math.log(min(max(beta, self.range[0]), self.range[1])), 0.0, 0.0])

    def beta(self, state: Tensor, beta: float) -> Tensor | float:
        return between(state[0].exp(), *self.range)  # exp(log(end)) is not exactly the end

    @property
    def holds(self) -> str:
        return self.watches

    def step(self, state: Tensor, observed: Observation, progress: float) -> Tensor:
        log_beta, total, weight = state
        violation = self._violation(observed, progress).to(state)
        total = self.momentum * total + (1 - self.momentum) * violation
        weight = self.momentum * weight + (1 - self.momentum)
        moved = self.retained(progress) * log_beta - self.speed * total / weight
        low, high = (log(end) for end in self.range)
        return torch.stack([between(moved, low, high), total, weight])

    def _violation(self, observed: Observation, progress: float) -> Tensor:
        target = self.held_to(progress)
        if self.watches == "distortion":
            nats = observed.distortion - target
        else:
            least = torch.finfo(observed.mse.dtype).tiny
            ratio = observed.mse.clamp(min=least).log() - log(at_least(least, target))
            nats = 0.5 * observed.pixels * ratio
        return between(nats, -self.clip, self.clip)


@dataclass(frozen=True)
class ControlVAE(_ClosedLoop):
    """A PI controller that holds the rate to a target (Shao et al. 2020, ControlVAE).

    `β = least + K_p / (1 + exp(e)) - K_i Σ e` with the error `e = target - R`. The sum stops where
    it brings β to an end of its range: anti-windup (a known implementation tests `β < 0 and β > 1`,
    which is never true). A step that would pass the end is cut to it and not left out: else β would
    stay where it is for as long as the error is large.

    Args:
        target: of R, in nats per example.
        kp: K_p, the most that the proportional part adds to β.
        ki: K_i, the change of β per step and nat of error.
    """

    kp: float = 0.01
    ki: float = 1e-2
    range: Sequence[float] = field(default=(0.0, 100.0), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target < 0:
            raise UserError(f"controller.target of a rate cannot be negative: {self.target}")
        for key in ("kp", "ki"):
            _above_zero(f"controller.{key}", getattr(self, key))

    def start(self, beta: float) -> Tensor:
        """(2,) the integral part, and β."""
        beta = min(max(beta, self.range[0]), self.range[1])
        return torch.tensor([beta - self.range[0] - 0.5 * self.kp, beta])

    def beta(self, state: Tensor, beta: float) -> Tensor | float:
        return state[1]

    @property
    def holds(self) -> str:
        return "rate"

    def step(self, state: Tensor, observed: Observation, progress: float) -> Tensor:
        low, high = self.range
        error = (self.held_to(progress) - observed.rate).to(state)
        proportional = low + self.kp * torch.sigmoid(-error)
        integral = self.retained(progress) * state[0] - self.ki * error
        integral = integral.clamp(low - proportional, high - proportional)
        return torch.stack([integral, between(proportional + integral, low, high)])


def _above_zero(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise UserError(f"{name} must be finite and above 0, not {value}")
