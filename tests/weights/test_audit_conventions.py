"""The audit and the translator agree on any weight in any convention."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from betafront.objective import (
    NORMALISATIONS,
    Gaussian,
    Objective,
    Terms,
    normalisation,
)
from betafront.scale import Convention
from betafront.weights.audit import audit
from betafront.weights.projects import kl

SHAPE, N, M = (1, 6, 5), 30, 7
EXACT = 1e-9  # float64, where the recognised gradient is the exact one


def look(loss: Any, **arguments: Any) -> Any:
    return audit(loss, **{"shape": SHAPE, "latents": M} | arguments)


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
