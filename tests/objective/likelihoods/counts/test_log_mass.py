"""The log masses against SciPy's, in double precision and in float32, at counts of any size."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import NegativeBinomial as TorchNegativeBinomial
from torch.distributions import Poisson as TorchPoisson

from betafront.objective.likelihoods.counts.log_mass import log_negative_binomial, log_poisson

COUNTS = [0, 1, 2, 3, 7, 8, 9, 30, 1000, 999_000, 1_000_000, 2**24]
MEANS = [1e-12, 1e-3, 0.3, 1.0, 8.2, 31.0, 1020.0, 1_000_500.0, 1.6e7]
THETAS = [1e-3, 0.1, 1.0, 9.0, 1e3, 1e6]
# Stirling's series is cut where its next term is 2.8e-10, in three places; SciPy's own form
# subtracts numbers of up to 2.7e8 nats, each rounded to 3e-8.
CLOSE = {"rtol": 1e-11, "atol": 2e-7}


def grid(*values: list[float], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    columns = torch.cartesian_prod(*[torch.tensor(v, dtype=torch.float64) for v in values]).T
    return [column.to(dtype) for column in columns]


def test_a_poisson_is_scipys() -> None:
    x, rate = grid(COUNTS, MEANS)
    expected = stats.poisson.logpmf(x.numpy(), rate.numpy())
    np.testing.assert_allclose(log_poisson(x, rate).numpy(), expected, **CLOSE)


def test_a_negative_binomial_is_scipys() -> None:
    x, mean, theta = grid(COUNTS, MEANS, THETAS)
    # SciPy takes p, of which 1 - p must not be 0: it has that where θ is not 10¹⁵ times the mean.
    known = (mean / theta > 1e-9).numpy()
    p = (theta / (theta + mean)).numpy()
    expected = stats.nbinom.logpmf(x.numpy(), theta.numpy(), p)[known]
    found = log_negative_binomial(x, mean, theta).numpy()
    assert np.isfinite(found).all()
    # p has a rounding of 1e-16 relative to 1 - p, which x multiplies.
    slack = 2e-16 * (x / (1 - torch.from_numpy(p)).clamp(min=1e-30)).numpy()[known]
    error = np.abs(found[known] - expected)
    assert (error <= 2e-7 + 1e-9 * np.abs(expected) + slack).all()


@pytest.mark.parametrize("theta", [0.5, 3.0])
def test_the_masses_sum_to_one(theta: float) -> None:
    x = torch.arange(400, dtype=torch.float64)
    for mean in (0.01, 1.0, 20.0):
        of = torch.tensor(mean, dtype=torch.float64)
        assert float(log_poisson(x, of).exp().sum()) == pytest.approx(1, abs=1e-9)
        heavy = log_negative_binomial(x, of, torch.tensor(theta, dtype=torch.float64))
        missing = stats.nbinom.sf(399, theta, theta / (theta + mean))
        assert float(heavy.exp().sum()) == pytest.approx(1 - missing, abs=1e-9)


def near_the_mean(n: int = 20_000) -> list[Tensor]:
    """Counts and means of all sizes, up to six standard deviations apart, and θ of all sizes."""
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(3, n, generator=generator, dtype=torch.float64)
    mean, theta = 10 ** (9 * uniform[0] - 3), 10 ** (9 * uniform[1] - 3)
    mean, theta = mean.clamp(max=8e6).float().double(), theta.float().double()
    x = (mean + (12 * uniform[2] - 6) * (mean + mean**2 / theta).sqrt()).round()
    return [x.clamp(0, 2**24), mean, theta]


def test_float32_has_its_digits_at_large_counts() -> None:
    x, mean, _ = near_the_mean()
    exact = log_poisson(x, mean)
    near = (x - mean).abs() < 6 * mean.sqrt() + 1
    error = (log_poisson(x.float(), mean.float()).double() - exact).abs()
    # The numbers that are added are of the size of the gap, or of log p: each has 2^-24 of it.
    size = 4 + (x - mean).abs() + exact.abs()
    assert (error <= 4 * 2**-24 * size).all()
    assert float(error[near].max()) < 5e-3
    theirs = TorchPoisson(mean.float()).log_prob(x.float()).double()
    assert float((theirs - exact)[near].abs().max()) > 1  # nats, in the textbook form


def test_float32_has_the_digits_of_a_negative_binomial_too() -> None:
    x, mean, theta = near_the_mean()
    exact = log_negative_binomial(x, mean, theta)
    found = log_negative_binomial(x.float(), mean.float(), theta.float()).double()
    error = (found - exact).abs()
    size = 30 + torch.minimum((x - mean).abs(), theta) + exact.abs()
    assert (error <= 12 * 2**-24 * size).all()
    assert float(error[exact > -40].max()) < 5e-3
    logits = (mean.log() - theta.log()).float()
    torchs = TorchNegativeBinomial(theta.float(), logits=logits, validate_args=False)
    theirs = torchs.log_prob(x.float()).double()
    assert float((theirs - exact)[exact > -40].abs().max()) > 1


def test_the_poisson_is_the_limit_of_small_dispersion() -> None:
    x, mean = grid([0, 1, 5, 40], [0.1, 3.0, 30.0], dtype=torch.float32)
    limit = log_negative_binomial(x, mean, torch.tensor(1e6))
    # of the order (x - μ)² / θ
    torch.testing.assert_close(limit, log_poisson(x, mean), rtol=0, atol=2e-3)


def test_gradients_are_those_of_the_masses() -> None:
    x, mean, theta = grid([0, 1, 8, 300, 10_000], [1e-6, 0.7, 9.0, 310.0, 9e3], [0.02, 2.0, 500.0])
    for leaf in (mean, theta):
        leaf.requires_grad_()
    by_rate = torch.autograd.grad(log_poisson(x, mean).sum(), mean)[0]
    torch.testing.assert_close(by_rate, (x / mean - 1).detach(), rtol=1e-9, atol=1e-9)
    by_mean, by_theta = torch.autograd.grad(
        log_negative_binomial(x, mean, theta).sum(), [mean, theta]
    )
    torch.testing.assert_close(
        by_mean, (theta * (x - mean) / (mean * (theta + mean))).detach(), rtol=1e-7, atol=1e-9
    )
    expected = torch.digamma(theta + x) - torch.digamma(theta)
    expected = expected + (theta / (theta + mean)).log() + (mean - x) / (theta + mean)
    # lgamma's remainder is a series beyond 8: its slope is cut at 1e-9.
    torch.testing.assert_close(by_theta, expected.detach(), rtol=1e-6, atol=3e-9)
