"""The VAE: an encoder, a decoder and a likelihood, giving the terms of the objective."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from betafront.objective import Likelihood, Terms

Shape = tuple[int, int, int]
"""Channels, height and width of one image."""


class Posterior(NamedTuple):
    """q(z|x), a Gaussian with a diagonal covariance, for a batch of B examples.

    Attributes:
        mean: (B, M).
        log_var: (B, M) log variances.
    """

    mean: Tensor
    log_var: Tensor

    def kl(self) -> Tensor:
        """(B, M) KL(q(z_j|x) || N(0, 1)) in nats (Kingma & Welling 2014, appendix B)."""
        return 0.5 * (self.mean**2 + self.log_var.exp() - 1 - self.log_var)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """(B, M) a reparametrised draw of z per example."""
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return self.mean + torch.exp(0.5 * self.log_var) * noise


class VAE(nn.Module):
    """A variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

    Args:
        encoder: (B, C, H, W) to (B, 2M), the posterior's means and log variances.
        decoder: (B, M) to (B, C, H, W), the raw parameters of the likelihood.
        likelihood: p(x|z).
        latents: M.

    Source: Kingma & Welling 2014.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, likelihood: Likelihood, latents: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.latents = latents

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of (B, C, H, W) images."""
        return Posterior(*self.encoder(x).chunk(2, dim=1))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Terms:
        """The terms of the objective, with one draw of z per example.

        Args:
            x: (B, C, H, W) images.
            generator: where the noise of z comes from; the global one by default.
        """
        posterior = self.encode(x)
        params = self.decoder(posterior.sample(generator))
        return Terms(self.likelihood.log_prob(params, x), posterior.kl())

    def decode(self, z: Tensor) -> Tensor:
        """(B, C, H, W) E[x|z]."""
        return self.likelihood.mean(self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """(B, C, H, W) E[x|z] at the posterior's mean z."""
        return self.decode(self.encode(x).mean)


Architecture = Callable[[Shape, Likelihood], VAE]
"""What a choice of `conf/model` becomes: the images' shape and the likelihood give the VAE."""
