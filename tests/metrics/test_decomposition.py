"""The parts of the rate on codes whose parts are known."""

import math
from importlib import import_module

import pytest
import torch

from betafront.errors import UserError
from betafront.metrics.decomposition import decomposed
from betafront.models import Posterior

PARTS = ("mutual_information", "total_correlation", "dimension_wise")


def posterior(mean: torch.Tensor, sigma: float) -> Posterior:
    mean = mean.double()
    return Posterior(mean, torch.full_like(mean, 2 * math.log(sigma)))


def normal(n: int, m: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.01, 0.5, 1.0])
def test_the_parts_add_up_to_the_rate(sigma: float) -> None:
    q = posterior(2 * normal(300, 4), sigma)
    values = decomposed(q).values
    assert sum(values[part] for part in PARTS) == pytest.approx(values["sampled_rate"], abs=1e-9)
    assert values["aggregate_kl"] == pytest.approx(
        values["total_correlation"] + values["dimension_wise"], abs=1e-9
    )
    # The sampled rate is the analytic one, but for the noise of 300 · 4 draws.
    analytic = float(q.kl().sum(1).mean())
    assert values["sampled_rate"] == pytest.approx(analytic, abs=6 * math.sqrt(4 / 300))


def test_a_collapsed_code_has_no_parts() -> None:
    values = decomposed(posterior(torch.zeros(200, 3), 1.0)).values
    for part in PARTS:
        assert values[part] == pytest.approx(0, abs=1e-9)


def test_a_code_that_tells_every_example_apart_is_at_the_cap() -> None:
    score = decomposed(posterior(normal(512, 6), 1e-3))
    assert score.settings["cap"] == math.log(512)
    assert score.values["mutual_information"] == pytest.approx(math.log(512), abs=1e-3)
    assert score.values["mutual_information"] <= math.log(512) + 1e-12


def test_half_of_the_examples_alike_cost_half_a_bit_each() -> None:
    """Two groups, far apart: I(x; z) is ln 2, whatever the number of examples."""
    mean = torch.cat([torch.full((100, 2), -20.0), torch.full((100, 2), 20.0)])
    values = decomposed(posterior(mean, 1.0)).values
    assert values["mutual_information"] == pytest.approx(math.log(2), abs=1e-9)
    # Either latent says which group it is: what the two share is the total correlation.
    assert values["total_correlation"] == pytest.approx(math.log(2), abs=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_correlated_latents_have_the_total_correlation_of_a_gaussian(rho: float) -> None:
    """Means of covariance Σ - σ²I and posteriors of variance σ² make q(z) = N(0, Σ), of which the
    total correlation is -½ ln(1 - ρ²)."""
    n, sigma = 2000, 0.3
    covariance = torch.tensor([[1.0, rho], [rho, 1.0]], dtype=torch.float64)
    root = torch.linalg.cholesky(covariance - sigma**2 * torch.eye(2, dtype=torch.float64))
    values = decomposed(posterior(normal(n, 2) @ root.T, sigma)).values
    # Of 2000 draws the mean of log q(z) - Σ log q(z_j) is off by some 0.02; q as a mixture of as
    # many components follows the draws by as much again.
    expected = -0.5 * math.log(1 - rho**2)
    assert values["total_correlation"] == pytest.approx(expected, abs=0.06)
    assert values["dimension_wise"] == pytest.approx(0, abs=0.06)


def test_rotating_an_isotropic_code_changes_nothing_but_noise() -> None:
    mean = normal(1000, 2)
    turned = mean @ torch.tensor([[1.0, -1.0], [1.0, 1.0]], dtype=torch.float64) / math.sqrt(2)
    one, other = (decomposed(posterior(m, 0.5), seed=1).values for m in (mean, turned))
    for part in PARTS:
        assert one[part] == pytest.approx(other[part], abs=0.1)


def test_large_codes_in_parts_are_what_they_are_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    q = posterior(normal(150, 3), 0.4)
    whole = decomposed(q).values
    module = import_module("betafront.metrics.decomposition")  # not the function of that name
    monkeypatch.setattr(module, "AT_ONCE", 2000)
    assert decomposed(q).values == pytest.approx(whole, abs=1e-12)


def test_one_example_has_no_parts() -> None:
    with pytest.raises(UserError, match="2 examples"):
        decomposed(posterior(torch.zeros(1, 3), 1.0))
