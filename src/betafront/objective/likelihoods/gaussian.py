"""The Gaussian with one σ for all data dimensions: fixed, learned, or optimal."""

import math
from collections.abc import Callable, Iterable
from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import raised
from betafront.objective.likelihoods.one_scale import OneScale
from betafront.objective.likelihoods.spread import Mode, Spread


class Gaussian(OneScale):
    """`p(x|z) = N(x; decoder(z), σ²)`, one σ shared by all examples and data dimensions.

    Args:
        sigma: σ itself where it is fixed, 1 by default; where it is learned, where learning starts,
            by default at the root mean squared error of the untrained model.
        mode: `fixed`, `learned` or `optimal` (σ² = mean squared error), as in `Spread`.
        momentum: of the running mean of the squared error, per optimiser step.
        lr_factor: of a learned σ, as in `Likelihood`.
        calibrate: as in `OneScale`.
    """

    density: ClassVar[bool] = True

    def __init__(
        self,
        sigma: float | None = None,
        mode: Mode = "optimal",
        momentum: float = 0.99,
        lr_factor: float = 1.0,
        calibrate: bool = False,
    ) -> None:
        spread = Spread("sigma", sigma, mode, power=2, momentum=momentum)
        super().__init__(spread, lr_factor, calibrate)

    def log_prob_of(self, powers: Tensor, log_scale: Tensor) -> Tensor:
        return log_normal(powers, log_scale)

    def mean_log_prob(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """As of any likelihood: log p is linear in the squares, whose mean is the variance and the
        square of what the mean is off by."""
        if type(self).powers is not Gaussian.powers:
            return super().mean_log_prob(x)
        variance, mean = torch.var_mean(raised(x), 0, correction=0, keepdim=True)

        def of(params: Tensor) -> Tensor:
            squares = variance + self.powers(raised(params), mean)
            return self.log_prob_of(squares, self.spread.log(squares)).sum()

        return of

    def powers(self, mean: Tensor, x: Tensor) -> Tensor:
        return (x - mean) ** 2

    def constant(self, batches: Iterable[Tensor]) -> Tensor:
        """The mean."""
        mean, error = mean_and_error(batches)
        if not self.fixed:
            self.spread.set(error.clamp(min=torch.finfo(torch.float32).tiny))
        return mean.float()

    def score(self, params: Tensor, x: Tensor) -> Tensor:
        return ((x - raised(params)) / self.scale**2).flatten(1)[:, None]

    def information(self, params: Tensor, x: Tensor) -> Tensor:
        return torch.full_like(raised(params), self.scale**-2).flatten(1)[:, None]

    def sample(self, params: Tensor) -> Tensor:
        mean = raised(params)
        return mean + torch.exp(self.spread.log()) * torch.randn_like(mean)

    @property
    def sigma(self) -> float:
        return self.scale


def mean_and_error(batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """(1, C, …) float64 the mean of x over all examples, and () the mean squared error of it."""
    near: Tensor | float = 0.0  # the mean of the first batch: squares about it keep their digits
    gaps, squares, n = torch.zeros(()), torch.zeros(()), 0
    for x in batches:
        near = raised(x).mean(0) if n == 0 else near
        gap = raised(x) - near
        gaps = gaps.to(x.device) + gap.sum(0).double()
        squares = squares.to(x.device) + (gap**2).sum().double()
        n += len(x)
    return (near + gaps / n)[None], squares / n / gaps.numel() - ((gaps / n) ** 2).mean()


def log_normal(squares: Tensor, log_sigma: Tensor) -> Tensor:
    """Log density of a Gaussian, from squared distances to its mean."""
    return -0.5 * (squares * torch.exp(-2 * log_sigma) + math.log(2 * math.pi)) - log_sigma
