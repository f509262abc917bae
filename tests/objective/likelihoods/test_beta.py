"""The Beta, against SciPy's and its own double precision."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import Beta
from betafront.objective.likelihoods.beta import SERIES_FROM, stirling_remainder

RAW = [-12.0, -4.0, -1.0, 0.0, 0.7, 2.0, 5.0, 8.0, 14.0]
PAIRS = [(a, b) for a in RAW for b in RAW]
# Stirling's series is cut where the next term is 1 / (1680 z⁷), 2.8e-10 at the switch; there are
# three of them.
CUT = 3 * 3e-10


def outputs(pairs: list[tuple[float, float]]) -> Tensor:
    return torch.tensor(pairs, dtype=torch.float64).view(-1, 2, 1, 1)


def concentrations(params: Tensor) -> tuple[np.ndarray, np.ndarray]:
    log_a, log_b = Beta()._log_concentrations(params)
    return log_a.exp().flatten().numpy(), log_b.exp().flatten().numpy()


def values(params: Tensor, seed: int = 0) -> Tensor:
    """For each output, a value of the distribution and one from anywhere."""
    torch.manual_seed(seed)
    drawn = Beta().sample(params.float())
    anywhere = torch.rand(drawn.shape).clamp(1e-6, 1 - 2**-24)
    return torch.where(torch.rand(drawn.shape) < 0.7, drawn, anywhere).double()


def test_log_prob_is_scipys() -> None:
    params = outputs(PAIRS)
    a, b = concentrations(params)
    for seed in range(20):
        x = values(params, seed)
        expected = stats.beta(a, b).logpdf(x.flatten().numpy())
        found = Beta().log_prob(params, x).numpy()
        # SciPy's own form subtracts numbers of up to 3e5 nats, each rounded to 6e-11.
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=CUT + 6 * 6e-11)


def test_the_concentrations_stay_between_their_bounds_and_start_uniform() -> None:
    a, b = concentrations(outputs([(-1e4, 1e4), (0.0, 0.0)]))
    assert a[0] == pytest.approx(0.01, rel=1e-9)
    assert b[0] == pytest.approx(1e4, rel=1e-9)
    # The floor at e^-4.6 adds half of its square, 5e-5, to the logarithm.
    assert (a[1], b[1]) == pytest.approx((1, 1), abs=6e-5)


@pytest.mark.parametrize("pair", [(0.0, 0.0), (1.0, 2.0), (3.0, 0.5), (6.0, 5.0), (14.0, 13.0)])
def test_the_density_integrates_to_one(pair: tuple[float, float]) -> None:
    # In t = logit(x) the density has no ends, and the trapezoidal rule is exact to rounding with
    # seven points or more to the deviation of the sharpest peak (0.014); e^-30 is cut off.
    t = torch.linspace(-30, 30, 30_001, dtype=torch.float64)
    x = t.sigmoid()
    log_density = Beta().log_prob(outputs([pair]), x.view(-1, 1, 1, 1))
    slope = torch.nn.functional.logsigmoid(t) + torch.nn.functional.logsigmoid(-t)  # log dx/dt
    total = float(torch.trapezoid((log_density + slope).exp(), t))
    # Towards x = 1 the numbers have only steps of 1e-16, where e^-30 of the mass is left.
    assert total == pytest.approx(1, abs=CUT + 1e-11)


def test_float32_has_the_digits_that_its_concentrations_have() -> None:
    generator = torch.Generator().manual_seed(0)
    params = 26 * torch.rand(20_000, 2, 1, 1, generator=generator) - 12
    x = values(params.double())
    exact = params.double().requires_grad_()
    logs = torch.stack(Beta()._log_concentrations(exact))
    a, b = logs.detach().exp().flatten(1)
    at = x.flatten()
    # d log p / d log a = a (log x - E log x): what a rounding of log a comes to.
    n = torch.digamma(a + b)
    slope = (a * (at.log() - torch.digamma(a) + n)).abs()
    slope += (b * (torch.log1p(-at) - torch.digamma(b) + n)).abs()
    log_prob = Beta().log_prob(exact, x).detach()
    error = (Beta().log_prob(params, x.float()).double() - log_prob).abs()
    # log a, up to 9.2, comes out of two softplus, each rounded to 2^-21 there. Beside that, the
    # dozen numbers that are added are rounded: of 10 or less near the peak, and far away as large
    # as log p itself, with the terms of up to a quarter of it that its two halves share.
    assert (error <= 2**-20 * slope + 12 * 2**-24 * (10 + log_prob.abs())).all()
    # The textbook form has steps of 2^-6 in lgamma(2·10⁴); near the peak this has under 2^-11.
    assert float(error[log_prob.abs() < 20].max()) < 2**-11


def test_the_remainder_of_stirling_is_continuous_and_lgammas() -> None:
    z = torch.tensor([0.01, 0.5, 1.0, SERIES_FROM - 1e-9, SERIES_FROM, 20.0], dtype=torch.float64)
    formula = (z - 0.5) * z.log() - z + 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(stirling_remainder(z), torch.lgamma(z) - formula, rtol=0, atol=3e-10)


def test_the_mean_is_a_over_a_plus_b() -> None:
    params = outputs(PAIRS)
    a, b = concentrations(params)
    found = Beta().mean(params).flatten().numpy()
    torch.testing.assert_close(found, stats.beta(a, b).mean(), rtol=1e-12, atol=0)  # float64


@pytest.mark.parametrize("pair", [(0.0, 0.0), (-1.0, 0.7), (2.0, 5.0), (14.0, 8.0)])
def test_samples_have_its_mean_and_variance(pair: tuple[float, float]) -> None:
    torch.manual_seed(0)
    n = 200_000
    params = outputs([pair])
    a, b = concentrations(params)
    mean, variance, kurtosis = (float(m[0]) for m in stats.beta(a, b).stats("mvk"))
    x = Beta().sample(params.expand(n, -1, -1, -1))
    # four standard errors each; float64
    assert float(x.mean()) == pytest.approx(mean, abs=4 * (variance / n) ** 0.5)
    fourth = (kurtosis + 2) * variance**2
    assert float(x.var()) == pytest.approx(variance, abs=4 * (fourth / n) ** 0.5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_end_of_the_interval_is_refused_with_the_way_out(value: float) -> None:
    with pytest.raises(UserError, match=r"the data runs from .* data\.dequantize=true"):
        Beta().check(torch.tensor([0.5, value]))
    with pytest.raises(UserError, match=r"likelihood=beta is for data in \[0, 1\]"):
        Beta().check(torch.tensor([0.5, 1.5]))
    Beta().check(torch.tensor([2.0**-126, 0.5, 1 - 2.0**-24]))
