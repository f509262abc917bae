"""The Gaussian: every constant, and a σ that is free to go where the data wants it."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import Gaussian
from betafront.objective.likelihoods.spread import (
    LOG_CEILING,
    LOG_FLOOR,
    between,
    inverse_soft_floor,
    soft_floor,
)

FLOAT32 = 2.0**-22  # two roundings of float32, in which a fresh module keeps log σ


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("mode", ["fixed", "learned", "optimal"])
def test_log_prob_has_every_constant(mode: str) -> None:
    likelihood = Gaussian(sigma=0.3, mode=mode).double().eval()  # type: ignore[arg-type]
    assert likelihood.sigma == pytest.approx(0.3, rel=FLOAT32)
    params, x = noise(2, 5, 3, 4, 2)
    expected = stats.norm(params, likelihood.sigma).logpdf(x).reshape(5, -1).sum(1)
    log_prob = likelihood.log_prob(params, x)
    # float64; torch's softplus, which learned and optimal σ go through, is right to e^-20
    torch.testing.assert_close(log_prob.detach().numpy(), expected, rtol=1e-8, atol=0)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_the_density_integrates_to_one(sigma: float) -> None:
    likelihood = Gaussian(sigma=sigma, mode="fixed").double()
    x = 0.7 + sigma * torch.linspace(-10, 10, 2001, dtype=torch.float64)
    density = likelihood.log_prob(torch.full_like(x, 0.7).view(-1, 1, 1, 1), x.view(-1, 1, 1, 1))
    # The trapezoidal rule is exact to rounding for a Gaussian on such a grid.
    assert float(torch.trapezoid(density.exp(), x)) == pytest.approx(1, abs=1e-12)


def test_samples_have_its_mean_and_variance() -> None:
    torch.manual_seed(0)
    likelihood, n = Gaussian(sigma=0.3, mode="fixed"), 100_000
    x = likelihood.sample(torch.full((n, 1, 1, 1), 0.5)).double()
    assert float(x.mean()) == pytest.approx(0.5, abs=4 * 0.3 / n**0.5)  # 4 standard errors
    assert float(x.var()) == pytest.approx(0.09, abs=4 * 0.09 * (2 / n) ** 0.5)  # likewise


def test_the_mean_is_the_output() -> None:
    params = noise(2, 1, 3, 3)
    assert torch.equal(Gaussian().mean(params), params)


@pytest.mark.parametrize(("mode", "count"), [("fixed", 0), ("learned", 1), ("optimal", 0)])
def test_only_a_learned_sigma_is_a_parameter(mode: str, count: int) -> None:
    assert len(list(Gaussian(mode=mode).parameters())) == count  # type: ignore[arg-type]


@pytest.mark.parametrize(("start", "truth"), [(1.0, 0.1), (0.02, 0.1), (1.0, 5.0)])
def test_learned_sigma_goes_below_one_and_above(start: float, truth: float) -> None:
    likelihood = Gaussian(sigma=start, mode="learned").double()
    params = noise(50, 1, 4, 4)
    x = params + truth * noise(50, 1, 4, 4, seed=1)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        (-likelihood.log_prob(params, x).mean()).backward()
        optimizer.step()
    rmse = float(((x - params) ** 2).mean().sqrt())
    # Maximum likelihood has σ = RMSE; Adam is within a small part of its last steps of it.
    assert likelihood.sigma == pytest.approx(rmse, rel=1e-3)


def taught(likelihood: Gaussian, params: Tensor, x: Tensor) -> None:
    """A step of training."""
    likelihood.remember(likelihood.statistic(params, x))


def test_nothing_but_remembering_changes_a_likelihood() -> None:
    likelihood = Gaussian(mode="optimal").train()
    params, x = torch.zeros(4, 1, 2, 2), torch.full((4, 1, 2, 2), 0.25)
    before = {name: value.clone() for name, value in likelihood.state_dict().items()}
    likelihood.log_prob(params, x)
    statistic = likelihood.statistic(params, x)
    for name, value in likelihood.state_dict().items():
        assert torch.equal(value, before[name]), name
    likelihood.remember(statistic)
    assert likelihood.sigma == pytest.approx(0.25, rel=1e-4)  # the floor's e^-12 beside 1/16
    assert likelihood.eval().statistic(params, x) is None


def test_a_learned_sigma_that_was_not_given_is_set_by_the_first_statistic_alone() -> None:
    likelihood = Gaussian(mode="learned").train()
    assert (likelihood.unset, likelihood.sigma) == (True, 1)
    params = torch.zeros(4, 1, 2, 2)
    assert likelihood.eval().statistic(params, params) is None
    likelihood.train()
    taught(likelihood, params, params + 0.25)
    assert not likelihood.unset
    assert likelihood.sigma == pytest.approx(0.25, rel=1e-4)  # the floor's e^-12 beside 1/16
    taught(likelihood, params, params + 3)
    assert likelihood.sigma == pytest.approx(0.25, rel=1e-4)
    (slope,) = torch.autograd.grad(
        likelihood.log_prob(params, params + 0.25).sum(), likelihood.parameters()
    )
    # Nothing to gain there: N (SSE/N/σ² - 1) is 0, up to the floor.
    assert float(slope) == pytest.approx(0, abs=1e-2)


def test_a_learned_sigma_that_was_given_stays_where_it_is() -> None:
    likelihood = Gaussian(0.3, mode="learned").train()
    params = torch.zeros(4, 1, 2, 2)
    assert likelihood.statistic(params, params + 1) is None
    assert not likelihood.unset


@pytest.mark.parametrize("factor", [-1.0, math.inf, math.nan, "abc"])
def test_a_factor_on_the_learning_rate_that_cannot_be_is_refused(factor: Any) -> None:
    with pytest.raises(UserError, match=r"likelihood\.lr_factor must be finite and not negative"):
        Gaussian(mode="learned", lr_factor=factor)


def test_an_optimal_sigma_without_a_statistic_is_refused() -> None:
    with pytest.raises(UserError, match="learns its scale from the statistic"):
        Gaussian(mode="optimal").remember(None)
    for mode in ("fixed", "learned"):
        Gaussian(mode=mode).remember(None)


def test_optimal_sigma_is_the_root_mean_squared_error() -> None:
    likelihood = Gaussian(mode="optimal").double().train()
    params = noise(50, 1, 4, 4)
    x = params + 0.1 * noise(50, 1, 4, 4, seed=1)
    log_prob = likelihood.log_prob(params, x)
    taught(likelihood, params, x)
    mse = float(((x - params) ** 2).mean())
    # The floor adds e^-12 to the variance, 0.06 % of it here, half of that to σ.
    assert likelihood.sigma == pytest.approx(mse**0.5, rel=5e-4)
    # At the optimum -log p is ½ N ln(2πe·MSE), and flat: the floor costs 0.0006² / 4 per pixel.
    expected = -0.5 * 16 * math.log(2 * math.pi * math.e * mse)
    assert float(log_prob.mean()) == pytest.approx(expected, abs=16 * 0.0006**2)


def test_optimal_sigma_in_evaluation_is_that_of_training() -> None:
    likelihood = Gaussian(mode="optimal").double().train()
    params = noise(20, 1, 4, 4)
    taught(likelihood, params, params + 0.2 * noise(20, 1, 4, 4, seed=1))
    trained = likelihood.sigma
    likelihood.eval()
    x = params + 3.0 * noise(20, 1, 4, 4, seed=2)
    expected = stats.norm(params, trained).logpdf(x).reshape(20, -1).sum(1)
    # float64, with the rounding of σ through its logarithm
    torch.testing.assert_close(likelihood.log_prob(params, x).numpy(), expected, rtol=1e-12, atol=0)
    assert likelihood.sigma == trained


def test_optimal_sigma_of_training_is_a_running_mean_of_the_squared_error() -> None:
    likelihood = Gaussian(mode="optimal", momentum=0.9).double().train()
    zeros = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    errors = [1.0, 2.0, 5.0]
    for error in errors:
        taught(likelihood, zeros, zeros + error)
    shares = [0.9**2, 0.9, 1.0]
    mse = sum(s * e**2 for s, e in zip(shares, errors, strict=True)) / sum(shares)
    # The floor adds e^-12 to a variance of about 12.
    assert likelihood.sigma**2 == pytest.approx(mse, rel=1e-6)


def test_optimal_sigma_travels_with_the_weights() -> None:
    likelihood = Gaussian(mode="optimal").train()
    taught(likelihood, torch.zeros(4, 1, 2, 2), torch.full((4, 1, 2, 2), 0.25))
    fresh = Gaussian(mode="optimal")
    fresh.load_state_dict(likelihood.state_dict())
    assert fresh.sigma == likelihood.sigma
    assert fresh.sigma == pytest.approx(0.25, rel=1e-4)  # the floor's e^-12 beside 1/16


def test_an_exact_reconstruction_has_a_finite_loss_and_gradient() -> None:
    likelihood = Gaussian(mode="optimal").train()
    params = torch.ones(2, 1, 2, 2, requires_grad=True)
    log_prob = likelihood.log_prob(params, torch.ones(2, 1, 2, 2))
    taught(likelihood, params, torch.ones(2, 1, 2, 2))
    (gradient,) = torch.autograd.grad(log_prob.sum(), params)
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(gradient).all()
    assert likelihood.sigma == pytest.approx(math.exp(LOG_FLOOR), rel=1e-4)  # float32 log σ


@settings(deadline=None)
@given(st.floats(math.exp(LOG_FLOOR) * 1.001, 1e3))
def test_the_floor_has_an_inverse(sigma: float) -> None:
    raw = torch.tensor(inverse_soft_floor(math.log(sigma)), dtype=torch.float64)
    # torch's softplus is a straight line from 20 on, where it is right to e^-20.
    assert float(soft_floor(raw)) == pytest.approx(math.log(sigma), abs=math.exp(-20))


@settings(deadline=None)
@given(st.floats(-50, 10), st.floats(-50, 10))
def test_the_floor_holds_and_keeps_the_order(a: float, b: float) -> None:
    low, high = soft_floor(torch.tensor(sorted((a, b)), dtype=torch.float64)).tolist()
    assert LOG_FLOOR <= low <= high


def test_the_floor_is_not_felt_well_above_it() -> None:
    for sigma in (0.1, 0.3, 1.0):
        floored = float(soft_floor(torch.tensor(math.log(sigma), dtype=torch.float64)))
        # The floor's variance e^-12 beside σ² moves log σ by half their ratio, to first order.
        assert floored - math.log(sigma) == pytest.approx(
            0.5 * math.exp(-12) / sigma**2, rel=1e-2, abs=math.exp(-20)
        )


@settings(deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_two_soft_bounds_hold_and_keep_the_order(a: float, b: float) -> None:
    raw = torch.tensor(sorted((a, b)), dtype=torch.float64, requires_grad=True)
    bounded = between(raw, LOG_FLOOR, LOG_CEILING)
    low, high = bounded.tolist()
    # The floor lies over the ceiling: it adds e^-36 there, which is rounded away.
    assert LOG_FLOOR <= low <= high <= LOG_CEILING + 1e-14
    (slope,) = torch.autograd.grad(bounded.sum(), raw)
    assert ((slope >= 0) & (slope <= 1)).all()


def test_the_two_soft_bounds_are_not_felt_between_them() -> None:
    raw = torch.linspace(-1, 7, 9, dtype=torch.float64)
    # Each moves the logarithm by half of e^(-2 · distance), and both are 5 or more away.
    torch.testing.assert_close(
        between(raw, LOG_FLOOR, LOG_CEILING), raw, rtol=0, atol=0.51 * math.exp(-10)
    )


def test_without_gradients_the_running_mean_is_the_same() -> None:
    params = noise(20, 1, 4, 4)
    x = params + 0.2 * noise(20, 1, 4, 4, seed=1)
    with_, without = (Gaussian(mode="optimal").double().train() for _ in range(2))
    with_.log_prob(params.clone().requires_grad_(), x)
    with torch.no_grad():
        without.log_prob(params, x)
    assert with_.sigma == without.sigma != 1
    assert not with_.spread.total.requires_grad


def test_any_real_data_has_a_density() -> None:
    Gaussian().check(torch.tensor([-1e6, 0.5, 300.0]))


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.inf, math.nan, "abc"])
@pytest.mark.parametrize("mode", ["fixed", "learned", "optimal"])
def test_a_sigma_that_is_none_is_refused(mode: str, sigma: Any) -> None:
    with pytest.raises(UserError, match=r"likelihood\.sigma must be above 0"):
        Gaussian(sigma=sigma, mode=mode)  # type: ignore[arg-type]


def test_a_learned_sigma_cannot_start_below_the_floor_and_a_fixed_one_may() -> None:
    with pytest.raises(UserError, match=r"likelihood\.sigma must be above 0\.0025, not 0\.001"):
        Gaussian(sigma=0.001, mode="learned")
    assert Gaussian(sigma=0.001, mode="fixed").sigma == pytest.approx(0.001, rel=4 * FLOAT32)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UserError, match="fixed, learned or optimal, not 'free'"):
        Gaussian(mode="free")  # type: ignore[arg-type]
