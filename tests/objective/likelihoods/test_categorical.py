"""The categorical: a mass on k grey levels."""

import pytest
import torch
from scipy.special import log_softmax
from torch import Tensor

from betafront.objective import Categorical


def logits(n: int, k: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(n, k, 1, 1, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("dequantized", [False, True])
@pytest.mark.parametrize("k", [2, 5, 17, 256])
def test_log_prob_is_the_log_softmax_of_the_level_and_the_masses_sum_to_one(
    k: int, dequantized: bool
) -> None:
    likelihood = Categorical(k, dequantized)
    x = likelihood.grid.value(torch.arange(k).double()).view(-1, 1, 1, 1)
    params = logits(1, k)
    log_mass = likelihood.log_prob(params.expand(k, -1, -1, -1), x)
    expected = torch.from_numpy(log_softmax(params.flatten().numpy()))
    torch.testing.assert_close(log_mass, expected, rtol=1e-13, atol=1e-13)  # float64
    assert float(log_mass.exp().sum()) == pytest.approx(1, abs=1e-13)


def test_the_mean_is_the_sum_over_the_levels() -> None:
    for dequantized in (False, True):
        likelihood = Categorical(5, dequantized)
        values = likelihood.grid.value(torch.arange(5).double())
        expected = (logits(7, 5).softmax(1).squeeze() * values).sum(1)
        mean = likelihood.mean(logits(7, 5)).flatten()
        torch.testing.assert_close(mean, expected, rtol=1e-13, atol=0)  # float64


def test_samples_are_levels_in_the_right_shares() -> None:
    torch.manual_seed(0)
    n, params = 100_000, logits(1, 5)
    likelihood = Categorical(5)
    x = likelihood.sample(params.expand(n, -1, -1, -1))
    likelihood.check(x)
    p = params.softmax(1).flatten()
    share = torch.bincount(likelihood.grid.level(x).flatten(), minlength=5) / n
    assert ((share - p).abs() <= 4 * (p * (1 - p) / n).sqrt()).all()  # 4 standard errors
