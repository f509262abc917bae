"""Shapings: the function of the KL that stands in the loss in place of the rate R.

Each maps the KL of a batch to a scalar in nats that the weight multiplies. Reported rates are never
shaped.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeVar

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.numbers import in_one
from betafront.objective.schedules import Constant, Schedule

Shapes = TypeVar("Shapes", bound="Shaping")


class Shaping(ABC):
    """A function of the KL in place of R."""

    weighs_rate: ClassVar[bool] = True
    """Whether the weight is the β of some part of the rate; else, as the γ of a capacity, it is no
    β at all, and β must be read from the trained model."""

    holds: ClassVar[str] = ""
    """The quantity that is held to a value: `rate`, `part` (of the rate); empty for none."""

    @property
    def hides_beta(self) -> bool:
        """Whether the β in effect for all of the rate differs from the weight, and is to be read
        from the trained model where that can be done."""
        return False

    @abstractmethod
    def __call__(self, kl: Tensor, progress: float) -> Tensor:
        """The scalar in place of R, in nats.

        Args:
            kl: (B, M) KL per example and latent.
            progress: in [0, 1].
        """

    def slope(self, kl: Tensor, progress: float) -> Tensor:
        """() the derivative of the shaped rate by R: times the weight, the β in force."""
        return kl.new_ones(())

    def counted(self, kl: Tensor) -> Tensor:
        """(B,) what is counted of the KL of each example of a whole split once the schedule has
        reached 1: their mean is the shaped rate of the split. R itself where no such values exist.

        Args:
            kl: (B, M) KL per example and latent.
        """
        return kl.sum(-1)

    def held_to(self, progress: float) -> float:
        """The value that R or a part of it is held to at `progress`, in nats; NaN where there is
        none."""
        return math.nan

    def factors(self, progress: float) -> tuple[float, ...]:
        """The factors on β of the layers of latents at `progress`, bottom to top; none where all
        have β itself."""
        return ()

    def of_layers(self, widths: Sequence[int]) -> "Shaping":
        """The shaping for a model with layers of these widths, bottom to top.

        Raises:
            UserError: it is for other models; naming the way out.
        """
        return self


@dataclass(frozen=True)
class Plain(Shaping):
    """R as it is."""

    def __call__(self, kl: Tensor, progress: float) -> Tensor:
        return kl.sum(-1).mean()


@dataclass(frozen=True)
class Capacity(Shaping):
    """`|R - C|`: the rate is held to a capacity (Burgess et al. 2018).

    The weight is their γ and has to be large (they use 1,000 with sums), but a γ far above the β
    that holds R at C costs distortion: once R has come to C, the sign of R - C and with it the
    gradient flips from step to step. The β in effect is read from the trained model
    (`betafront.metrics.stationary_beta`). It is not the mean of the flipping ±γ, since the sign of
    a batch depends on its gradient.

    Args:
        nats: C once the schedule has reached 1, per example.
        schedule: the factor on C; Burgess et al. raise it in a straight line from 0.
    """

    weighs_rate: ClassVar[bool] = False
    holds: ClassVar[str] = "rate"

    nats: float = 10.0
    schedule: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        _nats("shaping.nats", self.nats)

    @property
    def hides_beta(self) -> bool:
        return True

    def __call__(self, kl: Tensor, progress: float) -> Tensor:
        return (kl.sum(-1).mean() - self.held_to(progress)).abs()

    def slope(self, kl: Tensor, progress: float) -> Tensor:
        return torch.sign(kl.sum(-1).mean() - self.held_to(progress))

    def held_to(self, progress: float) -> float:
        return self.nats * self.schedule(progress)


@dataclass(frozen=True)
class FreeBits(Shaping):
    """`Σ_g max(λ, KL_g)` over groups of latents, KL_g a mean over the batch (Kingma et al. 2016):
    the KL of a group below λ costs nothing.

    A group that comes to rest at λ is held there by a multiplier between 0 and β, and only groups
    above λ have β itself. The β in effect for all groups together is read from the trained model,
    as for a capacity; from a model that is not factorised it cannot be read, and the β of the run
    is the written one, that of the groups above λ.

    Args:
        nats: λ per group once the schedule has reached 1 (their bits are nats).
        group: latents per group, neighbours in order; with 1 each dimension is a group, with M the
            whole rate, with `layer` each layer of a hierarchy.
        schedule: the factor on λ.

    Source: Kingma et al. 2016, Improving variational inference with inverse autoregressive flow.
    """

    holds: ClassVar[str] = "part"

    nats: float = 0.5
    group: int | Literal["layer"] = 1
    schedule: Schedule = field(default_factory=Constant)
    widths: tuple[int, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        _nats("shaping.nats", self.nats)
        if self.group != "layer" and not (type(self.group) is int and self.group >= 1):
            raise UserError(
                f"shaping.group must be a whole number of at least 1, or layer, not {self.group}"
            )

    @property
    def hides_beta(self) -> bool:
        return True

    def __call__(self, kl: Tensor, progress: float) -> Tensor:
        return self._groups(kl.mean(0)).clamp(min=self.held_to(progress)).sum()

    def counted(self, kl: Tensor) -> Tensor:
        groups, least = self._groups(kl), self.held_to(1.0)
        return torch.where(groups.mean(0) > least, groups, least).sum(1)

    def held_to(self, progress: float) -> float:
        return self.nats * self.schedule(progress)

    def of_layers(self, widths: Sequence[int]) -> "FreeBits":
        if self.group == "layer":
            return _fitted(self, widths)
        if sum(widths) % self.group:
            raise UserError(
                f"shaping.group={self.group} does not divide the model's {sum(widths)} latents "
                "into equal groups: choose a divisor of model.latents"
            )
        return self

    def _groups(self, kl: Tensor) -> Tensor:
        """(…, groups) the KL of each group, from that of (…, M) latents."""
        if self.group == "layer":
            return rates_of_layers(kl, self.widths)
        groups: Tensor = kl.unflatten(-1, (-1, self.group)).sum(-1)
        return groups


@dataclass(frozen=True)
class Layers(Shaping):
    """`Σ_i w_i · s_i(t) · R_i` over the layers of a hierarchy: each has a weight and a schedule of
    its own.

    The canonical β of the run stays what is written: that of a layer whose weight is 1. Where the
    weights differ, no one β stands for all of the rate. The β in force over the steps is the mean
    of the layers' by their rates, the slope of the loss where all rates change in proportion.

    Args:
        weights: w_i, the factor on β of each layer, bottom to top.
        schedules: s_i, the factor on it over the run, of each layer; none where all are 1 from the
            first step on. They come beside the schedule of β itself.
    """

    weights: Sequence[float]
    schedules: Sequence[Schedule] = ()
    widths: tuple[int, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        listed = isinstance(self.weights, list | tuple)
        if not listed or not all(
            type(w) in (int, float) and 0 <= w < math.inf for w in self.weights
        ):
            raise UserError(
                "shaping.weights must be a list of finite numbers, not negative, one for each "
                f"layer, as [1,0.5], not {self.weights}"
            )
        for schedule in self.schedules:
            if not callable(schedule):
                raise UserError(
                    "shaping.schedules is a list of a schedule for each layer, as "
                    f"[{{_target_: betafront.objective.Linear, warmup: 0.2}}], not {schedule!r}"
                )

    @property
    def hides_beta(self) -> bool:
        return any(weight != 1 for weight in self.weights)

    def __call__(self, kl: Tensor, progress: float) -> Tensor:
        return self._weighted(rates_of_layers(kl.mean(0), self.widths), progress)

    def slope(self, kl: Tensor, progress: float) -> Tensor:
        rates = rates_of_layers(kl.mean(0), self.widths)
        total = rates.sum()
        return self._weighted(rates, progress) / torch.where(total == 0, 1, total)

    def counted(self, kl: Tensor) -> Tensor:
        return self._weighted(rates_of_layers(kl, self.widths), 1.0)

    def factors(self, progress: float) -> tuple[float, ...]:
        schedules = self.schedules or [Constant()] * len(self.weights)
        return tuple(w * s(progress) for w, s in zip(self.weights, schedules, strict=True))

    def of_layers(self, widths: Sequence[int]) -> "Layers":
        for key, given in (("weights", self.weights), ("schedules", self.schedules)):
            if len(given) != len(widths) and (given or key == "weights"):
                raise UserError(
                    f"shaping.{key} has {len(given)} of {len(widths)} layers of latents "
                    f"({', '.join(map(str, widths))}): give one each, bottom to top"
                )
        return _fitted(self, widths)

    def _weighted(self, rates: Tensor, progress: float) -> Tensor:
        """(…) the weighted sum of the rates of (…, layers)."""
        return (rates * in_one(self.factors(progress), rates)).sum(-1)


def _fitted(shaping: Shapes, widths: Sequence[int]) -> Shapes:
    """A copy of a shaping that knows the widths of the layers."""
    fitted = copy(shaping)
    object.__setattr__(fitted, "widths", tuple(widths))
    return fitted


def rates_of_layers(kl: Tensor, widths: Sequence[int]) -> Tensor:
    """(…, layers) the rate of each layer in nats, from the KL of (…, M) latents.

    Args:
        kl: of the layers side by side.
        widths: latents of each.
    """
    return torch.stack([part.sum(-1) for part in kl.split(list(widths), -1)], -1)


def _nats(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise UserError(f"{name} must be finite and not negative, not {value}")
