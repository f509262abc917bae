"""The importance-weighted bound against a VAE whose log p(x) is known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.metrics.iwae import iwae
from betafront.models import VAE
from betafront.objective import Gaussian

N, M, SIGMA = 6, 2, 0.4
MATRIX = torch.randn(N, M, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Encoder(nn.Module):
    """The true posterior of the linear decoder, which a diagonal covariance can hold where the
    columns of the matrix are orthogonal; off it by some of its mean and of its variance."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.off = off

    def forward(self, x: Tensor) -> Tensor:
        precision = columns().T @ columns() / SIGMA**2 + torch.eye(M, dtype=torch.float64)
        covariance = torch.linalg.inv(precision)
        mean = x.flatten(1) @ columns() @ covariance / SIGMA**2
        log_var = covariance.diagonal().log().expand_as(mean)
        return torch.cat([mean * (1 + self.off / 4), log_var - self.off], 1)


class Decoder(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return (z @ columns().T).unflatten(1, (1, 2, 3))


def columns() -> Tensor:
    """(N, M), orthogonal."""
    return torch.linalg.qr(MATRIX)[0] * torch.tensor([2.0, 0.7], dtype=torch.float64)


def linear_gaussian(off: float = 0.0) -> VAE:
    return VAE(Encoder(off), Decoder(), Gaussian(sigma=SIGMA, mode="fixed").double(), M)


def images(n: int = 50) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(n, M, generator=generator, dtype=torch.float64)
    noise = SIGMA * torch.randn(n, N, generator=generator, dtype=torch.float64)
    return (z @ columns().T + noise).unflatten(1, (1, 2, 3))


def exact(x: Tensor) -> float:
    """-log p(x) in nats per example: x is Gaussian with covariance W Wᵀ + σ² I."""
    covariance = columns() @ columns().T + SIGMA**2 * torch.eye(N, dtype=torch.float64)
    p = torch.distributions.MultivariateNormal(torch.zeros(N, dtype=torch.float64), covariance)
    return -float(p.log_prob(x.flatten(1)).mean())


def test_with_the_true_posterior_one_draw_is_enough() -> None:
    x = images()
    values = iwae(linear_gaussian(), x, draws=(1, 7, 70)).values
    assert list(values) == ["iwae_1", "iwae_7", "iwae_70"]
    for value in values.values():  # every draw has the same weight, p(x) itself
        assert value == pytest.approx(exact(x), abs=1e-6)


@pytest.mark.parametrize("off", [-0.4, 0.3])
def test_the_bound_falls_to_the_truth_and_never_rises(off: float) -> None:
    x = images()
    bounds = list(iwae(linear_gaussian(off), x, draws=(1, 10, 100, 5000)).values.values())
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > exact(x) + 0.05
    # At k draws the bound is off by the variance of the mean weight over 2k, and its error by that
    # of 50 examples: both are thousandths here.
    assert bounds[-1] == pytest.approx(exact(x), abs=0.01)


def test_one_draw_is_the_negative_elbo_with_the_sampled_rate() -> None:
    vae, x = linear_gaussian(0.3), images(2000)
    posterior = vae.encode(x)
    z = posterior.sample(torch.Generator().manual_seed(3))
    distortion = -vae.log_px(z, x).mean()
    elbo = float(distortion + posterior.kl().sum(1).mean())
    score = iwae(vae, x, draws=(1,))
    error = float(score.detail["standard_error"][0])
    assert score.values["iwae_1"] == pytest.approx(elbo, abs=5 * error)
    assert 0.01 < error < 0.2


def test_the_same_for_the_same_seed_and_the_model_is_left_as_it_was() -> None:
    vae, x = linear_gaussian(0.3).train(), images(10)
    one, again, other = (iwae(vae, x, draws=(4,), seed=seed).values for seed in (0, 0, 1))
    assert one == again != other
    assert vae.training


def test_ten_thousand_far_draws_do_not_underflow() -> None:
    x = images(3) + 40  # log p(x) of some -10,000 nats: no weight is above 0 in float64
    value = iwae(linear_gaussian(), x, draws=(1, 10_000)).values["iwae_10000"]
    assert np.isfinite(value)
    assert value == pytest.approx(exact(x), rel=1e-6)


@pytest.mark.parametrize("draws", [(), (0, 2), (10, 5), (2, 3), (4, 4)])
def test_groups_that_do_not_nest_are_refused(draws: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"iwae\.draws"):
        iwae(linear_gaussian(), images(2), draws=draws)
