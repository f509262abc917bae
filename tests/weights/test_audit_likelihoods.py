"""The audit names the likelihood, and which of its constants a loss has."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from betafront.objective import (
    Gaussian,
)
from betafront.objective.likelihoods.continuous_bernoulli import log_constant
from betafront.weights.audit import audit
from betafront.weights.projects import kl

SHAPE, N, M = (1, 6, 5), 30, 7
EXACT = 1e-9  # float64, where the recognised gradient is the exact one


def kl_sum(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).sum(1).mean()


def look(loss: Any, **arguments: Any) -> Any:
    return audit(loss, **{"shape": SHAPE, "latents": M} | arguments)


# Name, loss of (x, r) per example, β with weight 3
LIKELIHOODS = {
    "squared error": (lambda x, r: (x - r) ** 2, 1.5),
    "squared error of tanh(reconstruction)": (lambda x, r: (x - r.tanh()) ** 2, 1.5),
    "squared error of sigmoid(reconstruction)": (lambda x, r: (x - r.sigmoid()) ** 2, 1.5),
    "Bernoulli, of logits": (
        lambda x, r: functional.binary_cross_entropy_with_logits(r, x, reduction="none"),
        3.0,
    ),
    "Bernoulli, of probabilities": (
        lambda x, r: functional.binary_cross_entropy(r, x, reduction="none"),
        3.0,
    ),
    "absolute error (Laplace)": (lambda x, r: (x - r).abs(), 3.0),
    "continuous Bernoulli, of logits": (lambda x, r: -(x * r + log_constant(r)), 3.0),
    "continuous Bernoulli, of λ": (
        lambda x, r: -torch.distributions.ContinuousBernoulli(r, validate_args=False).log_prob(x),
        3.0,
    ),
}


@pytest.mark.parametrize("mean", [False, True], ids=["sum", "mean"])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_is_told(name: str, mean: bool) -> None:
    each, beta = LIKELIHOODS[name]

    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        if mean:
            return each(x, reconstruction).mean() + 3 * kl(mu, log_var).mean()
        return each(x, reconstruction).flatten(1).sum(1).mean() + 3 * kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.reconstruction == name
    # torch's own continuous Bernoulli is cut to a series near λ = 1/2.
    error = 1e-4 if name.endswith("of λ") else EXACT
    assert verdict.beta == pytest.approx(beta * (N / M if mean else 1), rel=error)
    assert verdict.normalisation == ("mean" if mean else "sum")
    assert verdict.clean
    if name.startswith(("squared", "absolute")):
        assert "is missing" in verdict.constants
    elif not name.endswith("of λ"):
        assert verdict.constants == "all there"


def test_cross_entropy_of_clamped_probabilities_is_still_told() -> None:
    def loss(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        p = x_hat.clamp(1e-6, 1 - 1e-6)
        entropy = -(x * (p + 1e-8).log() + (1 - x) * (1 - p + 1e-8).log())
        return entropy.sum() / len(x) + 2 * kl_sum(mu, logvar)

    verdict = look(loss)
    assert verdict.reconstruction == "Bernoulli, of probabilities"
    assert verdict.beta == pytest.approx(2, rel=1e-6)  # the epsilon


@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_a_gaussian_with_all_constants_shows_its_sigma(sigma: float) -> None:
    likelihood = Gaussian(sigma=sigma, mode="fixed").double()

    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return -likelihood.log_prob(reconstruction, x).mean() + 4 * kl_sum(mu, log_var)

    verdict = look(loss)
    sigma = likelihood.sigma  # rounded to float32
    assert verdict.scale_shown
    assert verdict.scale == pytest.approx(sigma, rel=1e-6)
    assert verdict.beta == pytest.approx(4, rel=1e-6)
    assert verdict.product == pytest.approx(4 * sigma**2, rel=1e-6)


def test_a_shown_sigma_counts_in_every_beta() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        normal = torch.distributions.Normal(reconstruction, 0.5)
        return -normal.log_prob(x).mean() + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta == pytest.approx(N, rel=EXACT)
    assert verdict.product == pytest.approx(N / 4, rel=EXACT)
    assert verdict.beta_by_shape == pytest.approx({"1x6x5": N, "1x12x10": 4 * N}, rel=EXACT)


def test_a_gaussian_without_its_half_log_two_pi() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        density = (x - reconstruction).square() / (2 * 0.25) + math.log(0.5)
        return density.sum() / len(x) + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta == pytest.approx(1, rel=EXACT)
    assert verdict.scale == pytest.approx(0.5, rel=EXACT)
    assert verdict.constants.startswith("½N ln 2π is missing; N ln σ is there")


def test_optimal_sigma_of_the_batch_leaves_beta_alone() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        log_sigma = (x - reconstruction).square().mean().log() / 2
        return N * log_sigma + 5 * kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.reconstruction == "Gaussian with the optimal σ of the batch"
    assert verdict.beta == pytest.approx(5, rel=EXACT)
    assert verdict.constants == "½N(ln 2π + 1) is missing"
    assert verdict.product is None


@pytest.mark.parametrize("detached", [False, True])
def test_optimal_sigma_with_a_soft_floor(detached: bool) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        optimal = (x - reconstruction).square().mean().log() / 2
        log_sigma = -6 + functional.softplus((optimal.detach() if detached else optimal) + 6)
        squares = ((x - reconstruction) / log_sigma.exp()).square()
        return (squares / 2 + log_sigma).sum() + 2 * kl(mu, log_var).sum()

    verdict = look(loss)
    assert verdict.beta == pytest.approx(2, rel=1e-4)  # the floor, at large errors
    # Near the optimum of σ the loss does not change with σ, and the floor shows only without that.
    assert ("its scale has a soft floor" in verdict.notes) == detached


def test_optimal_scale_of_a_laplace() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return N * ((x - reconstruction).abs().mean().log() + 1) + 5 * kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.reconstruction == "Laplace with the optimal b of the batch"
    assert verdict.beta == pytest.approx(5, rel=EXACT)
    assert verdict.constants == "N ln 2 is missing"


def test_log_mse_of_every_image_is_no_density() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        mse = (x - reconstruction).square().flatten(1).mean(1)
        return (mse.log() * N / 2).mean() + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.reconstruction == "Gaussian with an optimal σ for every image"
    assert verdict.beta == pytest.approx(1, rel=EXACT)
    assert "no density" in verdict.warnings[0]


def bernoulli(name: str) -> Any:
    """A loss that takes no grey values, of logits or of probabilities."""

    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        pixels = torch.distributions.Bernoulli(**{name: reconstruction})
        return 2 * kl_sum(mu, log_var) - pixels.log_prob(x).flatten(1).sum(1).mean()

    return loss


@pytest.mark.parametrize("name", ["logits", "probs"])
def test_a_loss_that_refuses_grey_values_is_given_bits(name: str) -> None:
    verdict = look(bernoulli(name))
    assert verdict.reconstruction.startswith("Bernoulli")
    assert verdict.beta == pytest.approx(2, rel=EXACT)
    assert "x of 0 and 1" in verdict.layout
    assert verdict.constants == "all there"
    assert not any("grey" in line for line in verdict.notes)
    assert verdict.clean
