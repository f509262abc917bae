"""The VAE: an encoder, a decoder and a likelihood, and the prior N(0, 1) unless it has another."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.model import Model, Observed
from betafront.models.posterior import Posterior, standard_normal
from betafront.objective import Code, Draw, Likelihood
from betafront.objective.likelihoods.base import raised

PRIOR = ("kl", "log_prior", "prior")  # methods that a prior is made of


class VAE(Model):
    """A variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

    A subclass overrides what it has otherwise:

    - **another prior**: `log_prior` and `prior`, and `kl` where it is known in closed form; else
      the rate is the log ratio of each draw. With a prior that is learned::

          class LearnedPrior(VAE):
              def __init__(self, encoder, decoder, likelihood, latents):
                  super().__init__(encoder, decoder, likelihood, latents)
                  self.mean = nn.Parameter(torch.zeros(latents))
                  self.log_var = nn.Parameter(torch.zeros(latents))

              def log_prior(self, z):
                  return Posterior(self.mean, self.log_var).log_prob(z).sum(-1)

              def prior(self, n, noise=None):
                  shape = (n, self.latents)
                  return Posterior(self.mean, self.log_var).at(
                      standard_normal(shape, noise, self.mean)
                  )

              def kl(self, posterior, z):  # only because it is known in closed form
                  return posterior.kl(Posterior(self.mean, self.log_var))

    - **more stochastic layers**: `draw`, `means` and `prior`, with `latents` the widths of the
      layers; `encode` where the encoder gives anything but a `Posterior`.
    - **a decoder that looks at x**: `log_px` and `decode`, or `observe` and `decode`. A likelihood
      with a statistic (an optimal σ) needs `observe`.

    Args:
        encoder: (B, …) to (B, 2M), the posterior's means and log variances side by side, or to the
            pair of them, (B, M) each.
        decoder: (B, M) to `likelihood.output_shape(…)` of each example, its raw parameters.
        likelihood: p(x|z).
        latents: M, or the widths of the layers of a hierarchy.
        latent_shape: (C, h, w) of a spatial code, as latent diffusion has it: M is C·h·w, the
            encoder gives (B, 2C, h, w), or a pair of (B, C, h, w), and the decoder takes
            (B, C, h, w). What a subclass overrides has z as (B, M) all the same.

    Source: Kingma & Welling 2014.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        latents: int | Sequence[int],
        latent_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(latents, latent_shape)
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        own = {name for name in PRIOR if getattr(cls, name) is not getattr(VAE, name)}
        if cls.draw is VAE.draw and own and not {"log_prior", "prior"} <= own:
            raise UserError(
                f"{cls.__name__} overrides {' and '.join(sorted(own))}: a prior of its own needs "
                "both log_prior and prior"
            )

    @property
    def factorised(self) -> bool:
        """As of any model; false of a subclass with another prior or another way to draw."""
        return all(getattr(type(self), n) is getattr(VAE, n) for n in ("draw", *PRIOR))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """As of any model: those of the encoder that are of no other part."""
        others = {id(p) for part in (self.decoder, self.likelihood) for p in part.parameters()}
        return [p for p in self.encoder.parameters() if id(p) not in others]

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of (B, …) examples."""
        raw = self.encoder(x)
        mean, log_var = raw if isinstance(raw, tuple | list) else raw.chunk(2, dim=1)
        # The encoder may have run in half precision, in which exp(log σ²) has three digits.
        dtype = x.dtype if x.is_floating_point() else raised(mean).dtype
        return Posterior(mean.to(dtype).flatten(1), log_var.to(dtype).flatten(1))

    def draw(
        self,
        encoded: Posterior,
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw:
        posterior = encoded.repeated(draws)
        normal = standard_normal(posterior.mean.shape, noise, posterior.mean)
        z = posterior.at(normal)
        ratio = self._log_ratio(posterior, z, normal) if log_ratio else None
        code = Code(z, *posterior) if self.factorised else None
        return Draw(z, self.kl(posterior, z), ratio, code)

    def kl(self, posterior: Posterior, z: Tensor) -> Tensor:
        """(B, M) nats whose sum over M is the rate, as in `Draw.kl`.

        With a prior of the subclass's own this is `log q(z|x) - log p(z)` of the draw, of which
        each dimension has its part of q and an equal part of p.

        Args:
            posterior: of B examples.
            z: (B, M) a draw from each.
        """
        if type(self).log_prior is VAE.log_prior:
            return posterior.kl()
        return posterior.log_prob(z) - self.log_prior(z).unsqueeze(-1) / self.latents

    def log_prior(self, z: Tensor) -> Tensor:
        """(B,) log p(z) in nats of (B, M) draws."""
        return Posterior(torch.zeros_like(z), torch.zeros_like(z)).log_prob(z).sum(-1)

    def prior(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        return standard_normal((n, self.latents), noise, self.own_tensor())

    def means(self, encoded: Posterior) -> Tensor:
        return encoded.mean

    def decode(self, z: Tensor) -> Tensor:
        return self.likelihood.mean(self.decoder(self.shaped(z)))

    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        return self.observe(z, x).log_px

    def observe(self, z: Tensor, x: Tensor, *, mean: bool = False) -> Observed:
        params = self.decoder(self.shaped(z))
        log_px, statistic = (
            self.likelihood.log_prob(params, x),
            self.likelihood.statistic(params, x),
        )
        if self.likelihood.density:
            log_px = log_px - self.log_volume
        if not mean:
            return Observed(log_px, statistic=statistic)
        with torch.no_grad():
            return Observed(log_px, self.likelihood.mean_given(params, x), statistic)

    def _log_ratio(self, posterior: Posterior, z: Tensor, normal: Tensor) -> Tensor:
        """(B,) float64 log p(z) - log q(z|x) of the z that the draws of N(0, 1) became."""
        squares, log_var = normal.double() ** 2, posterior.log_var.double()
        if type(self).log_prior is VAE.log_prior:  # the constants cancel
            return 0.5 * (squares - z.double() ** 2 + log_var).sum(-1)
        log_q = -0.5 * (squares + log_var + math.log(2 * math.pi))
        return self.log_prior(z).double() - log_q.sum(-1)
