"""The diagonal Gaussian: draws of it, its density, its divergence from another."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from betafront.models.drawn import Handed


class Posterior(NamedTuple):
    """q(z|x), a Gaussian with a diagonal covariance, for a batch of B examples.

    A learned Gaussian prior is one too, whose tensors may be (M,), for all examples alike.

    Attributes:
        mean: (B, M).
        log_var: (B, M) log variances.
    """

    mean: Tensor
    log_var: Tensor

    def kl(self, prior: "Posterior | None" = None) -> Tensor:
        """(B, M) KL(q(z_j|x) || p(z_j)) in nats, p being `prior` or N(0, 1) (Kingma & Welling 2014,
        appendix B)."""
        if prior is None:
            return 0.5 * (self.mean**2 + self.log_var.exp() - 1 - self.log_var)
        log_var = self.log_var - prior.log_var
        squares = (self.mean - prior.mean) ** 2 * torch.exp(-prior.log_var)
        return 0.5 * (squares + log_var.exp() - 1 - log_var)

    def log_prob(self, z: Tensor) -> Tensor:
        """(B, M) log density of each z_j, in nats."""
        squares = (z - self.mean) ** 2 * torch.exp(-self.log_var)
        return -0.5 * (squares + self.log_var + math.log(2 * math.pi))

    def at(self, noise: Tensor) -> Tensor:
        """(B, M) the z that (B, M) draws of N(0, 1) become: the reparametrised draw."""
        return self.mean + torch.exp(0.5 * self.log_var) * noise

    def sample(self, noise: torch.Generator | None = None) -> Tensor:
        """(B, M) a draw of z per example, with gradients to mean and variance."""
        return self.at(standard_normal(self.mean.shape, noise, self.mean))

    def repeated(self, draws: int) -> "Posterior":
        """`draws` rows for each example, side by side."""
        return self if draws == 1 else Posterior(*(t.repeat_interleave(draws, 0) for t in self))

    def to(self, dtype: torch.dtype) -> "Posterior":
        """The same in another type of numbers."""
        return Posterior(self.mean.to(dtype), self.log_var.to(dtype))

    def double(self) -> "Posterior":
        """The same in float64."""
        return self.to(torch.float64)


def standard_normal(shape: tuple[int, ...], noise: torch.Generator | None, like: Tensor) -> Tensor:
    """Draws from N(0, 1) of the type and on the device of `like`, made on the device of the
    generator: one on the CPU gives the same draws to a model on any device.

    Args:
        shape: of the result.
        noise: the generator; None is the global one of the device of `like`.
        like: any tensor of the model or the data.
    """
    if isinstance(noise, Handed):
        return noise.normal(shape, like)
    device = like.device if noise is None else noise.device
    part, of = getattr(noise, "share", (0, 1))  # of a batch that several processes share
    whole = (of * shape[0], *shape[1:])
    drawn = torch.empty(whole, dtype=like.dtype, device=device).normal_(generator=noise)
    if of == 1:
        return drawn.to(like.device)
    return drawn[part * shape[0] : (part + 1) * shape[0]].to(like.device)
