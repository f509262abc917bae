"""The table of conventions, and that it can be walked in every direction."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from betafront.errors import UserError
from betafront.objective import (
    NORMALISATIONS,
    Gaussian,
    Objective,
    Terms,
    Weights,
    beta_norm,
    in_every_convention,
    normalisation,
    squared_error_weight,
)
from betafront.scale import SQUARED_ERRORS, Convention, squared_error_weights

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


@st.composite
def conventions(draw: st.DrawFn) -> Convention:
    return Convention(
        normalisation(draw(names)),
        draw(st.sampled_from([None, *SQUARED_ERRORS])),
        draw(st.floats(1e-3, 1e3)),
    )


@settings(deadline=None)
@given(conventions(), conventions(), weights, pixel_counts, latent_counts, st.floats(1e-3, 1e3))
def test_between_every_pair_of_conventions_and_back(
    here: Convention, there: Convention, weight: float, N: int, M: int, sigma: float
) -> None:
    beta = here.beta(weight, N, M, sigma)
    translated = there.weight(beta, N, M, sigma)
    assert there.beta(translated, N, M, sigma) == pytest.approx(beta, rel=ROUNDING)
    back = here.weight(there.beta(translated, N, M, sigma), N, M, sigma)
    assert back == pytest.approx(weight, rel=ROUNDING)


@settings(deadline=None)
@given(conventions(), weights, pixel_counts, latent_counts, st.floats(1e-3, 1e3))
def test_a_squared_error_sets_the_product_and_a_log_likelihood_sets_beta(
    convention: Convention, weight: float, N: int, M: int, sigma: float
) -> None:
    at_one, at_sigma = (convention.beta(weight, N, M, s) for s in (1.0, sigma))
    expected = at_one if convention.squared_error is None else at_one / sigma**2
    assert at_sigma == pytest.approx(expected, rel=ROUNDING)


@settings(deadline=None)
@given(weights, pixel_counts, latent_counts, st.floats(1e-3, 1e3))
def test_squared_errors_in_every_convention_at_once(
    beta: float, N: int, M: int, sigma: float
) -> None:
    full = 2 * beta * sigma**2
    row = {"sum": full, "mean": full * M / N, "pixel_mean": full / N, "beta_norm": full * M / N}
    answer = squared_error_weights(beta, N, M, sigma)
    assert answer["full"] == pytest.approx(row, rel=ROUNDING)
    assert answer["half"] == pytest.approx({k: v / 2 for k, v in row.items()}, rel=ROUNDING)


REDUCED = {
    "sum": (lambda d: d.sum(1), lambda r: r.sum(1), lambda N, M: 1.0),
    "mean": (lambda d: d.mean(1), lambda r: r.mean(1), lambda N, M: 1.0),
    "pixel_mean": (lambda d: d.mean(1), lambda r: r.sum(1), lambda N, M: 1.0),
    "beta_norm": (lambda d: d.sum(1), lambda r: r.sum(1), lambda N, M: N / M),
}
"""The losses as people write them: the reductions of both terms, and a factor on the weight."""


def direction(loss: torch.Tensor, leaves: list[torch.Tensor]) -> torch.Tensor:
    """The gradient of the loss, as one vector of length 1."""
    slopes = torch.autograd.grad(loss, leaves, retain_graph=True)  # terms are shared
    gradient = torch.cat([slope.flatten() for slope in slopes])
    return gradient / gradient.norm()


@settings(deadline=None, max_examples=50)
@given(
    st.floats(1e-3, 1e3),
    st.floats(0.1, 10),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 9),
    st.integers(0, 2**31),
)
def test_every_convention_gives_the_gradient_the_same_direction(
    beta: float, sigma: float, C: int, H: int, M: int, seed: int
) -> None:
    B, N = 3, C * H * H
    generator = torch.Generator().manual_seed(seed)
    draw = [torch.randn(B, k, generator=generator, dtype=torch.float64) for k in (N, N, M, M)]
    x, leaves = draw[0], [d.requires_grad_() for d in draw[1:]]
    reconstruction, mu, log_var = leaves
    error = (x - reconstruction) ** 2
    kl = (mu**2 + log_var.exp() - log_var - 1) / 2
    nats = error / (2 * sigma**2) + math.log(sigma) + math.log(2 * math.pi) / 2
    expected = direction((nats.sum(1) + beta * kl.sum(1)).mean(), leaves)

    written = []
    for name, (over_pixels, over_latents, factor) in REDUCED.items():
        for square, term in ((None, nats), ("full", error), ("half", error / 2)):
            convention = Convention(normalisation(name), square)
            w = convention.weight(beta, N, M, sigma) * factor(N, M)
            written.append((over_pixels(term) + w * over_latents(kl)).mean())
        objective = Objective(
            weight=normalisation(name).weight(beta, N, M),
            normalisation=normalisation(name),
            pixels=N,
            latents=M,
        )
        written.append(objective.loss(Terms(log_px=-nats.sum(1), kl=kl), 1.0))
    for loss in written:
        # Unit vectors of at most 90 float64 entries.
        torch.testing.assert_close(direction(loss, leaves), expected, rtol=1e-12, atol=1e-13)


def test_formulas_are_those_people_write() -> None:
    formulas = [
        Convention(normalisation("sum"), "full").formula,
        Convention(normalisation("mean"), "half").formula,
        Convention(normalisation("sum"), "full", coefficient=255).formula,
    ]
    assert formulas == ["SSE + w·KL", "½·MSE + w·KL/M", "255·SSE + w·KL"]


def test_an_unknown_squared_error_names_the_near_miss() -> None:
    with pytest.raises(UserError, match=r"'halve'.*did you mean 'half'\?"):
        Convention(normalisation("sum"), "halve")


def test_a_coefficient_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="coefficient must be above 0"):
        Convention(normalisation("sum"), coefficient=0.0)


def test_an_unknown_normalisation_names_the_near_miss() -> None:
    with pytest.raises(UserError, match=r"'pixelmean'.*did you mean 'pixel_mean'\?"):
        normalisation("pixelmean")


def test_an_unknown_normalisation_far_from_all_names_all() -> None:
    with pytest.raises(UserError, match="known: beta_norm, mean, pixel_mean, sum"):
        normalisation("geometric")
