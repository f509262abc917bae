"""The continuous Bernoulli, against numerical integration over the whole line of logits."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli

from betafront.errors import UserError
from betafront.objective import ContinuousBernoulli
from betafront.objective.likelihoods.continuous_bernoulli import SERIES_BELOW, log_constant

MAGNITUDES = (1e-8, 1e-3, 0.0999, SERIES_BELOW, 0.1001, 0.5, 3.0, 12.0, 50.0, 500.0)
LOGITS = [0.0, *(sign * m for m in MAGNITUDES for sign in (1, -1))]
EXTREMES = [0.0, 1e-3, -1e-3, 100.0, -100.0, 1e4, -1e4]


def pixels(values: list[float], dtype: torch.dtype = torch.float64) -> Tensor:
    """One image of one pixel for each value."""
    return torch.tensor(values, dtype=dtype).view(-1, 1, 1, 1)


def quadrature(logit: float) -> tuple[np.ndarray, np.ndarray]:
    """Points x in [0, 1] and weights, dense where exp(logit · x) is large: Gauss-Legendre on
    panels that grow tenfold away from that end."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    edges = np.array([0, 1e-4, 1e-3, 1e-2, 1e-1, 1])
    half = np.diff(edges)[:, None] / 2
    t = (edges[:-1, None] + half * (1 + nodes)).ravel()
    return (1 - t if logit > 0 else t), (half * weights).ravel()


def moments(logit: float) -> tuple[float, float, float, float]:
    """ln of the integral of exp(logit · x), and the mean, variance and fourth central moment."""
    x, w = quadrature(logit)
    largest = max(logit, 0.0)
    mass = w * np.exp(logit * x - largest)
    total = mass.sum()
    mean = (mass * x).sum() / total
    second, fourth = ((mass * (x - mean) ** k).sum() / total for k in (2, 4))
    return largest + np.log(total), mean, second, fourth


@pytest.mark.parametrize("logit", LOGITS)
def test_the_constant_is_minus_the_log_of_the_integral(logit: float) -> None:
    constant = float(log_constant(torch.tensor(logit, dtype=torch.float64)))
    # The series is cut where the next term is η⁶ / 181440, 6e-12 at the switch; else rounding.
    assert constant == pytest.approx(-moments(logit)[0], abs=1e-11, rel=1e-13)


@pytest.mark.parametrize("logit", LOGITS)
def test_the_density_integrates_to_one(logit: float) -> None:
    x, w = quadrature(logit)
    at = torch.from_numpy(x).view(-1, 1, 1, 1)
    density = ContinuousBernoulli().log_prob(torch.full_like(at, logit), at).exp().numpy()
    assert (w * density).sum() == pytest.approx(1, abs=1e-10)  # the constant's error, and rounding


@pytest.mark.parametrize("logit", LOGITS)
def test_the_mean_is_the_integral(logit: float) -> None:
    mean = float(ContinuousBernoulli().mean(pixels([logit])))
    # The series is cut where the next term is η⁵ / 30240, 3.3e-10 at the switch.
    assert mean == pytest.approx(moments(logit)[1], abs=4e-10)


def test_log_prob_sums_over_the_data_dimensions() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(5, 3, 4, 2, generator=generator, dtype=torch.float64)
    x = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
    expected = TorchContinuousBernoulli(logits=logits).log_prob(x).flatten(1).sum(1)
    # torch goes through λ and its own series around ½, which is right to about 1e-9 per pixel.
    torch.testing.assert_close(
        ContinuousBernoulli().log_prob(logits, x), expected, rtol=0, atol=24e-9
    )


@pytest.mark.parametrize(("lam", "constant"), [(0.5, 0.693), (0.9, 1.01), (0.99, 1.55)])
def test_what_separates_it_from_cross_entropy(lam: float, constant: float) -> None:
    logit, x = pixels([lam]).logit(), pixels([0.4])
    cross_entropy = -(0.4 * np.log(lam) + 0.6 * np.log(1 - lam))
    log_prob = float(ContinuousBernoulli().log_prob(logit, x))
    half_a_digit = 5e-4 if constant < 1 else 5e-3  # of the numbers as they are printed above
    assert log_prob + cross_entropy == pytest.approx(constant, abs=half_a_digit)


