"""What the audit cannot tell, with its reason."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

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
