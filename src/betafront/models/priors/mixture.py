"""An equal mixture of Gaussians with diagonal covariances, as a density of codes."""

import math

import torch
from torch import Tensor

from betafront.models.posterior import Posterior


class Mixture:
    """`1/K Σ_k N(z; μ_k, σ_k²)`.

    Densities are computed in float64, where z²/σ² - 2zμ/σ² + μ²/σ² loses nothing that matters: so
    B codes and K components take two products of matrices, and no memory of B·K·M numbers.

    Args:
        components: (K, M) means and log variances.
    """

    def __init__(self, components: Posterior) -> None:
        self.components = components
        mean, log_var = components.double()
        self._precision = torch.exp(-log_var)  # (K, M), as the two others
        self._linear = mean * self._precision
        self._constant = mean * self._linear + log_var + math.log(2 * math.pi)

    def log_prob(self, z: Tensor) -> Tensor:
        """(B,) the log density in nats of (B, M) codes."""
        joint = self._log_each(z.double())
        return (joint.logsumexp(1) - math.log(joint.shape[1])).to(z.dtype)

    def shares(self, z: Tensor) -> Tensor:
        """(B, M) shares of the latents in `log_prob`, in nats.

        With the responsibilities r_k of the components for z, `log p(z)` is
        `Σ_k r_k log N(z; μ_k, σ_k²) + H(r) - log K`. The first term is a sum over the latents, of
        which each has its own. The rest is what z tells of its component; of that a latent has a
        part in proportion to what it can tell, `log(1 + Var_k[μ_kj] / E_k[σ_kj²])` as a Gaussian
        channel. So the share of a latent that has one density in all components is that density.
        """
        wide = z.double()
        joint = self._log_each(wide)
        r = joint.softmax(1)
        squares = wide**2 * (r @ self._precision) - 2 * wide * (r @ self._linear)
        own = -0.5 * (squares + r @ self._constant)
        rest = joint.logsumexp(1) - math.log(joint.shape[1]) - own.sum(1)
        return (own + rest.unsqueeze(1) * self._told()).to(z.dtype)

    def sample(self, n: int, noise: torch.Generator | None) -> Tensor:
        """(n, M) draws.

        Args:
            n: how many.
            noise: as in `betafront.models.standard_normal`.
        """
        mean, log_var = self.components
        device = mean.device if noise is None else noise.device
        which = torch.randint(len(mean), (n,), generator=noise, device=device).to(mean.device)
        return Posterior(mean[which], log_var[which]).sample(noise)

    def _told(self) -> Tensor:
        """(M,) the parts of the latents in what a code tells of its component, whose sum is 1."""
        mean, log_var = (each.detach() for each in self.components.double())
        capacity = torch.log1p(mean.var(0, unbiased=False) / log_var.exp().mean(0))
        total = capacity.sum()
        return torch.where(total > 0, capacity / total, 1 / len(capacity))

    def _log_each(self, z: Tensor) -> Tensor:
        """(B, K) float64 log density of each component."""
        squares = z**2 @ self._precision.T - 2 * z @ self._linear.T
        return -0.5 * (squares + self._constant.sum(1))
