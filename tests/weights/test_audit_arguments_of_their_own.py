"""The audit of losses that hold parameters, and leave values out, in other ways."""

from typing import Any

import pytest
import torch
from tests.weights.public_losses import PerChannel, per_example
from torch import Tensor, nn
from torch.nn import functional

from betafront.errors import UserError
from betafront.weights.audit import audit
from betafront.weights.audit.arguments import arrange

SHAPE, N, M = (3, 4, 4), 48, 5


def test_a_frozen_scale_is_a_fixed_one() -> None:
    loss = PerChannel()
    with torch.no_grad():
        loss.log_sigma.fill_(-1.0)
    loss.requires_grad_(False)
    verdict = audit(loss, SHAPE, M)
    assert verdict.learned == {}
    assert verdict.reconstruction == "squared error"
    assert verdict.scale == pytest.approx(torch.tensor(-1.0).exp().item(), rel=1e-6)
    assert verdict.beta == pytest.approx(0.5, rel=1e-6)


def test_a_scale_in_a_closure_is_found_and_named() -> None:
    log_b = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        nats = (x - recon).abs() / functional.softplus(log_b) + functional.softplus(log_b).log()
        return nats.flatten(1).sum(1).mean() + 2 * per_example(mu, logvar).mean()

    verdict = audit(loss, SHAPE, M)
    assert verdict.reconstruction == "Laplace with a learned b"
    assert verdict.beta == pytest.approx(2, rel=1e-6)
    assert verdict.learned["log_b"].startswith("learned: b = 0.693147 now (log_b = 0)")


class Weighted(nn.Module):
    """A cross-entropy with an uncertainty weight, which is no scale of it."""

    def __init__(self) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        entropy = functional.binary_cross_entropy_with_logits(logits, x)
        return (-self.s).exp() * entropy + self.s + per_example(mu, log_var).mean()


class Common(nn.Module):
    """A factor on the whole loss."""

    def __init__(self) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor, recon: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        error = (x - recon).square().flatten(1).sum(1) / 2
        return self.s * (error + 3 * per_example(mu, log_var)).mean()


def test_a_learned_weight_of_a_cross_entropy_is_no_scale() -> None:
    verdict = audit(Weighted(), SHAPE, M)
    assert "has no scale to learn" in verdict.unknown["beta"]
    assert "a weight of the reconstruction term" in verdict.learned["s"]


def test_a_factor_on_both_terms_leaves_beta_alone() -> None:
    verdict = audit(Common(), SHAPE, M)
    assert verdict.product == pytest.approx(3, rel=1e-6)
    assert "weighs both terms alike" in verdict.learned["s"]


@pytest.mark.parametrize(("value", "word"), [(0.0, "x of 0"), (-1.0, "x of −1")])
def test_a_mask_that_is_made_of_x_is_said(value: float, word: str) -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        known = (x != value).to(x)
        error = (known * (x - recon).square()).sum() / known.sum()
        return error + 0.1 * per_example(mu, logvar).mean()

    verdict = audit(loss, SHAPE, M)
    assert verdict.product == pytest.approx(2.4)  # 0.1·48/2
    assert list(verdict.beta_by_mask.values()) == pytest.approx([2.4, 1.2, 0.05])
    assert any(f"missing values ({word})" in line for line in verdict.warnings)


@pytest.mark.parametrize("inverted", [False, True])
def test_a_mask_of_images_is_spread_over_the_channels(inverted: bool) -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor, mask: Tensor) -> Tensor:
        assert mask.shape[1] == 1
        kept = 1 - mask if inverted else mask
        error = ((x - recon).square() * kept).sum() / (3 * kept.sum())
        return error + 0.1 * per_example(mu, logvar).mean()

    verdict = audit(loss, SHAPE, M)
    assert verdict.product == pytest.approx(2.4)
    assert list(verdict.beta_by_mask.values()) == pytest.approx([2.4, 1.2, 0.15])


def test_a_mask_by_position_of_other_names_takes_an_order() -> None:
    def loss(a: Tensor, b: Tensor, keep: Tensor, c: Tensor, d: Tensor) -> Tensor:
        error = ((a - b).square() * keep).sum() / len(a)
        return error + per_example(c, d).mean()

    order = ("x", "reconstruction", "mask", "mu", "log_var")
    verdict = audit(loss, (8,), M, order=order)
    assert verdict.product == pytest.approx(0.5)
    assert any("what is left out by the mask has no effect" in line for line in verdict.notes)
    with pytest.raises(UserError, match="names each of"):
        audit(loss, (8,), M, order=("x", "reconstruction", "mask", "mask", "mu", "log_var"))


def test_a_mask_that_is_set_is_no_argument_to_probe() -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor, mask: Any = None) -> Tensor:
        assert mask == "none"
        return (x - recon).square().sum() / len(x) + per_example(mu, logvar).mean()

    verdict = audit(loss, (8,), M, settings={"mask": "none"})
    assert verdict.clean


def test_a_posterior_stands_for_both_of_its_parameters() -> None:
    def loss(x: Tensor, recon: Tensor, posterior: torch.distributions.Normal) -> Tensor:
        prior = torch.distributions.Normal(torch.zeros_like(posterior.mean), 1.0)
        divergence = torch.distributions.kl_divergence(posterior, prior).flatten(1).sum(1)
        return (x - recon).square().sum() / len(x) + divergence.mean()

    assert set(arrange(loss).names) == {"x", "reconstruction", "posterior"}
    assert audit(loss, SHAPE, M).product == pytest.approx(0.5)


class Prior(nn.Module):
    """A prior whose variance is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.prior_logvar = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        s = self.prior_logvar
        divergence = 0.5 * (s - logvar + (logvar.exp() + mu**2) / s.exp() - 1)
        return (x - recon).square().sum() / len(x) + divergence.sum(1).mean()


def test_a_learned_prior_is_said_and_is_no_weight() -> None:
    verdict = audit(Prior(), SHAPE, M)
    assert verdict.product == pytest.approx(0.5, rel=1e-6)
    assert "prior_logvar is learned, and the KL depends on it" in verdict.warnings[0]


def test_classes_of_different_weights_are_not_told() -> None:
    def loss(tokens: Tensor, logits: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        weight = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=logits.dtype)
        rec = functional.cross_entropy(logits.transpose(1, 2), tokens, weight=weight)
        return rec + per_example(mu, logvar).mean()

    verdict = audit(loss, (6, 4), M)
    assert verdict.beta is None
    assert "none of" in verdict.unknown["reconstruction"]


def test_a_loss_that_cannot_be_differentiated_is_one_clear_line() -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        root = mu.exp()
        error = (root * root).sum() + (x - recon).square().sum() + logvar.sum()
        root += 1
        return error

    with pytest.raises(UserError, match="cannot be differentiated"):
        audit(loss, (8,), M)
