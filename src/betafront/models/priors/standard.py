"""The standard normal prior."""

import torch
from torch import Tensor

from betafront.models.posterior import Posterior, standard_normal
from betafront.models.priors.prior import Prior


class StandardNormal(Prior):
    """p(z) = N(0, 1) (Kingma & Welling 2014), which has no parameters.

    Args:
        latents: M.
    """

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.latents = latents

    def log_prob(self, z: Tensor) -> Tensor:
        return self.shares(z).sum(-1)

    def sample(self, n: int, noise: torch.Generator | None, like: Tensor) -> Tensor:
        return standard_normal((n, self.latents), noise, like)

    def kl(self, posterior: Posterior) -> Tensor:
        return posterior.kl()

    def shares(self, z: Tensor) -> Tensor:
        return Posterior(torch.zeros_like(z), torch.zeros_like(z)).log_prob(z)
