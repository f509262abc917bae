"""The audit of errors that are no log-likelihood: what they are near 0, and what they are not."""

from collections.abc import Callable

import pytest
from tests.weights.public_losses import per_example
from torch import Tensor
from torch.nn import functional

from betafront.weights.audit import audit

SHAPE, N, M = (1, 6, 5), 30, 7


def robust(each: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        error = each(x, reconstruction)
        return error.sum() / len(x) + 0.5 * per_example(mu, log_var).mean()

    return loss


def softplus_log_cosh(x: Tensor, r: Tensor) -> Tensor:
    return (r - x) + functional.softplus(-2 * (r - x)) - 0.6931471805599453


@pytest.mark.parametrize(
    ("each", "name", "product"),
    [
        # ½e² below δ: the weight itself.
        (
            lambda x, r: functional.huber_loss(r, x, delta=0.3, reduction="none"),
            "Huber (smooth L1) error, δ = 0.3",
            0.5,
        ),
        # ½e²/δ below δ = 0.1: a weight of D of 10.
        (
            lambda x, r: functional.smooth_l1_loss(r, x, beta=0.1, reduction="none"),
            "Huber (smooth L1) error, δ = 0.1",
            0.05,
        ),
        # ln cosh e is ½e² near 0.
        (softplus_log_cosh, "log-cosh error, δ = 1", 0.5),
        # √(e² + ε²) is ½e²/ε near 0: a weight of D of 1/ε = 10.
        (lambda x, r: ((x - r) ** 2 + 1e-2).sqrt(), "Charbonnier error, δ = 0.1", 0.05),
    ],
)
def test_an_error_that_is_squared_near_0_is_told_by_its_curvature(
    each: Callable[[Tensor, Tensor], Tensor], name: str, product: float
) -> None:
    verdict = audit(robust(each), SHAPE, M)
    assert verdict.reconstruction == name
    assert verdict.product == pytest.approx(product, rel=1e-4)  # δ is measured
    assert verdict.warnings[0].startswith("it is no log-likelihood of betafront's")
    assert "those of its curvature at 0" in verdict.warnings[0]
    assert verdict.equivalent is None
    assert verdict.constants is not None
    assert verdict.constants.startswith("½N ln(2πσ²) is missing")


@pytest.mark.parametrize(
    ("error", "where", "over"),
    [
        (
            lambda x, r: 1 - functional.cosine_similarity(x.flatten(1), r.flatten(1)),
            "all values of an example",
            "sum",
        ),
        (
            lambda x, r: 1 - functional.cosine_similarity(x, r, dim=-1).mean((1, 2)),
            "axis 3",
            "mean",
        ),
    ],
)
def test_a_cosine_has_no_nats(
    error: Callable[[Tensor, Tensor], Tensor], where: str, over: str
) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return error(x, reconstruction).mean() + 0.1 * per_example(mu, log_var).mean()

    verdict = audit(loss, SHAPE, M)
    assert verdict.reconstruction == f"cosine error, over {where}"
    assert verdict.beta is None
    assert "no nats" in verdict.unknown["beta"]
    assert "which is no σ" in verdict.unknown["reconstruction"]
    assert verdict.reductions["kl"]["latents"] == "sum"
    if over == "sum":
        assert any("β/κ = 0.1 " in line for line in verdict.notes)


def test_a_huber_loss_keeps_its_weight_at_every_scale() -> None:
    verdict = audit(
        robust(lambda x, r: functional.smooth_l1_loss(r, x, reduction="none") * 4), SHAPE, M
    )
    assert verdict.product == pytest.approx(0.125, rel=1e-6)
    assert "only for reconstructions in (0, 1)" in verdict.warnings[0]
