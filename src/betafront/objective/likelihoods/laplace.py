"""The Laplace with one scale for all data dimensions: fixed, learned, or optimal."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import raised
from betafront.objective.likelihoods.spread import Mode, Spread, Spreading


class Laplace(Spreading):
    """`p(x|z) = exp(-|x - decoder(z)| / b) / 2b`: absolute error, with its scale written down.

    Args:
        scale: b itself where it is fixed; where it is learned, where learning starts.
        mode: `fixed`, `learned` or `optimal` (b = mean absolute error), as in `Spread`.
        momentum: of the running mean of the absolute error, per optimiser step.
    """

    density: ClassVar[bool] = True

    def __init__(self, scale: float = 1.0, mode: Mode = "optimal", momentum: float = 0.99) -> None:
        super().__init__()
        self.spread = Spread("scale", scale, mode, power=1, momentum=momentum)

    def powers(self, params: Tensor, x: Tensor) -> Tensor:
        return (x - params).abs()

    def log_density(self, powers: Tensor, log_scale: Tensor) -> Tensor:
        return -powers * torch.exp(-log_scale) - log_scale - math.log(2)

    def sample(self, params: Tensor) -> Tensor:
        mean = raised(params)
        # The difference of two exponential draws is a Laplace draw.
        one, other = (torch.empty_like(mean).exponential_() for _ in range(2))
        return mean + torch.exp(self.spread.log()) * (one - other)
