"""The VAE: an encoder, a decoder and a likelihood, giving the terms of the objective."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from betafront.objective import Code, Likelihood, Terms

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
        decoder: (B, M) to `likelihood.output_shape((C, H, W))`, its raw parameters.
        likelihood: p(x|z).
        latents: M.

    Attributes:
        log_volume: nats per example that a density on dequantised data owes to the volume of the
            cells (`Images.log_volume`); 0 for any other data.

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
        self.log_volume = 0.0

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of (B, C, H, W) images."""
        # The encoder may have run in half precision, in which exp(log σ²) has three digits.
        return Posterior(*self.encoder(x).to(x.dtype).chunk(2, dim=1))

    def log_px(self, params: Tensor, x: Tensor) -> Tensor:
        """(B,) log p(x|z) in nats of the decoder's `params`; on dequantised data the bound on the
        log mass of the discrete image, so that densities and masses are on one scale."""
        log_prob = self.likelihood.log_prob(params, x)
        return log_prob - self.log_volume if self.likelihood.density else log_prob

    def forward(
        self, x: Tensor, generator: torch.Generator | None = None, *, mse: bool = False
    ) -> Terms:
        """The terms of the objective, with one draw of z per example.

        Args:
            x: (B, C, H, W) images.
            generator: where the noise of z comes from; the global one by default.
            mse: measure the squared error too, which of some likelihoods costs more than the rest.
        """
        posterior = self.encode(x)
        z = posterior.sample(generator)
        params = self.decoder(z)
        squares = self._squared_error(params, x) if mse else None
        return Terms(self.log_px(params, x), posterior.kl(), Code(z, *posterior), squares)

    @torch.no_grad()
    def _squared_error(self, params: Tensor, x: Tensor) -> Tensor:
        return ((self.likelihood.mean(params) - x) ** 2).flatten(1).mean(1)

    def decode(self, z: Tensor) -> Tensor:
        """(B, C, H, W) E[x|z]."""
        return self.likelihood.mean(self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """(B, C, H, W) E[x|z] at the posterior's mean z."""
        return self.decode(self.encode(x).mean)


Architecture = Callable[[Shape, Likelihood], VAE]
"""What a choice of `conf/model` becomes: the images' shape and the likelihood give the VAE."""
