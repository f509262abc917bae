"""The loss: the same gradient direction in every convention."""

import math

import pytest
import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.models import VAE, mlp
from betafront.objective import (
    NORMALISATIONS,
    Gaussian,
    Linear,
    Objective,
    Terms,
    normalisation,
)

PROGRESS = (0.0, 0.25, 0.5, 1.0)
N, M, BETA = 16, 3, 2.5


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    likelihood = Gaussian(sigma=0.5, mode="fixed")
    return mlp((1, 4, 4), likelihood, latents=M, hidden=(8,)).double()


def terms_of(vae: VAE) -> Terms:
    """The terms of the same images with the same noise, whenever it is asked."""
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(7, 1, 4, 4, generator=generator, dtype=torch.float64)
    terms: Terms = vae(x, generator)
    return terms


def gradient(vae: VAE, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(vae.parameters()))])


@pytest.mark.parametrize("progress", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
def test_same_gradient_direction_after_translation(vae: VAE, name: str, progress: float) -> None:
    convention = normalisation(name)
    objective = Objective(
        convention.weight(BETA, N, M), convention, pixels=N, latents=M, schedule=Linear(warmup=0.4)
    )
    written = gradient(vae, objective.loss(terms_of(vae), progress))
    terms = terms_of(vae)
    in_force = {0.0: 0.0, 0.2: BETA / 2, 1.0: BETA}[progress]
    canonical = gradient(vae, (terms.distortion + in_force * terms.kl.sum(1)).mean())

    assert canonical.norm() > 1  # there is a direction to compare
    cosine = torch.nn.functional.cosine_similarity(written, canonical, dim=0)
    assert float(cosine) == pytest.approx(1, abs=1e-12)  # float64
    factor = 1 / N if name in ("mean", "pixel_mean") else 1.0
    # float64, summed in another order; small entries against the size of the large ones
    torch.testing.assert_close(
        written, factor * canonical, rtol=1e-11, atol=1e-13 * float(canonical.norm())
    )


def test_where_a_run_stands_on_the_scale() -> None:
    objective = Objective(0.1, normalisation("mean"), pixels=784, latents=20)
    assert objective.beta == pytest.approx(3.92, rel=1e-14)  # float64 rounding
    assert objective.beta_norm == pytest.approx(0.1, rel=1e-14)


def test_the_schedule_scales_beta_and_not_what_is_reported() -> None:
    objective = Objective(3.0, normalisation("sum"), 784, 20, schedule=Linear(warmup=0.5))
    terms = Terms(log_px=torch.zeros(2), kl=torch.ones(2, 20))
    in_force = [float(objective.step(terms, p, objective.start()).beta) for p in PROGRESS]
    assert in_force == [0.0, 1.5, 3.0, 3.0]
    assert objective.beta == 3.0


def test_the_loss_is_a_mean_over_the_batch_of_sums_over_the_rest() -> None:
    terms = Terms(log_px=torch.tensor([-10.0, -30.0]), kl=torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert terms.distortion.tolist() == [10, 30]
    assert terms.rate.tolist() == [3, 7]
    objective = Objective(2.0, normalisation("sum"), pixels=4, latents=2)
    assert float(objective.loss(terms, 1.0)) == (10 + 2 * 3 + 30 + 2 * 7) / 2


@pytest.mark.parametrize("weight", [-1.0, math.inf, math.nan])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(UserError, match=r"objective\.weight must be finite and not negative"):
        Objective(weight, normalisation("sum"), pixels=4, latents=2)
