"""The Laplace with one scale for all data dimensions: fixed, learned, or optimal."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import raised
from betafront.objective.likelihoods.one_scale import OneScale
from betafront.objective.likelihoods.spread import Mode, Spread


class Laplace(OneScale):
    """`p(x|z) = exp(-|x - decoder(z)| / b) / 2b`: absolute error, with its scale written down.

    Args:
        scale: b itself where it is fixed, 1 by default; where it is learned, where learning starts,
            by default at the mean absolute error of the untrained model.
        mode: `fixed`, `learned` or `optimal` (b = mean absolute error), as in `Spread`.
        momentum: of the running mean of the absolute error, per optimiser step.
        lr_factor: of a learned b, as in `Likelihood`.
        calibrate: as in `OneScale`.
    """

    density: ClassVar[bool] = True

    def __init__(
        self,
        scale: float | None = None,
        mode: Mode = "optimal",
        momentum: float = 0.99,
        lr_factor: float = 1.0,
        calibrate: bool = False,
    ) -> None:
        spread = Spread("scale", scale, mode, power=1, momentum=momentum)
        super().__init__(spread, lr_factor, calibrate)

    def log_prob_of(self, powers: Tensor, log_scale: Tensor) -> Tensor:
        return -powers * torch.exp(-log_scale) - log_scale - math.log(2)

    def powers(self, mean: Tensor, x: Tensor) -> Tensor:
        return (x - mean).abs()

    def sample(self, params: Tensor) -> Tensor:
        mean = raised(params)
        # The difference of two exponential draws is a Laplace draw.
        one, other = (torch.empty_like(mean).exponential_() for _ in range(2))
        return mean + torch.exp(self.spread.log()) * (one - other)
