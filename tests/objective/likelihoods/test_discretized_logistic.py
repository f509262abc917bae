"""The discretised logistic: differences of the logistic's distribution function, without them."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import DiscretizedLogistic

SCALES = [1e-4, 1e-3, 0.02, 0.1, 1.0, 50.0]
MEANS = [-0.5, 0.0, 0.3, 0.5, 1.0, 4.0]


def every_level(likelihood: DiscretizedLogistic) -> Tensor:
    return likelihood.grid.value(torch.arange(likelihood.grid.levels).double()).view(-1, 1, 1, 1)


def edges(likelihood: DiscretizedLogistic) -> Tensor:
    """The k + 1 edges of the cells, the outer ones infinite."""
    inner = every_level(likelihood).flatten()[1:] - likelihood.grid.width / 2
    infinite = torch.tensor([math.inf], dtype=torch.float64)
    return torch.cat([-infinite, inner, infinite])


def fixed(k: int, scale: float, dequantized: bool = False) -> DiscretizedLogistic:
    return DiscretizedLogistic(k, dequantized, scale=scale, mode="fixed").double()


def mean_output(mean: float) -> Tensor:
    return torch.full((1, 1, 1, 1), mean, dtype=torch.float64)


@pytest.mark.parametrize("dequantized", [False, True])
@pytest.mark.parametrize("k", [2, 3, 17, 256])
@pytest.mark.parametrize("scale", SCALES)
def test_the_masses_are_those_of_the_cells_and_sum_to_one(
    k: int, scale: float, dequantized: bool
) -> None:
    likelihood = fixed(k, scale, dequantized)
    s = math.exp(likelihood.spread.log())  # log s is kept in float32
    for mean in MEANS:
        mass = likelihood.log_prob(mean_output(mean), every_level(likelihood)).exp()
        assert float(mass.sum()) == pytest.approx(1, abs=1e-12)  # float64, k terms
        e = edges(likelihood).numpy()
        # On either side of the mean the difference of the smaller numbers.
        cells = stats.logistic(mean, s)
        below, above = cells.cdf(e), cells.sf(e)
        expected = [
            below[i + 1] - below[i] if e[i + 1] < mean else above[i] - above[i + 1]
            for i in range(k)
        ]
        # Rounding of (e - m) / s, up to 1e4 · 1e-16 · 5, in the exponent; of 1 in the difference.
        torch.testing.assert_close(mass.tolist(), expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("scale", SCALES)
def test_float32_agrees_with_float64_at_all_levels(scale: float) -> None:
    single = DiscretizedLogistic(256, scale=scale, mode="fixed")
    double = DiscretizedLogistic(256, scale=scale, mode="fixed").double()
    for mean in MEANS:
        params, x = mean_output(mean), every_level(single)
        found = single.log_prob(params.float(), x.float()).double()
        # e - m is rounded to 2^-23 near 1 and 2^-22 near 4, and log p has at most the slope 1 / s
        # in each of two edges; the rest is a few roundings of log p itself and of logs near 10.
        atol = 2 * (2**-22 if mean > 1 else 2**-23) / scale + 4e-6
        expected = double.log_prob(params.float().double(), x)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=atol)


@pytest.mark.parametrize("dequantized", [False, True])
@pytest.mark.parametrize("scale", SCALES)
def test_the_mean_is_the_sum_over_the_levels(scale: float, dequantized: bool) -> None:
    likelihood = fixed(17, scale, dequantized)
    x = every_level(likelihood)
    for mean in MEANS:
        mass = likelihood.log_prob(mean_output(mean), x).exp()
        found = float(likelihood.mean(mean_output(mean)))
        assert found == pytest.approx(float((mass * x.flatten()).sum()), abs=1e-12)  # float64


@pytest.mark.parametrize(("mean", "scale"), [(0.4, 0.05), (0.9, 0.3), (0.5, 1e-4)])
def test_samples_are_levels_in_the_right_shares(mean: float, scale: float) -> None:
    torch.manual_seed(0)
    likelihood, n = fixed(17, scale), 100_000
    x = likelihood.sample(mean_output(mean).expand(n, -1, -1, -1))
    likelihood.check(x)
    p = likelihood.log_prob(mean_output(mean), every_level(likelihood)).exp()
    share = torch.bincount(likelihood.grid.level(x).flatten(), minlength=17) / n
    # 4 standard errors; of a level that is all but never or always drawn, 1e-4 in n draws
    assert ((share - p).abs() <= 4 * (p * (1 - p) / n).sqrt() + 1e-4).all()


@pytest.mark.parametrize("mode", ["learned", "pixel"])
def test_a_scale_of_ones_own_starts_where_it_is_told(mode: str) -> None:
    likelihood = DiscretizedLogistic(17, scale=0.2, mode=mode).double()  # type: ignore[arg-type]
    params = torch.zeros(1, likelihood.outputs, 1, 1, dtype=torch.float64)
    x = every_level(likelihood)
    found = likelihood.log_prob(params, x)
    # The floor, a twentieth of a cell of 1/16, adds its square to that of the scale: 2.4e-4 of it,
    # half of that to log s, in which log p has a slope of |x - m| / s < 6 or so.
    torch.testing.assert_close(found, fixed(17, 0.2).log_prob(params[:, :1], x), rtol=0, atol=1e-3)


def test_each_pixel_has_the_scale_that_the_decoder_gives_it() -> None:
    likelihood = DiscretizedLogistic(17, scale=1.0, mode="pixel").double()
    x = every_level(likelihood)
    for scale in (0.05, 0.2, 2.0):
        params = torch.tensor([0.3, math.log(scale)], dtype=torch.float64).view(1, 2, 1, 1)
        s = (scale**2 + math.exp(2 * likelihood.spread.floor)) ** 0.5
        expected = fixed(17, s).log_prob(mean_output(0.3), x)
        # log s in float32 on one side; the ceiling's e^-24 / 2 on the other; slope below 20
        torch.testing.assert_close(
            likelihood.log_prob(params, x), expected, rtol=0, atol=20 * 2**-22
        )


@pytest.mark.parametrize(("mode", "count"), [("fixed", 0), ("learned", 1), ("pixel", 0)])
def test_only_a_learned_scale_is_a_parameter(mode: str, count: int) -> None:
    likelihood = DiscretizedLogistic(17, mode=mode)  # type: ignore[arg-type]
    assert len(list(likelihood.parameters())) == count


def test_another_mode_is_refused() -> None:
    with pytest.raises(UserError, match="fixed, learned or pixel, not 'optimal'"):
        DiscretizedLogistic(17, mode="optimal")  # type: ignore[arg-type]
