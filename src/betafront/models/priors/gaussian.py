"""A Gaussian prior whose means and variances are learned."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from betafront.models.posterior import Posterior, standard_normal
from betafront.models.priors.prior import Prior

if TYPE_CHECKING:
    from betafront.models.model import Model, Shape


class GaussianPrior(Prior):
    """p(z) is a Gaussian with a diagonal covariance whose means and log variances are learned,
    from N(0, 1) on. The KL has a closed form.

    D and R of such a model are those of a model with N(0, 1) whose latents are moved and scaled,
    each by itself, so the two have one front where the decoder begins with a linear layer: what
    differs is the way there.

    Args:
        model: whose p(z) it is.
        shape: of one example; not needed.

    Attributes:
        mean, log_var: (M,).
    """

    def __init__(self, model: "Model", shape: "Shape") -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(model.latents))
        self.log_var = nn.Parameter(torch.zeros(model.latents))

    @property
    def density(self) -> Posterior:
        """The Gaussian, of (M,) tensors."""
        return Posterior(self.mean, self.log_var)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.density.log_prob(z).sum(-1)

    def sample(self, n: int, noise: torch.Generator | None, like: Tensor) -> Tensor:
        return self.density.at(standard_normal((n, len(self.mean)), noise, like))

    def kl(self, posterior: Posterior) -> Tensor:
        return posterior.kl(self.density)

    def shares(self, z: Tensor) -> Tensor:
        return self.density.log_prob(z)
