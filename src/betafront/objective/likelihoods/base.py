"""What every likelihood answers: log p(x|z), the mean, a sample, and whether the data fits it."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from betafront.errors import UserError


class Likelihood(nn.Module, ABC):
    """The decoder's output distribution p(x|z), factorised over the data dimensions.

    The decoder's raw output `params` has the shape of `x`, `(B, C, H, W)`; what it means (a mean, a
    logit) is the likelihood's own. A likelihood may have parameters or buffers of its own (σ).
    """

    support: ClassVar[str]
    """The values that have a density or a mass, in words."""

    @abstractmethod
    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """(B,) log p(x|z) in nats, summed over the data dimensions, with every constant."""

    @abstractmethod
    def mean(self, params: Tensor) -> Tensor:
        """(B, C, H, W) E[x|z]: the reconstruction to look at."""

    @abstractmethod
    def sample(self, params: Tensor) -> Tensor:
        """(B, C, H, W) a draw from p(x|z)."""

    @property
    def sigma(self) -> float | None:
        """σ of a Gaussian in the data's units; None for a likelihood that has none."""
        return None

    def check(self, x: Tensor) -> None:
        """Refuse data that lies outside the support.

        Raises:
            UserError: naming the likelihood, the offending values and the way out.
        """


def outside(x: Tensor, low: float, high: float) -> str | None:
    """In words, how far `x` leaves [low, high]; None when it does not."""
    least, most = torch.aminmax(x)
    if least < low or most > high:
        return f"the data runs from {least:.4g} to {most:.4g}"
    return None


def check_unit_interval(x: Tensor, name: str) -> None:
    """Refuse data outside [0, 1].

    Raises:
        UserError: for the likelihood `name`.
    """
    problem = outside(x, 0.0, 1.0)
    if problem:
        raise UserError(
            f"likelihood={name} is for data in [0, 1], but {problem}: "
            "scale the images to [0, 1] or use likelihood=gaussian"
        )
