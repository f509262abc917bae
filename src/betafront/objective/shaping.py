"""Shapings: the function of the KL that stands in the loss in place of the rate R.

Each maps the KL of a batch to a scalar in nats that the weight multiplies. Reported rates are never
shaped.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.schedules import Constant, Schedule


class Shaping(ABC):
    """A function of the KL in place of R."""

    hides_beta: ClassVar[bool] = False
    """Whether the β in effect differs from the weight, and must be read from the trained model."""

    holds: ClassVar[str] = ""
    """The quantity that is held to a value: `rate`, `part` (of the rate); empty for none."""

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

    def check(self, latents: int) -> None:  # noqa: B027, most shapings suit every model
        """Refuse a number of latents that the shaping cannot work with.

        Raises:
            UserError: naming the way out.
        """


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

    hides_beta: ClassVar[bool] = True
    holds: ClassVar[str] = "rate"

    nats: float = 10.0
    schedule: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        _nats("shaping.nats", self.nats)

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
    as for a capacity.

    Args:
        nats: λ per group once the schedule has reached 1 (their bits are nats).
        group: latents per group, neighbours in order; with 1 each dimension is a group, with M the
            whole rate.
        schedule: the factor on λ.

    Source: Kingma et al. 2016, Improving variational inference with inverse autoregressive flow.
    """

    hides_beta: ClassVar[bool] = True
    holds: ClassVar[str] = "part"

    nats: float = 0.5
    group: int = 1
    schedule: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        _nats("shaping.nats", self.nats)
        if isinstance(self.group, bool) or not isinstance(self.group, int) or self.group < 1:
            raise UserError(f"shaping.group must be a whole number of at least 1, not {self.group}")

    def __call__(self, kl: Tensor, progress: float) -> Tensor:
        groups: Tensor = kl.mean(0).unflatten(0, (-1, self.group)).sum(1)
        return groups.clamp(min=self.held_to(progress)).sum()

    def counted(self, kl: Tensor) -> Tensor:
        groups, least = kl.unflatten(1, (-1, self.group)).sum(2), self.held_to(1.0)
        return torch.where(groups.mean(0) > least, groups, least).sum(1)

    def held_to(self, progress: float) -> float:
        return self.nats * self.schedule(progress)

    def check(self, latents: int) -> None:
        if latents % self.group:
            raise UserError(
                f"shaping.group={self.group} does not divide the model's {latents} latents into "
                "equal groups: choose a divisor of model.latents"
            )


def _nats(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise UserError(f"{name} must be finite and not negative, not {value}")
