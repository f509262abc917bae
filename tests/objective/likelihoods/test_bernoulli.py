"""The Bernoulli: a mass on {0, 1}, and what it says to grey values."""

import pytest
import torch
from scipy import stats
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import Bernoulli


def pixels(values: list[float], dtype: torch.dtype = torch.float64) -> Tensor:
    """One image of one pixel for each value."""
    return torch.tensor(values, dtype=dtype).view(-1, 1, 1, 1)


def test_log_prob_has_every_constant() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(5, 3, 4, 2, generator=generator, dtype=torch.float64)
    x = (torch.rand(logits.shape, generator=generator) < 0.5).double()
    expected = stats.bernoulli(logits.sigmoid()).logpmf(x).reshape(5, -1).sum(1)
    log_prob = Bernoulli().log_prob(logits, x).numpy()
    torch.testing.assert_close(log_prob, expected, rtol=1e-12, atol=0)  # float64


@pytest.mark.parametrize("logit", [-500.0, -50.0, -1.0, 0.0, 0.3, 50.0, 500.0])
def test_the_masses_sum_to_one(logit: float) -> None:
    log_mass = Bernoulli().log_prob(pixels([logit, logit]), pixels([0.0, 1.0]))
    assert float(log_mass.exp().sum()) == pytest.approx(1, abs=1e-14)  # float64


def test_the_gradient_is_finite_at_extreme_logits() -> None:
    for x in (0.0, 1.0):
        logits = pixels([0, 1e-3, -1e-3, 100, -100, 1e4, -1e4], torch.float32).requires_grad_()
        log_prob = Bernoulli().log_prob(logits, torch.full_like(logits, x))
        (gradient,) = torch.autograd.grad(log_prob.sum(), logits)
        assert torch.isfinite(log_prob).all()
        # d log p / d logit = x - sigmoid(logit); float32
        torch.testing.assert_close(gradient, x - logits.detach().sigmoid(), rtol=1e-6, atol=1e-7)


def test_the_mean_is_the_probability() -> None:
    mean = Bernoulli().mean(pixels([0.0, 2.0]))
    torch.testing.assert_close(mean.flatten(), torch.tensor([0.5, 0.880797077977882]).double())


def test_samples_are_zeros_and_ones_in_the_right_share() -> None:
    torch.manual_seed(0)
    n, p = 100_000, 0.880797077977882
    x = Bernoulli().sample(torch.full((n, 1, 1, 1), 2.0))
    assert set(x.unique().tolist()) == {0, 1}
    assert float(x.mean()) == pytest.approx(p, abs=4 * (p * (1 - p) / n) ** 0.5)  # 4 std errors


def test_grey_values_are_refused_with_three_ways_out() -> None:
    with pytest.raises(UserError) as refused:
        Bernoulli().check(pixels([0.0, 0.5, 1.0]))
    for way_out in ("data.binarize=", "likelihood=continuous_bernoulli", "likelihood.grey=true"):
        assert way_out in str(refused.value)


def test_binary_data_and_grey_by_choice_are_accepted() -> None:
    Bernoulli().check(pixels([0.0, 1.0]))
    Bernoulli(grey=True).check(pixels([0.0, 0.5, 1.0]))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("value", [-0.1, 1.1, 255.0])
def test_data_outside_the_unit_interval_is_refused(grey: bool, value: float) -> None:
    with pytest.raises(UserError, match=r"\[0, 1\], but the data runs from .* likelihood=gaussian"):
        Bernoulli(grey=grey).check(pixels([0.0, value, 1.0]))


def test_grey_is_cross_entropy_whose_floor_is_the_entropy() -> None:
    x = pixels([0.2])
    grid = pixels(torch.linspace(-4, 4, 801).tolist())
    cross_entropy = -Bernoulli(grey=True).log_prob(grid, x.expand_as(grid))
    entropy = stats.bernoulli(0.2).entropy()
    # The least on a grid 0.01 apart is within a half of 0.005² · p (1 - p) of the least there is.
    assert float(cross_entropy.min()) == pytest.approx(entropy, abs=0.5 * 0.005**2 * 0.16)
    assert float(cross_entropy.min()) >= entropy
