"""The Laplace: every constant, and a scale that is the mean absolute error."""

import math

import pytest
import torch
from scipy import stats

from betafront.errors import UserError
from betafront.objective import Laplace

FLOAT32 = 2.0**-22  # two roundings of float32, in which a fresh module keeps log b


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("mode", ["fixed", "learned", "optimal"])
def test_log_prob_has_every_constant(mode: str) -> None:
    likelihood = Laplace(scale=0.3, mode=mode).double().eval()  # type: ignore[arg-type]
    params, x = noise(2, 5, 3, 4, 2)
    expected = stats.laplace(params, 0.3).logpdf(x).reshape(5, -1).sum(1)
    log_prob = likelihood.log_prob(params, x).detach().numpy()
    # log b is right to two roundings of float32, and log p has the slope |x - m| / b < 15 in it.
    torch.testing.assert_close(log_prob, expected, rtol=0, atol=24 * 15 * FLOAT32)
    assert likelihood.sigma is None


@pytest.mark.parametrize("scale", [0.05, 1.0, 20.0])
def test_the_density_integrates_to_one(scale: float) -> None:
    likelihood = Laplace(scale=scale, mode="fixed").double()
    x = scale * torch.linspace(0, 40, 40_001, dtype=torch.float64)
    for side in (x, -x):
        at = (0.7 + side).view(-1, 1, 1, 1)
        density = likelihood.log_prob(torch.full_like(at, 0.7), at).exp()
        # The trapezoidal rule's relative error for e^-t is h² / 12 with h = 0.001.
        half = float(torch.trapezoid(density, x))
        assert half == pytest.approx(0.5, abs=0.5 * 1e-6 / 12 + FLOAT32)


def test_samples_have_its_mean_variance_and_fourth_moment() -> None:
    torch.manual_seed(0)
    likelihood, n, b = Laplace(scale=0.3, mode="fixed"), 200_000, 0.3
    d = likelihood.sample(torch.full((n, 1, 1, 1), 0.5)).double() - 0.5
    # E d^2k = (2k)! b^2k; four standard errors each
    for power, expected in ((1, 0.0), (2, 2 * b**2), (4, 24 * b**4)):
        variance = math.factorial(2 * power) * b ** (2 * power) - expected**2
        mean = float((d**power).mean())
        assert mean == pytest.approx(expected, abs=4 * (variance / n) ** 0.5)


def test_the_mean_is_the_output() -> None:
    params = noise(2, 1, 3, 3)
    assert torch.equal(Laplace().mean(params), params)


def test_optimal_scale_is_the_mean_absolute_error_and_kept_for_evaluation() -> None:
    likelihood = Laplace(mode="optimal").double().train()
    params = noise(50, 1, 4, 4)
    x = params + 0.1 * noise(50, 1, 4, 4, seed=1)
    trained = likelihood.log_prob(params, x)
    likelihood.remember(likelihood.statistic(params, x))
    mae = float((x - params).abs().mean())
    # At the optimum -log p is N ln(2e·b), and flat: the floor adds e^-12 to b², 0.05 % to b here.
    expected = -16 * math.log(2 * math.e * mae)
    assert float(trained.mean()) == pytest.approx(expected, abs=16 * 0.0005**2)
    likelihood.eval()
    far = params + 3.0 * noise(50, 1, 4, 4, seed=2)
    b = (mae**2 + math.exp(-12)) ** 0.5
    expected_far = stats.laplace(params, b).logpdf(far).reshape(50, -1).sum(1)
    log_prob = likelihood.log_prob(params, far).numpy()
    torch.testing.assert_close(log_prob, expected_far, rtol=1e-8, atol=0)  # softplus, e^-20


def test_learned_scale_goes_to_the_mean_absolute_error() -> None:
    likelihood = Laplace(mode="learned").double()
    params = noise(50, 1, 4, 4)
    x = params + 0.1 * noise(50, 1, 4, 4, seed=1)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        (-likelihood.log_prob(params, x).mean()).backward()
        optimizer.step()
    # Maximum likelihood has b = MAE; Adam is within a small part of its last steps of it.
    learned = math.exp(likelihood.spread.log().item())
    assert learned == pytest.approx(float((x - params).abs().mean()), rel=1e-3)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_is_none_is_refused_by_its_own_name(scale: float) -> None:
    with pytest.raises(UserError, match=r"likelihood\.scale must be above 0"):
        Laplace(scale=scale)
