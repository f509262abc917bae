"""The VAE: an encoder, a decoder, a likelihood, and a prior, which is N(0, 1) by default."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.model import MakePrior, Model, Observed, Shape
from betafront.models.posterior import Posterior, standard_normal
from betafront.models.priors import Prior, StandardNormal
from betafront.objective import Code, Draw, Likelihood

PRIOR = ("kl", "log_prior", "prior")  # methods that a prior is made of


class VAE(Model):
    """A variational autoencoder with a diagonal Gaussian posterior and a prior p(z): N(0, 1), or
    the one that `set_prior` has given it (`betafront.models.priors`).

    A subclass overrides what it has otherwise:

    - **a prior of its own**: `log_prior` and `prior`, and `kl` where it is known in closed form;
      else the rate is the log ratio of each draw. Such a subclass takes no other. That of
      `prior=gaussian`, written so::

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
      layers; `encode` where the encoder gives anything but a `Posterior`. `models/hierarchy` has
      two.
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

    Attributes:
        p_z: the prior.

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
        self.p_z: Prior = StandardNormal(self.latents)

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
        """As of any model; false of a subclass with a prior of its own or another way to draw."""
        return self._asks_prior and isinstance(self.p_z, StandardNormal)

    @property
    def gaussian_posterior(self) -> bool:
        """As of any model; false of a subclass with another way to draw."""
        return type(self).draw is VAE.draw

    @property
    def analytic_rate(self) -> bool:
        if not self.gaussian_posterior:
            return False
        return type(self).kl is not VAE.kl or (self._asks_prior and self.p_z.has_kl)

    @property
    def _asks_prior(self) -> bool:
        """Whether all that is said of p(z) is said by `p_z`."""
        return _asks_prior(type(self))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """As of any model: those of the encoder that are of no other part."""
        others = {id(p) for part in (self.decoder, self.likelihood) for p in part.parameters()}
        return [p for p in self.encoder.parameters() if id(p) not in others]

    def set_prior(self, make: MakePrior, shape: Shape) -> None:
        if not self._asks_prior:
            super().set_prior(make, shape)  # which refuses it
        made = make(self, shape)
        if not isinstance(made, Prior):
            raise UserError(
                f"prior: what it names has returned an object of type {type(made).__name__}, and "
                "no betafront.models.Prior"
            )
        self.p_z = made

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of (B, …) examples."""
        raw = self.encoder(x)
        mean, log_var = raw if isinstance(raw, tuple | list) else raw.chunk(2, dim=1)
        # The encoder may have run in half precision, in which exp(log σ²) has three digits.
        dtype = x.dtype if x.is_floating_point() else self.own_tensor().dtype
        return Posterior(mean.flatten(1), log_var.flatten(1)).to(dtype)

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

        Where that is not known in closed form it is `log q(z|x) - log p(z)` of the draw: each
        dimension has its part of q and a share of p (`Prior.shares`), with a prior of the
        subclass's own an equal one.

        Args:
            posterior: of B examples.
            z: (B, M) a draw from each.
        """
        if type(self).log_prior is not VAE.log_prior:
            return posterior.log_prob(z) - self.log_prior(z).unsqueeze(-1) / self.latents
        exact = self.p_z.kl(posterior)
        return posterior.log_prob(z) - self.p_z.shares(z) if exact is None else exact

    def log_prior(self, z: Tensor) -> Tensor:
        """(B,) log p(z) in nats of (B, M) draws."""
        return self.p_z.log_prob(z)

    def prior(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        return self.p_z.sample(n, noise, self.own_tensor())

    def start_from(self, drawn: Callable[[int], Tensor]) -> None:
        self.p_z.start_from(drawn)

    def remember(self, statistic: Tensor | None) -> None:
        super().remember(statistic)
        self.p_z.after_step()

    def means(self, encoded: Posterior) -> Tensor:
        return encoded.mean

    def decode(self, z: Tensor) -> Tensor:
        return self.likelihood.mean(self.decoder(self.shaped(z)))

    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        return self.observe(z, x).log_px

    def observe(self, z: Tensor, x: Tensor, *, mean: bool = False) -> Observed:
        params = self.decoder(self.shaped(z))
        log_px, statistic = self.likelihood.log_prob_and_statistic(params, x)
        if self.likelihood.density and self.log_volume:
            log_px = log_px - self.log_volume
        if not mean:
            return Observed(log_px, statistic=statistic)
        with torch.no_grad():
            return Observed(log_px, self.likelihood.mean_given(params, x), statistic)

    def _log_ratio(self, posterior: Posterior, z: Tensor, normal: Tensor) -> Tensor:
        """(B,) float64 log p(z) - log q(z|x) of the z that the draws of N(0, 1) became."""
        squares, log_var = normal.double() ** 2, posterior.log_var.double()
        own = type(self).log_prior is not VAE.log_prior
        if not own and isinstance(self.p_z, StandardNormal):  # the constants cancel
            return 0.5 * (squares - z.double() ** 2 + log_var).sum(-1)
        log_q = -0.5 * (squares + log_var + math.log(2 * math.pi))
        return self.log_prior(z).double() - log_q.sum(-1)


@cache
def _asks_prior(kind: type[VAE]) -> bool:
    """Whether all that a class of models says of p(z) is said by `p_z`."""
    return all(getattr(kind, name) is getattr(VAE, name) for name in ("draw", *PRIOR))