def test_the_mean_is_not_lambda() -> None:
    mean = float(ContinuousBernoulli().mean(pixels([0.2]).logit()))
    assert mean == pytest.approx(0.388, abs=5e-4)  # three digits


def test_the_gradient_is_x_minus_the_mean() -> None:
    likelihood, x = ContinuousBernoulli(), 0.3
    logits = pixels(LOGITS).requires_grad_()
    (gradient,) = torch.autograd.grad(
        likelihood.log_prob(logits, torch.full_like(logits, x)).sum(), logits
    )
    # Of an exponential family; both sides carry the cut of their series, 3.3e-10 at most.
    torch.testing.assert_close(gradient, x - likelihood.mean(logits.detach()), rtol=0, atol=1e-9)


def test_float32_agrees_with_float64_around_the_switch_and_beyond() -> None:
    logits = torch.cat([torch.linspace(-0.2, 0.2, 401), torch.linspace(-40, 40, 401)])
    # Near the switch two logarithms of about 2.3 are subtracted, each rounded to 1.2e-7.
    torch.testing.assert_close(
        log_constant(logits).double(), log_constant(logits.double()), rtol=2e-7, atol=6e-7
    )
    # And two numbers of about 10, each rounded to 5e-7.
    means = (ContinuousBernoulli().mean(e.view(-1, 1, 1, 1)) for e in (logits, logits.double()))
    torch.testing.assert_close(*(m.double() for m in means), rtol=0, atol=2e-6)


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_values_and_gradients_are_finite_in_float32_at_extreme_logits(x: float) -> None:
    likelihood = ContinuousBernoulli()
    logits = pixels(EXTREMES, torch.float32).requires_grad_()
    log_prob = likelihood.log_prob(logits, torch.full_like(logits, x))
    mean = likelihood.mean(logits)
    (gradient,) = torch.autograd.grad(log_prob.sum(), logits, retain_graph=True)
    (slope,) = torch.autograd.grad(mean.sum(), logits)
    for values in (log_prob, mean, gradient, slope):
        assert torch.isfinite(values).all()
    exact = pixels(EXTREMES)
    torch.testing.assert_close(
        gradient.double(),
        x - likelihood.mean(exact),
        rtol=0,
        atol=2e-6,  # float32 at the switch
    )
    assert (slope >= 0).all()  # the variance


@pytest.mark.parametrize("logit", [-200.0, -5.0, -0.05, 0.0, 1e-5, 2e-4, 0.05, 3.0, 200.0])
def test_samples_have_its_mean_and_variance(logit: float) -> None:
    torch.manual_seed(0)
    n = 200_000
    x = ContinuousBernoulli().sample(torch.full((n, 1, 1, 1), logit)).double()
    _, mean, variance, fourth = moments(logit)
    # four standard errors each
    assert float(x.mean()) == pytest.approx(mean, abs=4 * (variance / n) ** 0.5)
    assert float(x.var()) == pytest.approx(variance, abs=4 * ((fourth - variance**2) / n) ** 0.5)


def test_samples_stay_in_the_support_at_extreme_logits() -> None:
    torch.manual_seed(0)
    x = ContinuousBernoulli().sample(pixels(EXTREMES, torch.float32).repeat(1000, 1, 1, 1))
    assert float(x.min()) >= 0
    assert float(x.max()) <= 1


def test_grey_data_is_accepted_and_data_beyond_refused() -> None:
    ContinuousBernoulli().check(pixels([0.0, 0.5, 1.0]))
    for value in (-0.1, 1.1):
        with pytest.raises(UserError, match=r"continuous_bernoulli is for data in \[0, 1\]"):
            ContinuousBernoulli().check(pixels([value, 0.5]))
