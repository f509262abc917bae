"""What a likelihood says by a shortcut is what it says the long way."""

from typing import Any

import pytest
import torch
from torch import Tensor

from betafront.objective import (
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    Laplace,
    Likelihood,
)

LEVELS = 5


def examples() -> Tensor:
    x = torch.rand(50, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    return x.clamp(1e-3, 1 - 1e-3)


@pytest.mark.parametrize(
    "likelihood",
    [Beta(), Bernoulli(grey=True), ContinuousBernoulli(), Gaussian(), Gaussian(mode="learned")],
)
def test_the_mean_over_examples_is_that_of_each(likelihood: Likelihood) -> None:
    x = examples()
    params = torch.linspace(-2, 3, 6 * likelihood.outputs).view(1, -1, 2, 3).requires_grad_()
    found, expected = likelihood.mean_log_prob(x)(params), likelihood.log_prob(params, x).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    slopes = [torch.autograd.grad(value, params)[0] for value in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "likelihood",
    [
        Categorical(LEVELS), Categorical(LEVELS, dequantized=True), DiscretizedLogistic(LEVELS),
        DiscretizedLogistic(LEVELS, dequantized=True), DiscretizedLogistic(LEVELS, mode="pixel"),
    ],
)  # fmt: skip
def test_the_mean_over_levels_is_that_of_each_example(likelihood: Any) -> None:
    level = (LEVELS * examples()).floor()
    level[:, :, 0] = level[:, :, 0].clamp(max=LEVELS - 2)  # a level that some pixels never have
    x = likelihood.grid.value(level)
    params = torch.linspace(-2, 3, 6 * likelihood.outputs).view(1, -1, 2, 3).requires_grad_()
    found, expected = likelihood.mean_log_prob(x)(params), likelihood.log_prob(params, x).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    slopes = [torch.autograd.grad(value, params)[0] for value in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [Gaussian, Laplace])
@pytest.mark.parametrize("mode", ["fixed", "learned", "optimal"])
def test_log_prob_with_its_statistic_has_the_same_bits(
    kind: type[Gaussian | Laplace], mode: str
) -> None:
    likelihood, x = kind(mode=mode), examples()  # type: ignore[arg-type]
    params = torch.zeros(50, 1, 2, 3)
    log_px, statistic = likelihood.log_prob_and_statistic(params, x)
    expected = likelihood.statistic(params, x)
    assert torch.equal(log_px, likelihood.log_prob(params, x))
    assert (statistic is None) == (expected is None)
    assert statistic is None or (expected is not None and torch.equal(statistic, expected))


def test_a_subclass_that_says_it_otherwise_is_asked() -> None:
    class Halved(Gaussian):
        def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
            return 0.5 * super().log_prob_each(params, x)

    likelihood, x = Halved(), examples()
    params = torch.zeros(1, 1, 2, 3)
    expected = likelihood.log_prob(params, x)
    assert torch.equal(likelihood.log_prob_and_statistic(params, x)[0], expected)
    assert torch.equal(likelihood.mean_log_prob(x)(params), expected.mean())
