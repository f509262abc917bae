"""The Gaussian with one σ for all data dimensions: fixed, learned, or optimal."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import Likelihood, raised
from betafront.objective.likelihoods.spread import Mode, Spread, mean_power


class Gaussian(Likelihood):
    """`p(x|z) = N(x; decoder(z), σ²)`, one σ shared by all examples and data dimensions.

    Args:
        sigma: σ itself where it is fixed; where it is learned, where learning starts.
        mode: `fixed`, `learned` or `optimal` (σ² = mean squared error), as in `Spread`.
        momentum: of the running mean of the squared error, per optimiser step.
    """

    density: ClassVar[bool] = True

    def __init__(self, sigma: float = 1.0, mode: Mode = "optimal", momentum: float = 0.99) -> None:
        super().__init__()
        self.spread = Spread("sigma", sigma, mode, power=2, momentum=momentum)

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        squares = (x - params) ** 2
        return log_normal(squares, self.spread.log(squares))

    @torch.no_grad()
    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        return mean_power((raised(x) - raised(params)) ** 2) if self.spread.adapts else None

    def remember(self, statistic: Tensor | None) -> None:
        self.spread.remember(statistic)

    def mean(self, params: Tensor) -> Tensor:
        return raised(params)

    def sample(self, params: Tensor) -> Tensor:
        mean = raised(params)
        return mean + torch.exp(self.spread.log()) * torch.randn_like(mean)

    @property
    def sigma(self) -> float:
        return math.exp(self.spread.log().item())


def log_normal(squares: Tensor, log_sigma: Tensor) -> Tensor:
    """Log density of a Gaussian, from squared distances to its mean."""
    return -0.5 * (squares * torch.exp(-2 * log_sigma) + math.log(2 * math.pi)) - log_sigma
