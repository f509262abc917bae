"""The closed forms of the best constant output, the score and the information, against autodiff."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Gaussian,
    GaussianPerImage,
    Likelihood,
    Multinomial,
    NegativeBinomial,
    Poisson,
)
from betafront.objective.likelihoods.derivatives import information_by_autodiff, score_by_autodiff

SHAPE, N = (1, 2, 3), 6


def uniform(n: int = 300) -> Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(0)).double()


def grey() -> Tensor:
    return uniform() ** torch.linspace(0.5, 30, N).view(SHAPE)


def binary() -> Tensor:
    return (uniform() < torch.linspace(0.05, 0.9, N).view(SHAPE)).double()


def levels() -> Tensor:
    return (grey() * 4).floor().clamp(max=3) / 3


def counts() -> Tensor:
    rates = uniform() * torch.linspace(0.5, 20, N).view(SHAPE)
    return torch.poisson(rates, generator=torch.Generator().manual_seed(1))


CASES: dict[str, tuple[Callable[[], Likelihood], Callable[[], Tensor]]] = {
    "gaussian fixed": (lambda: Gaussian(0.3, "fixed"), grey),
    "gaussian learned": (lambda: Gaussian(mode="learned"), grey),
    "gaussian optimal": (lambda: Gaussian(mode="optimal"), grey),
    "gaussian per image": (GaussianPerImage, grey),
    "bernoulli": (Bernoulli, binary),
    "continuous bernoulli": (ContinuousBernoulli, grey),
    "categorical": (lambda: Categorical(4), levels),
    "poisson": (Poisson, counts),
    "poisson of a total": (lambda: Poisson("row"), counts),
    "multinomial": (Multinomial, counts),
}


def at_constant(name: str) -> tuple[Likelihood, Tensor, Tensor]:
    make, data = CASES[name]
    x, likelihood = data(), make().eval()
    params = likelihood.constant(x.split(100))
    assert params is not None
    return likelihood.double(), params.double(), x


@pytest.mark.parametrize("name", CASES)
def test_the_best_constant_output_has_a_mean_score_of_0(name: str) -> None:
    likelihood, params, x = at_constant(name)
    score = likelihood.score(params, x).flatten(1)
    # η is rounded to float32, and a floor of σ moves it by less than 10⁻³.
    assert float(score.mean(0).abs().max()) <= 1e-3 * float(score.std(0).max())
    if likelihood.sigma is not None and not getattr(likelihood, "fixed", True):
        mse = float(((x - likelihood.mean(params)) ** 2).mean())
        assert likelihood.sigma**2 == pytest.approx(mse, rel=1e-3)


@pytest.mark.parametrize("name", [name for name in CASES if name != "gaussian per image"])
def test_the_score_is_the_slope_of_log_p(name: str) -> None:
    likelihood, params, x = at_constant(name)
    found, slope = likelihood.score(params, x), score_by_autodiff(likelihood, params, x)
    torch.testing.assert_close(found.flatten(1), slope.flatten(1), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["gaussian fixed", "bernoulli", "continuous bernoulli", "poisson"])
def test_the_information_is_the_curvature_of_log_p(name: str) -> None:
    likelihood, params, x = at_constant(name)
    found, curvature = (
        f(likelihood, params, x) for f in (type(likelihood).information, information_by_autodiff)
    )
    torch.testing.assert_close(found, curvature, rtol=1e-5, atol=1e-9)


def test_of_a_softmax_a_part_is_left_out_that_is_0_on_scores() -> None:
    likelihood, params, x = at_constant("categorical")
    whole = information_by_autodiff(likelihood, params, x)  # (k, k, N)
    p = likelihood.information(params, x)[0, 0].view(4, N)
    torch.testing.assert_close(whole, torch.diag_embed(p.T).movedim(0, 2) - p * p[:, None])
    torch.testing.assert_close(
        likelihood.score(params, x).view(len(x), 4, N).sum(1), torch.zeros(len(x), N).double()
    )


@pytest.mark.parametrize("name", ["multinomial", "poisson of a total"])
def test_of_a_given_total_a_part_is_left_out_that_is_0_on_scores(name: str) -> None:
    likelihood, params, x = at_constant(name)

    def log_px(eta: Tensor) -> Tensor:
        return likelihood.log_prob(eta.view(params.shape), x).mean()

    hessian = -torch.autograd.functional.hessian(log_px, params.flatten())
    rate = likelihood.information(params, x)[0, 0]
    torch.testing.assert_close(hessian, torch.diag(rate) - torch.outer(rate, rate) / rate.sum())
    score = likelihood.score(params, x)
    torch.testing.assert_close(score.sum(2), torch.zeros(len(x), 1).double())


def test_a_sigma_of_the_image_has_a_score_of_its_own() -> None:
    likelihood, params, x = at_constant("gaussian per image")

    def log_px(eta: Tensor) -> Tensor:  # of the N means, and of the level of log σ
        level = eta[-1].expand(N)
        return likelihood.log_prob(torch.cat([eta[:N], level]).view(params.shape), x)

    eta = torch.cat([params.flatten()[:N], params.new_zeros(1)])
    slopes = torch.autograd.functional.jacobian(log_px, eta)
    # σ is kept softly above e⁻⁶, by which its slope differs a little.
    torch.testing.assert_close(likelihood.score(params, x)[:, 0], slopes, rtol=1e-3, atol=1e-3)
    hessian = -torch.autograd.functional.hessian(lambda e: log_px(e).mean(), eta)
    torch.testing.assert_close(
        torch.diag(likelihood.information(params, x)[0, 0]), hessian, rtol=1e-3, atol=1e-2
    )


def test_several_parameters_of_a_dimension_have_a_block() -> None:
    likelihood = NegativeBinomial(mode="decoder").double()
    params = torch.randn(1, 2, 2, 3, generator=torch.Generator().manual_seed(0)).double()
    x = counts()
    assert likelihood.score(params, x).shape == (len(x), 2, N)
    found = likelihood.information(params, x)

    def log_px(eta: Tensor) -> Tensor:
        return likelihood.log_prob(eta.view(params.shape), x).mean()

    hessian = -torch.autograd.functional.hessian(log_px, params.flatten()).view(2, N, 2, N)
    torch.testing.assert_close(found, torch.einsum("jdkd->jkd", hessian))
    assert math.isclose(float(hessian.abs().sum()), float(found.abs().sum()), rel_tol=1e-9)


def test_dimensions_that_depend_on_each_other_are_refused() -> None:
    likelihood = NegativeBinomial("row", mode="shared").double()
    with pytest.raises(UserError, match="depend on each other"):
        likelihood.information(torch.zeros(1, *SHAPE).double(), counts())
