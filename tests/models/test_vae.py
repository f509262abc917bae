"""The VAE: its posterior, its terms, and where its noise comes from."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from betafront.models import VAE, Posterior, mlp
from betafront.objective import Bernoulli, Gaussian


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    likelihood = Gaussian(sigma=0.5, mode="fixed")
    return mlp((1, 4, 4), likelihood, latents=3, hidden=(8,)).double()


def test_kl_is_that_of_two_normals() -> None:
    mean, log_var = noise(2, 5, 3) * 3
    expected = kl_divergence(
        Normal(mean, (0.5 * log_var).exp()),
        Normal(torch.zeros(5, 3).double(), torch.ones(5, 3).double()),
    )
    # float64; the terms of the sum are up to some thousand times the smallest result
    torch.testing.assert_close(Posterior(mean, log_var).kl(), expected, rtol=1e-12, atol=1e-13)


def test_kl_of_the_prior_is_zero() -> None:
    assert torch.equal(Posterior(torch.zeros(2, 3), torch.zeros(2, 3)).kl(), torch.zeros(2, 3))


def test_draws_have_the_posteriors_mean_and_variance() -> None:
    n = 100_000
    posterior = Posterior(torch.full((n, 1), 2.0), torch.full((n, 1), 0.25).log())
    z = posterior.sample(torch.Generator().manual_seed(0)).double()
    assert float(z.mean()) == pytest.approx(2, abs=4 * 0.5 / n**0.5)  # 4 standard errors
    assert float(z.var()) == pytest.approx(0.25, abs=4 * 0.25 * (2 / n) ** 0.5)  # likewise


def test_draws_carry_gradients_to_mean_and_variance() -> None:
    mean, log_var = (t.requires_grad_() for t in noise(2, 5, 3).unbind())
    z = Posterior(mean, log_var).sample(torch.Generator().manual_seed(0))
    to_mean, to_log_var = torch.autograd.grad(z.sum(), (mean, log_var))
    assert torch.equal(to_mean, torch.ones_like(mean))
    # z = mean + exp(log_var / 2) · noise, so the slope is half of what was added; float64
    torch.testing.assert_close(to_log_var, 0.5 * (z - mean).detach(), rtol=1e-9, atol=1e-12)


def test_a_generator_decides_the_draws_and_spares_the_global_one(vae: VAE) -> None:
    x, before = noise(5, 1, 4, 4), torch.get_rng_state()
    draws = [vae(x, torch.Generator().manual_seed(seed)).log_px for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_terms_are_those_of_the_drawn_code(vae: VAE) -> None:
    x = noise(5, 1, 4, 4)
    terms = vae(x, torch.Generator().manual_seed(1))
    posterior = vae.encode(x)
    z = posterior.sample(torch.Generator().manual_seed(1))
    expected = Normal(vae.decode(z), vae.likelihood.sigma).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(terms.log_px, expected, rtol=1e-12, atol=0)  # float64
    assert torch.equal(terms.kl, posterior.kl())


def test_reconstructions_are_the_likelihoods_mean_at_the_posteriors_mean() -> None:
    torch.manual_seed(0)
    vae = mlp((1, 4, 4), Bernoulli(), latents=3, hidden=(8,))
    x = noise(5, 1, 4, 4).float()
    expected = vae.decoder(vae.encode(x).mean).sigmoid()
    assert torch.equal(vae.reconstruct(x), expected)
