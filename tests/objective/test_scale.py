"""The table of conventions, and that it can be walked in every direction."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from betafront.errors import UserError
from betafront.objective import (
    NORMALISATIONS,
    Gaussian,
    Weights,
    beta_norm,
    in_every_convention,
    normalisation,
    squared_error_weight,
)

ROUNDING = 1e-14  # a handful of float64 operations, each right to 1.1e-16 of its result

names = st.sampled_from(sorted(NORMALISATIONS))
weights = st.floats(1e-6, 1e6)
pixel_counts = st.integers(1, 1_000_000)
latent_counts = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("name", "expected", "beta"),
    [
        ("sum", Weights(1, 0.1), 0.1),
        ("mean", Weights(1 / 784, 0.1 / 20), 3.92),
        ("pixel_mean", Weights(1 / 784, 0.1), 78.4),
        ("beta_norm", Weights(1, 0.1 * 784 / 20), 3.92),
    ],
)
def test_the_table(name: str, expected: Weights, beta: float) -> None:
    convention = normalisation(name)
    written = convention.weights(0.1, pixels=784, latents=20)
    assert written.distortion == pytest.approx(expected.distortion, rel=ROUNDING)
    assert written.rate == pytest.approx(expected.rate, rel=ROUNDING)
    assert convention.beta(0.1, pixels=784, latents=20) == pytest.approx(beta, rel=ROUNDING)


def test_the_table_has_these_rows_and_no_others() -> None:
    assert set(NORMALISATIONS) == {"sum", "mean", "pixel_mean", "beta_norm"}


@settings(deadline=None)
@given(names, names, weights, pixel_counts, latent_counts)
def test_from_any_convention_to_any_other_and_back(
    here: str, there: str, weight: float, N: int, M: int
) -> None:
    beta = normalisation(here).beta(weight, N, M)
    translated = normalisation(there).weight(beta, N, M)
    assert normalisation(there).beta(translated, N, M) == pytest.approx(beta, rel=ROUNDING)
    back = normalisation(here).weight(normalisation(there).beta(translated, N, M), N, M)
    assert back == pytest.approx(weight, rel=ROUNDING)


@settings(deadline=None)
@given(weights, pixel_counts, latent_counts)
def test_every_convention_at_once(beta: float, N: int, M: int) -> None:
    written = in_every_convention(beta, N, M)
    expected = {
        "sum": beta,
        "mean": beta * M / N,
        "pixel_mean": beta / N,
        "beta_norm": beta * M / N,
    }
    assert written == pytest.approx(expected, rel=ROUNDING)
    assert beta_norm(beta, N, M) == pytest.approx(written["beta_norm"], rel=ROUNDING)


@settings(deadline=None)
@given(weights, st.floats(1e-3, 1e3))
def test_squared_error_sets_only_the_product(beta: float, sigma: float) -> None:
    for a, half in ((1.0, False), (0.5, True)):
        w = squared_error_weight(beta, sigma, half=half)
        assert beta * sigma**2 == pytest.approx(w / (2 * a), rel=ROUNDING)


@pytest.mark.parametrize(("a", "half"), [(1.0, False), (0.5, True)])
def test_squared_error_with_its_weight_is_the_gaussian_beta_vae(a: float, half: bool) -> None:
    beta, likelihood = 4.0, Gaussian(sigma=0.3, mode="fixed").double()
    sigma = likelihood.sigma
    generator = torch.Generator().manual_seed(0)
    x, params = torch.randn(2, 6, 1, 3, 3, generator=generator, dtype=torch.float64)
    kl = torch.rand(6, generator=generator, dtype=torch.float64)

    squared_error = ((x - params) ** 2).flatten(1).sum(1)
    written = a * squared_error + squared_error_weight(beta, sigma, half=half) * kl
    canonical = -likelihood.log_prob(params, x) + beta * kl
    # The same loss up to a factor and a constant: the differences between examples show neither.
    torch.testing.assert_close(
        (written - written[0]) / (2 * a * sigma**2),
        canonical - canonical[0],
        rtol=1e-12,  # float64, sums of nine terms
        atol=1e-12,
    )


def test_an_unknown_normalisation_names_the_near_miss() -> None:
    with pytest.raises(UserError, match=r"'pixelmean'.*did you mean 'pixel_mean'\?"):
        normalisation("pixelmean")


def test_an_unknown_normalisation_far_from_all_names_all() -> None:
    with pytest.raises(UserError, match="known: beta_norm, mean, pixel_mean, sum"):
        normalisation("geometric")
