"""The β above which collapse is an optimum."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.data import InMemory, in_memory
from betafront.errors import UserError
from betafront.forecast import collapse as module
from betafront.forecast.collapse import collapse, gives_its_score
from betafront.forecast.forecast import Forecast, forecast
from betafront.objective import (
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    GaussianPerImage,
    Laplace,
    Likelihood,
    Multinomial,
    NegativeBinomial,
    Objective,
    Poisson,
    ZeroInflatedPoisson,
    normalisation,
)

N = 12


def normal(n: int = 500) -> Tensor:
    """Rotated, of the eigenvalues 4, 2, 1, …, and not about 0."""
    generator = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(N, N, generator=generator)).Q
    return torch.randn(n, N, generator=generator) * 2.0 ** -torch.arange(-1, N - 1) @ rotation + 3


def binary() -> Tensor:
    mixed = (normal() - 3) @ torch.randn(N, N, generator=torch.Generator().manual_seed(1))
    return (mixed > 0.7 * mixed.std(0)).float()


def grey() -> Tensor:
    return torch.sigmoid(normal() - 3).clamp(1e-4, 1 - 1e-4)


def counts() -> Tensor:
    return torch.poisson(torch.exp(0.3 * normal() - 0.5), torch.Generator().manual_seed(1))


def beta_of(x: Tensor, likelihood: Likelihood) -> float:
    return collapse(in_memory("x", x), likelihood.suit((N,)), 4).beta


def training(x: Tensor) -> np.ndarray:
    return in_memory("x", x).train.double().numpy()


def largest(matrix: np.ndarray) -> float:
    return float(np.linalg.eigvalsh(matrix)[-1])


@pytest.mark.parametrize("sigma", [0.2, 3.0])
def test_of_a_fixed_sigma_it_is_the_first_eigenvalue_over_its_square(sigma: float) -> None:
    first = largest(np.cov(training(normal()).T, bias=True))
    assert beta_of(normal(), Gaussian(sigma, "fixed")) == pytest.approx(first / sigma**2, rel=1e-5)


@pytest.mark.parametrize("mode", ["optimal", "learned"])
def test_of_a_free_sigma_it_is_the_first_eigenvalue_over_their_mean(mode: str) -> None:
    values = np.linalg.eigvalsh(np.cov(training(normal()).T, bias=True))
    found = beta_of(normal(), Gaussian(mode=mode))  # type: ignore[arg-type]
    assert found == pytest.approx(values[-1] / values.mean(), rel=1e-4)  # σ has a soft floor


def test_of_a_bernoulli_it_is_the_first_eigenvalue_of_the_correlation_matrix() -> None:
    x = binary()
    assert beta_of(x, Bernoulli()) == pytest.approx(largest(np.corrcoef(training(x).T)), rel=1e-5)


def test_of_a_poisson_the_covariance_is_divided_by_the_means() -> None:
    x = training(counts())
    mean = x.mean(0)
    expected = largest(np.cov(x.T, bias=True) / np.sqrt(np.outer(mean, mean)))
    assert beta_of(counts(), Poisson()) == pytest.approx(expected, rel=1e-5)


def test_two_levels_are_a_bernoulli() -> None:
    found = beta_of(binary(), Bernoulli())
    assert beta_of(binary(), Categorical(2)) == pytest.approx(found, rel=1e-5)
    fitted = beta_of(binary(), DiscretizedLogistic(2, mode="fixed", scale=0.3))
    assert fitted == pytest.approx(found, rel=2e-3)  # η is fitted by gradient


def test_a_sigma_of_the_image_opens_at_a_higher_beta_at_most() -> None:
    assert beta_of(normal(), GaussianPerImage()) >= beta_of(normal(), Gaussian()) * (1 - 1e-4)


class OwnGaussian(Likelihood):
    """A user's: without a score."""

    density = True

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        return -2.0 * (x - params) ** 2

    def mean(self, params: Tensor) -> Tensor:
        return params

    def sample(self, params: Tensor) -> Tensor:
        return params


class Robust(Gaussian):
    """A user's: another log p(x|z) than the one whose score it has inherited."""

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        return -2.0 * (x - params) ** 2


class Quartic(Gaussian):
    """A user's: another distance."""

    def powers(self, mean: Tensor, x: Tensor) -> Tensor:
        return (x - mean) ** 4


def test_a_distance_of_a_users_own_has_no_inherited_score() -> None:
    assert gives_its_score(Gaussian())
    assert not gives_its_score(Quartic())


@pytest.mark.parametrize("kind", [OwnGaussian, Robust])
def test_a_likelihood_without_a_score_is_differentiated(kind: Callable[[], Likelihood]) -> None:
    assert not gives_its_score(kind())
    expected = beta_of(normal(), Gaussian(0.5, "fixed"))
    assert beta_of(normal(), kind()) == pytest.approx(expected, rel=1e-3)  # η is fitted


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (Beta, grey),
        (ContinuousBernoulli, grey),
        (partial(NegativeBinomial, mode="per_dimension"), counts),
        (Multinomial, counts),
    ],
)
def test_every_other_kind_has_one(
    make: Callable[[], Likelihood], data: Callable[[], Tensor]
) -> None:
    found = collapse(in_memory("x", data()), make().suit((N,)), 4)
    assert 0.5 < found.beta < 50
    assert found.common is None


