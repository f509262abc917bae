"""The Gaussian with one σ for all data dimensions: fixed, learned, or optimal."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import Likelihood, raised
from betafront.objective.likelihoods.spread import Mode, Spread, checked_lr_factor, mean_power


class Gaussian(Likelihood):
    """`p(x|z) = N(x; decoder(z), σ²)`, one σ shared by all examples and data dimensions.

    Args:
        sigma: σ itself where it is fixed, 1 by default; where it is learned, where learning starts,
            by default at the root mean squared error of the first batch.
        mode: `fixed`, `learned` or `optimal` (σ² = mean squared error), as in `Spread`.
        momentum: of the running mean of the squared error, per optimiser step.
        lr_factor: of a learned σ, as in `Likelihood`.
    """

    density: ClassVar[bool] = True

    def __init__(
        self,
        sigma: float | None = None,
        mode: Mode = "optimal",
        momentum: float = 0.99,
        lr_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.lr_factor = checked_lr_factor(lr_factor)
        self.spread = Spread("sigma", sigma, mode, power=2, momentum=momentum)

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        squares = (x - params) ** 2
        return log_normal(squares, self.spread.log(squares))

    @torch.no_grad()
    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        return self.deviation(params, x) if self.spread.learns_from_batches else None

    @property
    def unset(self) -> bool:
        return self.spread.unset

    def deviation(self, mean: Tensor, x: Tensor) -> Tensor | None:
        if self.spread.mode == "fixed":
            return None
        return mean_power((raised(x) - raised(mean)) ** 2)

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
