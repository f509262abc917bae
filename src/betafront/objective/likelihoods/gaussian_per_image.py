"""The Gaussian with a σ per image, which the decoder gives."""

from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import Likelihood
from betafront.objective.likelihoods.gaussian import log_normal
from betafront.objective.likelihoods.spread import LOG_CEILING, LOG_FLOOR, between


class GaussianPerImage(Likelihood):
    """`p(x|z) = N(x; m(z), σ(z)²)`, one σ for all data dimensions of an image.

    The decoder gives a second map, whose mean over the image is log σ(z), kept softly between
    `LOG_FLOOR` and `LOG_CEILING`. So σ is a function of z, and this is a density. The loss known as
    "log-MSE per image" is not: it fits σ to the very x that it scores, and its author advises
    against it (Rybkin et al. 2021, and orybkin/sigma-vae issue 1).
    """

    outputs = 2
    density: ClassVar[bool] = True

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        mean, log_sigma = self._mean_and_log_sigma(params)
        return log_normal((x - mean) ** 2, log_sigma)

    def mean(self, params: Tensor) -> Tensor:
        return self._mean_and_log_sigma(params)[0]

    def sample(self, params: Tensor) -> Tensor:
        mean, log_sigma = self._mean_and_log_sigma(params)
        return mean + torch.exp(log_sigma) * torch.randn_like(mean)

    def _mean_and_log_sigma(self, params: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = self.unpack(params).unbind(1)
        level = raw.mean(tuple(range(1, raw.ndim)), keepdim=True)
        return mean, between(level, LOG_FLOOR, LOG_CEILING)
