"""The audit of the KL term: what is one, of what weight, and what is none."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from betafront.weights.audit import audit
from betafront.weights.projects import kl

SHAPE, N, M = (1, 6, 5), 30, 7
EXACT = 1e-9  # float64, where the recognised gradient is the exact one


def kl_sum(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).sum(1).mean()


def squared(x: Tensor, r: Tensor) -> Tensor:
    return (x - r).square().flatten(1).sum(1).mean()


def look(loss: Any, **arguments: Any) -> Any:
    return audit(loss, **{"shape": SHAPE, "latents": M} | arguments)


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


@pytest.mark.parametrize(
    ("cut", "says"),
    [
        (lambda m, v: kl_sum(m, v).detach(), "the value changes with mu and log_var, but its grad"),
        (lambda m, v: kl_sum(m, v).item(), "is cut"),
    ],
)
def test_a_kl_without_a_gradient_is_no_weight_of_nothing(cut: Any, says: str) -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return squared(x, recon) + cut(mu, logvar)

    verdict = look(loss)
    assert verdict.beta == 0
    assert says in verdict.warnings[0]
    assert "its weight is 0" not in verdict.warnings[0]
    assert verdict.reductions["kl"] == {}


@pytest.mark.parametrize(
    ("term", "name"),
    [
        (lambda m, v: kl_sum(m.detach(), v), "mu"),
        (lambda m, v: kl_sum(m, v.detach()), "log_var"),
    ],
)
def test_half_a_kl_without_a_gradient_is_none(term: Any, name: str) -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, recon) + term(mu, log_var)

    assert f"the value changes with {name}, but its gradient" in look(loss).unknown["kl"]


def test_a_weight_of_nothing_is_warned_of() -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor, beta: float = 0.0) -> Tensor:
        return squared(x, recon) + beta * kl_sum(mu, logvar)

    verdict = look(loss)
    assert verdict.beta == 0
    assert verdict.warnings == ("the KL has no effect: its weight is 0",)


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


@pytest.mark.parametrize("prior", [0.3, 2.0])
@pytest.mark.parametrize("missing", [0.0, 1.0], ids=["all", "without ln s"])
def test_another_prior_in_float32_and_without_its_constant(prior: float, missing: float) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        x, reconstruction, mu, log_var = (t.float() for t in (x, reconstruction, mu, log_var))
        each = kl(mu / prior, log_var - 2 * math.log(prior)) - missing * math.log(prior)
        return squared(x, reconstruction) / 2 + 3 * each.sum(1).mean()

    verdict = look(loss)
    assert verdict.prior == pytest.approx(prior, rel=1e-5)  # sums of float32
    assert verdict.beta == pytest.approx(3, rel=1e-5)
    assert verdict.constants.endswith("ln s per latent is missing") == bool(missing)


@pytest.mark.parametrize("weight", [0.1, 0.01, -0.01])
@pytest.mark.parametrize(
    "further",
    [
        lambda v: v**2,
        lambda v: v,  # the gradient of another prior's KL, and not its value
        lambda v: v.abs(),
        lambda v: v.exp() ** 2,
    ],
    ids=["square", "linear", "absolute", "exponential"],
)
def test_a_kl_beside_a_further_penalty_is_no_kl_to_another_prior(
    further: Any, weight: float
) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        penalty = further(log_var).sum(1).mean()
        return squared(x, reconstruction) / 2 + kl_sum(mu, log_var) + weight * penalty

    verdict = look(loss)
    assert (verdict.beta, verdict.prior, verdict.equivalent) == (None, None, None)
    assert "kl" in verdict.unknown


def test_a_kl_of_positive_values_only_is_none_of_log_var() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return squared(x, reconstruction) / 2 + kl_sum(mu, log_var.clamp(min=0))

    assert "fits none of" in look(loss).unknown["kl"]


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
