"""The β that a model is at, on models whose β is known without training."""

import math

import pytest
import torch

from betafront.metrics.stationary_beta import stationary_beta
from betafront.models import VAE, linear
from betafront.objective import Gaussian

EIGENVALUES = torch.tensor([8.0, 4.0, 2.0, 1.0])
VARIANCE = 0.3


def optimum(beta: float) -> VAE:
    """The linear VAE at the optimum of D + β·R for data with a diagonal covariance: reverse
    water-filling at θ = β·σ², with decoder √(λ - θ), posterior mean √(λ - θ)/λ · x and posterior
    variance θ/λ (Lucas et al. 2019)."""
    level = beta * VARIANCE
    kept = (EIGENVALUES - level).clamp(min=0)
    vae = linear((1, 2, 2), Gaussian(math.sqrt(VARIANCE), mode="fixed"), latents=4)
    encoder, decoder = vae.encoder[1], vae.decoder[0]
    with torch.no_grad():
        encoder.weight.copy_(torch.cat([torch.diag(kept.sqrt() / EIGENVALUES), torch.zeros(4, 4)]))
        variance = torch.where(kept > 0, level / EIGENVALUES, torch.ones(4))
        encoder.bias.copy_(torch.cat([torch.zeros(4), variance.log()]))
        decoder.weight.copy_(torch.diag(kept.sqrt()))
        decoder.bias.zero_()
    return vae


def data() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 4, generator=generator) * EIGENVALUES.sqrt()
    return x.view(2000, 1, 2, 2)


@pytest.mark.parametrize("beta", [0.1, 1.0, 4.0, 10.0])
def test_an_optimum_tells_its_beta(beta: float) -> None:
    # ε (∂D/∂z) over 1000 · 64 draws: its standard error is 1.5 % and less of its mean, summed over
    # the active latents; three of them.
    found, error = stationary_beta(optimum(beta), data(), samples=64)
    assert found == pytest.approx(beta, rel=0.03)
    assert abs(found - beta) < 4 * error


def test_the_same_seed_gives_the_same_number_and_leaves_the_model_as_it_was() -> None:
    vae = optimum(1.0).train()
    before = {k: v.clone() for k, v in vae.state_dict().items()}
    assert stationary_beta(vae, data()) == stationary_beta(vae, data())
    assert vae.training
    assert all(torch.equal(v, before[k]) for k, v in vae.state_dict().items())
    assert all(p.grad is None for p in vae.parameters())


def test_a_collapsed_model_has_none() -> None:
    assert all(math.isnan(value) for value in stationary_beta(optimum(100.0), data()))
