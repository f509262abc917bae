"""The Laplace with one scale for all data dimensions: fixed, learned, or optimal."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import Likelihood, raised
from betafront.objective.likelihoods.spread import Mode, Spread, checked_lr_factor, mean_power


class Laplace(Likelihood):
    """`p(x|z) = exp(-|x - decoder(z)| / b) / 2b`: absolute error, with its scale written down.

    Args:
        scale: b itself where it is fixed, 1 by default; where it is learned, where learning starts,
            by default at the mean absolute error of the first batch.
        mode: `fixed`, `learned` or `optimal` (b = mean absolute error), as in `Spread`.
        momentum: of the running mean of the absolute error, per optimiser step.
        lr_factor: of a learned b, as in `Likelihood`.
    """

    density: ClassVar[bool] = True

    def __init__(
        self,
        scale: float | None = None,
        mode: Mode = "optimal",
        momentum: float = 0.99,
        lr_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.lr_factor = checked_lr_factor(lr_factor)
        self.spread = Spread("scale", scale, mode, power=1, momentum=momentum)

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        errors = (x - params).abs()
        log_scale = self.spread.log(errors)
        return -errors * torch.exp(-log_scale) - log_scale - math.log(2)

    @torch.no_grad()
    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        return self.deviation(params, x) if self.spread.learns_from_batches else None

    @property
    def unset(self) -> bool:
        return self.spread.unset

    def deviation(self, mean: Tensor, x: Tensor) -> Tensor | None:
        if self.spread.mode == "fixed":
            return None
        return mean_power((raised(x) - raised(mean)).abs())

    def remember(self, statistic: Tensor | None) -> None:
        self.spread.remember(statistic)

    def mean(self, params: Tensor) -> Tensor:
        return raised(params)

    def sample(self, params: Tensor) -> Tensor:
        mean = raised(params)
        # The difference of two exponential draws is a Laplace draw.
        one, other = (torch.empty_like(mean).exponential_() for _ in range(2))
        return mean + torch.exp(self.spread.log()) * (one - other)
