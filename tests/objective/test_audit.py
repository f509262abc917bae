"""The audit against losses of every kind that people write, each with a known answer."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from betafront.errors import UserError
from betafront.objective import (
    NORMALISATIONS,
    Gaussian,
    Objective,
    Terms,
    audit,
    beta_norm,
    normalisation,
)
from betafront.objective.likelihoods.continuous_bernoulli import log_constant
from betafront.objective.projects import PROJECTS
from betafront.objective.scale import Convention

SHAPE, N, M = (1, 6, 5), 30, 7
EXACT = 1e-9  # float64, where the recognised gradient is the exact one


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return (mu**2 + log_var.exp() - log_var - 1) / 2


def kl_sum(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).sum(1).mean()


def squared(x: Tensor, r: Tensor) -> Tensor:
    return (x - r).square().flatten(1).sum(1).mean()


def look(loss: Any, **arguments: Any) -> Any:
    return audit(loss, **{"shape": SHAPE, "latents": M} | arguments)


# Eight projects


@pytest.mark.parametrize("name", PROJECTS)
def test_constants_and_probes_agree_on_every_project(name: str) -> None:
    known = PROJECTS[name]
    verdict = audit(known.loss, known.shape, known.latents)
    assert verdict.beta == pytest.approx(known.beta, rel=EXACT)
    expected_norm = beta_norm(known.beta, known.pixels, known.latents)
    assert verdict.beta_norm == pytest.approx(expected_norm, rel=EXACT)
    assert verdict.normalisation == known.convention.normalisation.name
    assert verdict.weight == pytest.approx(known.weight, rel=EXACT)
    assert not verdict.unknown
    # Only a mean over the image beside a sum over the latents is worth a warning.
    assert verdict.clean == (name != "pytorch-vae")


def test_validation_of_pytorch_vae() -> None:
    known = PROJECTS["pytorch-vae"]
    verdict = audit(known.loss, known.shape, known.latents, settings={"weight": 1})
    assert verdict.beta == pytest.approx(6144, rel=EXACT)
    assert verdict.beta_by_shape == pytest.approx({"3x64x64": 6144, "3x128x128": 24576}, rel=EXACT)


# Likelihoods: name, loss of (x, r) per example, expected name, β with weight 3, constants

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


# The KL


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("log σ", lambda m, v: m**2 + (2 * v).exp() - 2 * v - 1),
        ("σ", lambda m, v: m**2 + v**2 - (v**2).log() - 1),
        ("σ", lambda m, v: m**2 + v**2 - 2 * v.log() - 1),
        ("σ²", lambda m, v: m**2 + v - v.log() - 1),
        ("−log σ²", lambda m, v: m**2 + (-v).exp() + v - 1),
    ],
)
def test_a_log_var_that_is_something_else(name: str, term: Any) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) / 2 + term(mu, log_var).sum(1).mean()

    verdict = look(loss)
    assert verdict.log_var == name
    assert verdict.beta == pytest.approx(2, rel=EXACT)  # each term is twice the KL
    assert any(f"log_var is used as {name}" in line for line in verdict.warnings)


def test_a_sigma_that_is_called_so_is_no_surprise() -> None:
    def loss(x: Tensor, x_hat: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
        inside = mean**2 + sigma**2 - 2 * sigma.log() - 1
        return squared(x, x_hat) / 2 + inside.sum(1).mean() / 2

    assert look(loss).clean


def test_the_wrong_sign_is_warned_of() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) - kl_sum(mu, log_var)

    verdict = look(loss)
    assert "the KL has the wrong sign" in verdict.warnings[0]
    assert verdict.beta == pytest.approx(-0.5, rel=EXACT)
    assert verdict.equivalent is None


def test_a_weight_of_nothing_is_warned_of() -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor, beta: float = 0.0) -> Tensor:
        return squared(x, recon) + beta * kl_sum(mu, logvar)

    verdict = look(loss)
    assert verdict.beta == 0
    assert "the KL has no effect" in verdict.warnings[0]


def test_another_prior_is_told() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        prior = torch.distributions.Normal(0.0, torch.tensor(2.0, dtype=torch.float64))
        posterior = torch.distributions.Normal(mu, (log_var / 2).exp())
        divergence = torch.distributions.kl_divergence(posterior, prior).sum(1).mean()
        return squared(x, reconstruction) / 2 + 3 * divergence

    verdict = look(loss)
    assert verdict.prior == pytest.approx(2, rel=1e-6)
    assert verdict.beta == pytest.approx(3, rel=1e-6)
    assert "s = 2" in verdict.warnings[0]
    assert "−½" not in verdict.constants


@pytest.mark.parametrize(
    ("term", "says"),
    [
        (lambda m, v: (m**2 + 2 * (v.exp() - v - 1)) / 2, "2 times that"),
        (lambda m, v: m**2, "does not depend on log_var"),
        (lambda m, v: v.exp() - v, "does not depend on mu"),
        (lambda m, v: m.abs(), "not a multiple of mu"),
        (lambda m, v: m**2 + v**4, "fits none of"),
    ],
)
def test_what_is_no_kl_is_not_called_one(term: Any, says: str) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) + term(mu, log_var).sum(1).mean()

    verdict = look(loss)
    assert verdict.beta is None
    assert says in verdict.unknown["kl"]


@pytest.mark.parametrize(
    ("total", "says"),
    [
        (lambda k: k.sum(1).mean().clamp(min=2.0), "free bits"),
        (lambda k: k.sum(1).clamp(min=1.0).mean(), "free bits"),
        (lambda k: k.clamp(min=0.1).sum(1).mean(), "free bits"),
        (lambda k: k.mean(0).clamp(min=0.3).sum(), "free bits"),
        (lambda k: 100 * (k.sum(1).mean() - 10).abs(), "capacity"),
        (lambda k: (k.sum(1).mean() - 5) ** 2, "capacity"),
        (lambda k: k.sum(1).mean() ** 2, "changes with the KL itself"),
    ],
)
def test_a_kl_that_is_not_simply_weighed_has_no_one_beta(total: Any, says: str) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) + total(kl(mu, log_var))

    verdict = look(loss)
    assert verdict.beta is None
    assert says in verdict.unknown["kl"]


def test_a_kl_without_its_constant_is_told() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) + (kl(mu, log_var) + 0.5).sum(1).mean()

    assert look(loss).constants.endswith("the KL's −½ per latent is missing")


# Reductions


def test_pytorchs_old_example_works_for_one_size_only() -> None:
    def loss(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        entropy = functional.binary_cross_entropy(recon_x, x.view(-1, 784))
        return entropy + kl(mu, logvar).sum() / (len(x) * 784)

    verdict = audit(loss, (1, 28, 28), 20)
    assert verdict.beta == pytest.approx(1, rel=EXACT)
    assert "works at one size only" in verdict.unknown["pixels"]
    assert "pixels" not in verdict.reductions["reconstruction"]
    assert "flat" in verdict.layout


def test_a_size_written_as_a_number_shows_when_the_image_grows() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return functional.mse_loss(reconstruction, x) + kl_sum(mu, log_var) / N

    verdict = look(loss)
    assert verdict.beta == pytest.approx(0.5, rel=EXACT)
    assert verdict.beta_by_shape == pytest.approx({"1x6x5": 0.5, "1x12x10": 2.0}, rel=EXACT)
    assert any(f"1/{N}" in line for line in verdict.notes)


def test_dividing_both_by_the_size_is_a_sum() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return functional.mse_loss(reconstruction, x) + kl_sum(mu, log_var) / x[0].numel()

    verdict = look(loss)
    assert (verdict.normalisation, verdict.clean) == ("sum", True)
    assert verdict.reductions["kl"]["pixels"] == "divided by N"


def test_a_mean_over_the_batch_beside_a_sum() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return functional.mse_loss(reconstruction, x, reduction="sum") + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta is None
    by_batch = {"1": 0.5, "64": 0.5 / 64, "256": 0.5 / 256}
    assert verdict.beta_by_batch == pytest.approx(by_batch, rel=EXACT)
    assert "changes with the batch size" in verdict.warnings[0]
    assert verdict.reductions["reconstruction"]["batch"] == "sum"
    assert verdict.reductions["kl"]["batch"] == "mean"


def test_a_loss_for_one_batch_size_only_is_told_for_that_one() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        weights = torch.ones(4)
        return squared(x, reconstruction) + (weights * kl(mu, log_var).sum(1)).mean()

    verdict = look(loss)
    assert verdict.beta is None
    assert "0.5 at B = 4" in verdict.unknown["beta"]


def test_dividing_by_the_batch_twice() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) + kl_sum(mu, log_var) / len(x)

    verdict = look(loss)
    assert verdict.reductions["kl"]["batch"] == "divided twice"
    assert "divided by the batch size twice: the KL" in verdict.warnings
    assert verdict.beta is None


def test_a_mean_over_latents_beside_a_sum_over_pixels() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) + kl(mu, log_var).mean()

    verdict = look(loss)
    assert verdict.beta == pytest.approx(0.5 / M, rel=EXACT)
    assert verdict.normalisation is None
    assert "changes with the latents" in verdict.warnings[0]


def test_a_sum_over_the_last_side_only() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return (x - reconstruction).square().sum(-1).mean() + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta == pytest.approx(6 / 2, rel=EXACT)  # mean over 1 channel and 6 rows
    assert verdict.reductions["reconstruction"]["width"] == "sum"
    assert verdict.reductions["reconstruction"]["height"] == "mean"
    assert "reduced in two ways" in verdict.warnings[0]


def test_a_loss_of_flat_images() -> None:
    def loss(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        rows, columns = x.shape
        assert rows and columns
        return ((x - x_hat) ** 2).sum(1).mean() + kl_sum(mu, logvar)

    verdict = look(loss)
    assert verdict.layout == "flat (B, N)"
    assert verdict.beta == pytest.approx(0.5, rel=EXACT)


# What cannot be told


def test_a_product_of_the_terms_has_no_beta() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return 4 * M / N * kl(mu, log_var).mean() * functional.mse_loss(reconstruction, x)

    verdict = look(loss)
    assert verdict.beta is None
    assert "non-additive" in verdict.unknown["beta"]


def test_a_weight_that_follows_the_reconstruction_has_no_beta() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        error = squared(x, reconstruction)
        return error + error.detach() * kl_sum(mu, log_var)

    assert "non-additive" in look(loss).unknown["beta"]


def test_a_state_is_noticed() -> None:
    steps = iter(range(10**9))

    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        weight = min(1.0, next(steps) / 1000)
        return squared(x, reconstruction) + weight * kl_sum(mu, log_var)

    assert "has a state" in look(loss).unknown["beta"]


def test_a_state_that_moves_slowly_is_noticed_too() -> None:
    steps = iter(range(10**9))

    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        weight = 0.1 + (next(steps) // 40)
        return squared(x, reconstruction) + weight * kl_sum(mu, log_var)

    assert look(loss).beta is None


def test_randomness_is_noticed() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        z = mu + (log_var / 2).exp() * torch.randn_like(mu)
        log_q = torch.distributions.Normal(mu, (log_var / 2).exp()).log_prob(z)
        sampled = (log_q - torch.distributions.Normal(0.0, 1.0).log_prob(z)).sum(1).mean()
        return squared(x, reconstruction) + sampled

    before = torch.get_rng_state()
    assert "draws random numbers" in look(loss).unknown["beta"]
    assert not torch.equal(before, torch.get_rng_state())  # as any call of it would


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            lambda x, r: 1 - functional.cosine_similarity(x.flatten(1), r.flatten(1)).mean(),
            "none of",
        ),
        (lambda x, r: (x - r).square().sum().sqrt(), "root of a squared error"),
        (lambda x, r: (x - r).flatten(1).norm(dim=1).mean(), "root of a squared error"),
        (lambda x, r: (x - r).square().square().mean(), "none of"),
        (lambda x, r: x.sum() * 0 + 1, "does not depend on the reconstruction"),
    ],
)
def test_what_is_no_log_likelihood_is_not_called_one(error: Any, says: str) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return error(x, reconstruction) + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta is None
    assert says in verdict.unknown["reconstruction"]


def test_a_huber_loss_is_a_squared_error_in_part_only() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        error = functional.smooth_l1_loss(reconstruction, x, reduction="none")
        return error.flatten(1).sum(1).mean() + kl_sum(mu, log_var)

    verdict = look(loss)
    assert verdict.beta == pytest.approx(1, rel=EXACT)
    assert "only for reconstructions in (0, 1)" in verdict.warnings[0]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda x, r, m, v: squared(x, r) * float("nan"), "returns nan"),
        (lambda x, r, m, v: squared(x, r).detach(), "no gradient"),
        (lambda x, r, m, v: squared(x, r).item(), "plain number"),
    ],
)
def test_a_broken_value_cannot_be_told_from(broken: Any, says: str) -> None:
    verdict = look(broken)
    assert verdict.beta is None
    assert says in verdict.unknown["beta"]


# How it is called


def written(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return (
        functional.binary_cross_entropy_with_logits(reconstruction, x, reduction="sum")
        + 2 * kl(mu, log_var).sum()
    )


def test_arguments_are_known_by_their_usual_names() -> None:
    def loss(z_logvar: Tensor, recons: Tensor, z_mean: Tensor, images: Tensor) -> Tensor:
        return written(images, recons, z_mean, z_logvar)

    verdict = look(loss)
    assert verdict.beta == pytest.approx(2, rel=EXACT)
    assert "recons = reconstruction" in verdict.arguments


def test_arguments_with_other_names_go_by_position_or_by_order() -> None:
    def loss(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return written(b, a, c, d)

    verdict = look(loss)
    assert verdict.arguments.startswith("by position")
    assert verdict.beta is None
    assert "--order" in verdict.unknown["reconstruction"]
    ordered = look(loss, order=("reconstruction", "x", "mu", "log_var"))
    assert ordered.beta == pytest.approx(2, rel=EXACT)


def test_settings_reach_the_function() -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor, *, kld_weight: float) -> Tensor:
        return squared(x, recon) / 2 + kld_weight * kl_sum(mu, logvar)

    assert look(loss, settings={"kld_weight": 7}).beta == pytest.approx(7, rel=EXACT)
    with pytest.raises(UserError, match="--set kld_weight=VALUE"):
        look(loss)
    with pytest.raises(UserError, match="did you mean 'kld_weight'"):
        look(loss, settings={"kld_weigth": 7})


@pytest.mark.parametrize(
    ("wrap", "where"),
    [
        (lambda loss: (loss, 1, 2), "the first of 3"),
        (lambda loss: {"kl": 0, "loss": loss}, "'loss' of the returned dict"),
        (lambda loss: loss[None], "the returned value"),
    ],
)
def test_the_scalar_is_found(wrap: Any, where: str) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Any:
        return wrap(written(x, reconstruction, mu, log_var))

    verdict = look(loss)
    assert where in verdict.value
    assert verdict.beta == pytest.approx(2, rel=EXACT)


def test_a_loss_that_changes_its_arguments_in_place() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return written(x, reconstruction, mu, log_var.clamp_(-20, 20))

    assert look(loss).beta == pytest.approx(2, rel=EXACT)


def test_a_loss_in_float32_is_told_to_its_digits() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return written(x.float(), reconstruction.float(), mu.float(), log_var.float())

    assert look(loss).beta == pytest.approx(2, rel=1e-5)  # sums of float32


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (lambda x, r, m, v: (x - r).square().flatten(1).sum(1), "shape"),
        (lambda x, r, m, v: {"kl": m.sum()}, "dict without loss"),
        (lambda x, r, m, v: None, "NoneType"),
        (lambda x, r, m, v: x @ 3, "raised TypeError"),
        (lambda x, r: x.sum(), "takes 2 arguments"),
        (3, "a loss function is needed"),
    ],
)
def test_what_cannot_be_called_is_one_clear_line(loss: Any, says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        look(loss)
    assert "\n" not in str(refused.value)


def test_an_order_names_each_argument_once() -> None:
    with pytest.raises(UserError, match=r"'logvra'.*did you mean 'log_var'"):
        look(written, order=("x", "reconstruction", "mu", "logvra"))
    with pytest.raises(UserError, match="once"):
        look(written, order=("x", "reconstruction", "mu", "mu"))


# Any weight in any convention


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(NORMALISATIONS)),
    st.sampled_from(["full", "half", None]),
    st.floats(1e-3, 1e3),
    st.floats(1e-3, 1e3),
    st.booleans(),
    st.integers(1, 3),
    st.integers(1, 7),
    st.integers(1, 7),
    st.integers(1, 9),
)
def test_the_audit_and_the_translator_agree(
    name: str,
    square: str | None,
    coefficient: float,
    weight: float,
    batch_mean: bool,
    C: int,
    H: int,
    W: int,
    latents: int,
) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        pixels = x[0].numel()
        error = (x - reconstruction).square() / (2 if square == "half" else 1)
        if square is None:
            error = functional.binary_cross_entropy_with_logits(reconstruction, x, reduction="none")
        d, r = error.flatten(1), kl(mu, log_var)
        d = d.mean(1) if name in ("mean", "pixel_mean") else d.sum(1)
        r = r.mean(1) if name == "mean" else r.sum(1)
        factor = pixels / mu.shape[1] if name == "beta_norm" else 1
        each = coefficient * d + weight * factor * r
        return each.mean() if batch_mean else each.sum()

    verdict = audit(loss, (C, H, W), latents)
    convention = Convention(normalisation(name), square, coefficient)
    # The weights, over six orders of magnitude of each other, leave float64 ten digits.
    assert verdict.beta == pytest.approx(convention.beta(weight, C * H * W, latents), rel=1e-9)
    assert verdict.normalisation == name
    assert verdict.weight == pytest.approx(weight, rel=1e-9)


@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
def test_the_equal_settings_have_the_same_gradient(name: str) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        d, r = (x - reconstruction).square().flatten(1), kl(mu, log_var)
        d = d.mean(1) if name in ("mean", "pixel_mean") else d.sum(1)
        r = r.mean(1) if name == "mean" else r.sum(1)
        return (3 * d + 0.7 * r).mean()

    said = dict(pair.split("=") for pair in look(loss).equivalent.split())
    assert said["likelihood"] == "gaussian"
    assert said["likelihood.mode"] == "fixed"
    likelihood = Gaussian(sigma=float(said["likelihood.sigma"]), mode="fixed").double()
    objective = Objective(
        weight=float(said["objective.weight"]),
        normalisation=normalisation(said["normalisation"]),
        pixels=N,
        latents=M,
    )
    generator = torch.Generator().manual_seed(1)
    x, r = torch.randn(2, 3, *SHAPE, generator=generator, dtype=torch.float64)
    mu, log_var = torch.randn(2, 3, M, generator=generator, dtype=torch.float64)
    leaves = [t.requires_grad_() for t in (r, mu, log_var)]

    def direction(value: Tensor) -> Tensor:
        slopes = torch.cat([g.flatten() for g in torch.autograd.grad(value, leaves)])
        return slopes / slopes.norm()

    theirs = direction(loss(x, r, mu, log_var))
    ours = objective.loss(Terms(log_px=likelihood.log_prob(r, x), kl=kl(mu, log_var)), 1.0)
    # σ and the weight are printed to six digits.
    torch.testing.assert_close(direction(ours), theirs, rtol=1e-5, atol=1e-6)


def test_a_verdict_is_plain_json() -> None:
    import json

    answer = json.loads(json.dumps(look(written).to_json()))
    assert answer["beta"] == pytest.approx(2, rel=EXACT)
    assert answer["clean"] is True
