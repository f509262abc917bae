"""Models as users write them: a learned prior, a mixture for a prior, two stochastic layers."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from betafront.models import VAE, Posterior, Shape, ladder, standard_normal
from betafront.models.architectures.mlp import dense
from betafront.objective import Draw, Likelihood

Noise = torch.Generator | None


class LearnedPrior(VAE):
    """p(z) is a Gaussian of learned mean and variance; its KL has a closed form."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.mean = nn.Parameter(torch.full((self.latents,), 2.0))
        self.log_var = nn.Parameter(torch.full((self.latents,), -1.0))

    @property
    def p(self) -> Posterior:
        return Posterior(self.mean, self.log_var)

    def log_prior(self, z: Tensor) -> Tensor:
        return self.p.log_prob(z).sum(-1)

    def prior(self, n: int, noise: Noise = None) -> Tensor:
        return self.p.at(standard_normal((n, self.latents), noise, self.mean))

    def kl(self, posterior: Posterior, z: Tensor) -> Tensor:
        return posterior.kl(self.p)


class MixturePrior(VAE):
    """p(z) is an equal mixture of unit Gaussians with learned means: the rate is sampled."""

    def __init__(self, *parts: Any, components: int = 4) -> None:
        super().__init__(*parts)
        generator = torch.Generator().manual_seed(0)
        means = 2 * torch.randn(components, self.latents, generator=generator)
        self.mixture = nn.Parameter(means)

    def log_prior(self, z: Tensor) -> Tensor:
        parts = Posterior(self.mixture, torch.zeros_like(self.mixture))
        each = parts.log_prob(z.unsqueeze(1)).sum(-1)  # (B, components)
        return torch.logsumexp(each, 1) - math.log(len(self.mixture))

    def prior(self, n: int, noise: Noise = None) -> Tensor:
        device = self.mixture.device if noise is None else noise.device
        which = torch.randint(len(self.mixture), (n,), generator=noise, device=device)
        return self.mixture[which] + standard_normal((n, self.latents), noise, self.mixture)


class TwoLayers(VAE):
    """q(z2|x) q(z1|x, z2) against p(z2) p(z1|z2); z is (z1, z2)."""

    def __init__(self, *parts: Any, features: int) -> None:
        super().__init__(*parts)
        low, top = self.widths
        self.to_top = nn.Linear(features, 2 * top)
        self.to_low = nn.Linear(features + top, 2 * low)
        self.prior_of_low = nn.Linear(top, 2 * low)

    def encode(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self.encoder(x)

    def draw(  # type: ignore[override]
        self, encoded: Tensor, noise: Noise = None, *, draws: int = 1, log_ratio: bool = False
    ) -> Draw:
        h = encoded.repeat_interleave(draws, 0)
        q2 = self.top(h)
        z2 = q2.sample(noise)
        q1, p1 = self.low(h, z2), gaussian(self.prior_of_low(z2))
        z1 = q1.sample(noise)
        kl = torch.cat([q1.kl(p1), q2.kl()], 1)
        p2 = Posterior(torch.zeros_like(z2), torch.zeros_like(z2))
        q1, q2, p1, p2 = (each.double() for each in (q1, q2, p1, p2))
        low = p1.log_prob(z1.double()) - q1.log_prob(z1.double())
        top = p2.log_prob(z2.double()) - q2.log_prob(z2.double())
        ratio = low.sum(1) + top.sum(1) if log_ratio else None
        return Draw(torch.cat([z1, z2], 1), kl, ratio)

    def means(self, encoded: Tensor) -> Tensor:  # type: ignore[override]
        z2 = self.top(encoded).mean
        return torch.cat([self.low(encoded, z2).mean, z2], 1)

    def prior(self, n: int, noise: Noise = None) -> Tensor:
        z2 = standard_normal((n, self.widths[1]), noise, self.own_tensor())
        return torch.cat([gaussian(self.prior_of_low(z2)).sample(noise), z2], 1)

    def top(self, h: Tensor) -> Posterior:
        return gaussian(self.to_top(h))

    def low(self, h: Tensor, z2: Tensor) -> Posterior:
        return gaussian(self.to_low(torch.cat([h, z2], 1)))


def gaussian(raw: Tensor) -> Posterior:
    return Posterior(*raw.chunk(2, 1))


def coders(shape: Shape, likelihood: Likelihood, into: int, out: int) -> tuple[Any, ...]:
    """A small encoder from examples to `into` numbers and a decoder from `out`."""
    output = likelihood.output_shape(shape)
    encoder = nn.Sequential(nn.Flatten(), *dense(math.prod(shape), 16, into))
    decoder = nn.Sequential(*dense(out, 16, math.prod(output)), nn.Unflatten(1, output))
    return encoder, decoder, likelihood


def learned_prior(shape: Shape, likelihood: Likelihood, latents: int = 3) -> VAE:
    return LearnedPrior(*coders(shape, likelihood, 2 * latents, latents), latents)


def mixture_prior(shape: Shape, likelihood: Likelihood, latents: int = 3) -> VAE:
    return MixturePrior(*coders(shape, likelihood, 2 * latents, latents), latents)


def two_layers(shape: Shape, likelihood: Likelihood, widths: tuple[int, ...] = (3, 2)) -> VAE:
    parts = coders(shape, likelihood, 16, sum(widths))
    return TwoLayers(*parts, widths, features=16)


UNFACTORISED = {
    "learned prior": learned_prior,
    "mixture prior": mixture_prior,
    "two layers": two_layers,
    "ladder": partial(ladder, latents=(3, 2), hidden=(16, 8)),
}