def test_what_few_examples_share_is_told_apart() -> None:
    x = grey()
    x[:, 0], x[5, 0], x[9, 0] = 1e-4, 0.9, 0.8
    found = collapse(in_memory("x", x), ContinuousBernoulli(), 4)
    assert found.beta > 100
    assert found.rare == 1
    without = beta_of(x.index_fill(1, torch.tensor(0), 0.5), ContinuousBernoulli())
    assert float(found.opening[0]) == pytest.approx(without, rel=1e-4)


def test_of_a_gaussian_no_direction_is_left_out() -> None:
    """The linear front knows what it is worth, and the range reaches to its collapse."""
    x = normal() - 3
    x[:, 0] = 0.01 * x[:, 0]
    x[::100, 0] = 40.0
    found = a_forecast(x, Gaussian())
    assert found.collapse.shared < 0.02
    assert found.beta_live == found.beta_c
    assert (found.live(found.beta_c), found.live(0.99 * found.beta_c)) == (0, 1)
    assert found.search[1] > found.beta_c


@pytest.mark.parametrize("kind", [Gaussian, OwnGaussian])
def test_sorted_data_of_too_many_examples_is_drawn_from(
    kind: Callable[[], Likelihood], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = normal(4000)
    x = x[(x - 3).norm(dim=1).argsort()]
    data = InMemory("x", x, x[::10], x[::10])
    whole = collapse(data, kind().suit((N,)), 4).beta
    monkeypatch.setattr(module, "MOST", 500 * N)
    monkeypatch.setattr(module, "MOST_FITTED", 500 * N)
    found = collapse(data, kind().suit((N,)), 4)
    assert found.examples == 500 < len(x)
    assert found.beta == pytest.approx(whole, rel=0.3)


def test_where_nearly_all_dimensions_are_rare_none_is_left_out() -> None:
    x = counts().clamp(max=3)
    x[:5] += 300 * torch.rand(5, N, generator=torch.Generator().manual_seed(2)).round()
    found = a_forecast(x, Multinomial())
    assert found.collapse.shared < 0.02
    assert found.collapse.common is None
    assert found.live(1e-3) == 3


def test_large_counts_beside_zeros_have_second_derivatives() -> None:
    x = counts()
    x[0, 0], x[1, 0] = 2000.0, 0.0
    assert np.isfinite(beta_of(x, ZeroInflatedPoisson()))


def test_without_a_knee_the_range_says_so() -> None:
    generator = torch.Generator().manual_seed(0)
    data = in_memory("x", torch.randn(300, 1, generator=generator), val=0.2, test=0.2)
    found = forecast(data, Gaussian(), Objective(1.0, normalisation("sum"), 1, 3))
    assert found.knee is None
    assert "no knee" in repr(found)
    assert "1 direction:" in repr(found)


def test_what_never_changes_is_left_out_and_counted() -> None:
    x = binary()
    x[:, 3], x[:, 5] = 0.0, 1.0
    found = collapse(in_memory("x", x), Bernoulli(), 4)
    assert found.unchanging == 2
    others = np.delete(training(x), [3, 5], 1)
    assert found.beta == pytest.approx(largest(np.corrcoef(others.T)), rel=1e-5)


def a_forecast(x: Tensor, likelihood: Likelihood, latents: int = 3) -> Forecast:
    data = in_memory("x", x, val=0.2, test=0.2)
    return forecast(data, likelihood, Objective(1.0, normalisation("mean"), N, latents))


def test_a_forecast_says_how_many_latents_are_alive() -> None:
    found = a_forecast(binary(), Bernoulli(), latents=3)
    examples = in_memory("x", binary(), val=0.2, test=0.2).train.double().numpy()
    values = np.linalg.eigvalsh(np.corrcoef(examples.T))[::-1]
    assert found.live(values[1] * 1.01) == 1
    assert found.live(values[1] * 0.99) == 2
    assert found.live(1e-6) == 3
    assert found.knee is None
    assert found.search == pytest.approx((0.01 * values[0], 1.5 * values[0]), rel=1e-5)
    assert found.weight(found.beta_c) == pytest.approx(values[0] * 3 / N, rel=1e-5)


def test_of_a_gaussian_the_range_begins_below_the_knee() -> None:
    found = a_forecast(normal(), Gaussian())
    assert found.knee is not None
    assert found.search == pytest.approx((0.1 * found.knee.beta, 1.5 * found.beta_c))
    assert found.front is not None
    assert found.front.at(found.beta_c).live == 0
    assert found.front.at(0.999 * found.beta_c).live == 1


def test_fewer_examples_than_dimensions_are_named() -> None:
    found = a_forecast(normal(n=20), Gaussian(), latents=20)
    text = " ".join(found.cautions)
    assert "12 training examples are no more than the 12 dimensions" in text
    assert "20 latents, and the data varies in" in text
    point = found.front.at(1.0) if found.front else None
    assert point is not None
    assert point.val_distortion > point.distortion


@pytest.mark.parametrize(
    ("data", "likelihood", "said"),
    [
        (torch.ones(40, N), Gaussian(), "are equal: nothing varies"),
        (normal(), Laplace(), "not curved downwards in 12 of 12"),
    ],
)
def test_what_has_no_forecast_is_refused(data: Tensor, likelihood: Likelihood, said: str) -> None:
    with pytest.raises(UserError, match=said):
        a_forecast(data, likelihood)


def test_values_that_are_not_finite_are_refused() -> None:
    x = normal()
    x[3, 4] = torch.nan
    data = InMemory("x", x, x[:10], x[:10])
    with pytest.raises(UserError, match="not finite"):
        collapse(data, Gaussian(), 4)
