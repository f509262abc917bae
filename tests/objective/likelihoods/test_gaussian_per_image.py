"""The Gaussian with a σ per image, as a function of z."""

import math
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import GaussianPerImage


def outputs(mean: Tensor, log_sigma: Tensor) -> Tensor:
    """Decoder outputs with this mean map and, over each image, this mean of the second map."""
    ripple = torch.randn(mean.shape, generator=torch.Generator().manual_seed(2), dtype=mean.dtype)
    ripple = ripple - ripple.mean((1, 2, 3), keepdim=True)
    return torch.cat([mean, ripple + log_sigma.view(-1, 1, 1, 1)], dim=1)


def images(n: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, 4, 2, generator=generator, dtype=torch.float64)


def test_log_prob_is_that_of_one_sigma_per_image() -> None:
    mean, x = images(4), images(4, seed=1)
    sigma = torch.tensor([0.1, 0.5, 1.0, 30.0], dtype=torch.float64)
    expected = stats.norm(mean, sigma.view(-1, 1, 1, 1)).logpdf(x).reshape(4, -1).sum(1)
    log_prob = GaussianPerImage().log_prob(outputs(mean, sigma.log()), x).numpy()
    # The bounds at e^-6 and e^12 move log σ by half the squared ratio to them; log p has the slope
    # SSE / σ² - N in log σ. And torch's softplus is right to e^-20.
    sse = ((x - mean) ** 2).sum((1, 2, 3)).numpy()
    for i, s in enumerate(sigma.tolist()):
        moved = 0.5 * (math.exp(-12) / s**2 + s**2 * math.exp(-24)) + math.exp(-20)
        assert log_prob[i] == pytest.approx(expected[i], abs=1.01 * moved * (24 + sse[i] / s**2))


def test_sigma_is_a_function_of_z_alone() -> None:
    # Had σ been fitted to x, the density would not integrate to 1 over one pixel.
    x = torch.linspace(-12, 12, 4801, dtype=torch.float64).view(-1, 1, 1, 1)
    params = torch.tensor([0.3, math.log(0.8)], dtype=torch.float64).view(1, 2, 1, 1)
    density = GaussianPerImage().log_prob(params, x).exp()
    # The trapezoidal rule is exact to rounding for a Gaussian on such a grid.
    assert float(torch.trapezoid(density, x.flatten())) == pytest.approx(1, abs=1e-12)


def test_sigma_starts_at_the_error_of_the_first_statistic() -> None:
    likelihood = GaussianPerImage(None).double().train()
    mean, x = images(4), images(4, seed=1)
    params = outputs(mean, torch.zeros(4, dtype=torch.float64))
    likelihood.remember(likelihood.statistic(params, x))
    assert not likelihood.unset
    assert likelihood.statistic(params, x) is None
    rmse = float(((x - mean) ** 2).mean().sqrt())
    expected = stats.norm(mean, rmse).logpdf(x).reshape(4, -1).sum(1)
    # The bounds move log σ by e^-12 where σ is about 1, at most; log p is steep by some N there.
    torch.testing.assert_close(
        likelihood.log_prob(params, x).numpy(), expected, rtol=0, atol=100 * math.exp(-12)
    )


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, "abc"])
def test_a_start_that_is_none_is_refused(sigma: Any) -> None:
    with pytest.raises(UserError, match=r"likelihood\.sigma must be above 0"):
        GaussianPerImage(sigma)


def test_the_mean_is_the_first_map_and_samples_spread_by_sigma() -> None:
    torch.manual_seed(0)
    n, sigma = 20_000, torch.tensor([0.2, 2.0], dtype=torch.float64)
    params = outputs(images(2), sigma.log())
    likelihood = GaussianPerImage()
    assert torch.equal(likelihood.mean(params), images(2))
    drawn = torch.stack([likelihood.sample(params) for _ in range(n // 24)])
    variance = ((drawn - images(2)) ** 2).mean((0, 2, 3, 4))
    count = n // 24 * 24
    for found, s in zip(variance.tolist(), sigma.tolist(), strict=True):
        assert found == pytest.approx(s**2, rel=4 * (2 / count) ** 0.5)  # 4 standard errors
