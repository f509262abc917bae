"""Mutual information in bins against closed forms, in nats."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import entropy

from betafront.errors import UserError
from betafront.metrics.structure import information

Ints = NDArray[np.int64]
SIZES = np.array([3, 40, 32, 6])


def nats(codes: NDArray[np.floating] | Ints, factors: Ints, **settings: object) -> np.ndarray:
    return information(codes, factors, estimator="bins", **settings).detail["mutual_information"]  # type: ignore[arg-type]


@pytest.mark.parametrize("binning", ["quantile", "width"])
def test_a_latent_that_is_a_factor_tells_its_entropy_and_nothing_else(
    grid: Ints, binning: str
) -> None:
    told = information(grid, grid, binning=binning, correction="none")  # type: ignore[arg-type]
    np.testing.assert_allclose(told.detail["mutual_information"], np.diag(np.log(SIZES)), atol=1e-9)
    np.testing.assert_allclose(told.detail["entropy"], np.log(SIZES))
    assert told.values == pytest.approx(
        {"information_top": 1.0, "information_second": 0.0}, abs=1e-9
    )
    assert told.settings["bins"] == 80  # two for each of 40 levels
    assert told.settings["cap"] == 1


def test_rows_are_latents_and_columns_factors(grid: Ints) -> None:
    # Where (n, M) codes are reshaped to (M, n) instead of transposed, a row mixes all latents.
    order = [2, 0, 3, 1]
    codes = np.column_stack([grid[:, order], np.zeros(len(grid))])
    mutual = nats(codes, grid, correction="none")
    assert mutual.shape == (5, 4)
    expected = np.zeros((5, 4))
    expected[range(4), order] = np.log(SIZES)[order]
    np.testing.assert_allclose(mutual, expected, atol=1e-9)


@pytest.mark.parametrize("binning", ["quantile", "width"])
def test_twenty_bins_hold_no_more_than_their_logarithm(grid: Ints, binning: str) -> None:
    told = information(grid, grid, bins=20, binning=binning, correction="none")  # type: ignore[arg-type]
    # 40 even levels fall in pairs into 20 bins.
    assert told.detail["mutual_information"][1, 1] == pytest.approx(math.log(20))
    np.testing.assert_allclose(
        told.detail["cap"], [1, math.log(20) / math.log(40), math.log(20) / math.log(32), 1]
    )
    assert told.settings["cap"] == pytest.approx(0.812, abs=1e-3)


def test_a_noisy_channel_tells_its_capacity() -> None:
    generator = np.random.default_rng(0)
    sent = generator.integers(0, 2, (20000, 1))
    received = sent ^ (generator.random((20000, 1)) < 0.1)
    # ln 2 - H(0.1); the standard error of the estimate is below 0.005.
    expected = math.log(2) - float(entropy([0.1, 0.9]))
    assert nats(received.astype(float), sent)[0, 0] == pytest.approx(expected, abs=0.015)


def test_the_entropy_of_the_bins_of_uneven_levels_is_that_of_their_shares() -> None:
    factor = np.repeat([0, 1, 2], [600, 300, 100])[:, None]
    told = information(factor, factor, correction="none")
    expected = float(entropy([0.6, 0.3, 0.1]))
    assert told.detail["entropy"][0] == pytest.approx(expected)
    assert told.detail["mutual_information"][0, 0] == pytest.approx(expected)


def test_the_correction_takes_back_what_counting_in_cells_invents(draws: Ints) -> None:
    noise = np.random.default_rng(1).normal(size=(len(draws), 4))
    plain, corrected = (nats(noise, draws, correction=c) for c in ("none", "miller-madow"))
    # (80 - 1)(L - 1) / 2n nats to first order: 0.31 of 40 levels.
    np.testing.assert_allclose(plain.mean(0), 79 * (SIZES - 1) / (2 * len(draws)), rtol=0.2)
    # A third is left where 5,000 examples fill 3,200 cells: those never seen are not counted.
    assert (corrected.mean(0) < 0.4 * plain.mean(0)).all()


@pytest.mark.parametrize("binning", ["quantile", "width"])
def test_a_dead_latent_tells_exactly_nothing(draws: Ints, binning: str) -> None:
    dead = np.full((len(draws), 2), 0.1)
    told = information(dead, draws, estimator="bins", binning=binning)  # type: ignore[arg-type]
    assert (told.detail["mutual_information"] == 0).all()
    assert (told.detail["latent_entropy"] == 0).all()


def test_quantile_bins_see_no_increasing_function_nor_outliers(draws: Ints) -> None:
    codes = draws + np.random.default_rng(1).normal(size=draws.shape)
    np.testing.assert_array_equal(nats(codes, draws), nats(np.exp(codes), draws))
    # One far example takes all bins of equal width but one.
    codes[0] = 1e6
    assert nats(codes, draws)[1, 1] > 2
    assert nats(codes, draws, binning="width")[1, 1] < 0.01


def test_sign_and_scale_change_nothing(draws: Ints) -> None:
    codes = draws + np.random.default_rng(1).normal(size=draws.shape)
    # An example on the edge of two bins may fall to the other side.
    np.testing.assert_allclose(nats(codes, draws), nats(-3 * codes, draws), atol=0.02)


def test_values_of_a_factor_are_names() -> None:
    factor = np.random.default_rng(0).integers(0, 4, (1000, 1))
    renamed = np.array([7, -3, 100, 12])[factor]
    told, again = information(factor, factor), information(factor, renamed)
    assert told.values == pytest.approx(again.values)


def test_unknown_settings_are_refused(draws: Ints) -> None:
    with pytest.raises(UserError, match="unknown binning 'quantiles': did you mean 'quantile'"):
        information(draws, draws, binning="quantiles")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown correction"):
        information(draws, draws, correction="jackknife")  # type: ignore[arg-type]


BAD = [
    (np.zeros((300, 2)), np.zeros((299, 1), int), "do not match"),
    (np.zeros(300), np.zeros((300, 1), int), "do not match"),
    (np.zeros((0, 2)), np.zeros((0, 1), int), "do not match"),
    (np.zeros((300, 2)), np.arange(300.0)[:, None], "not levels"),
    (np.full((300, 2), np.nan), np.arange(300)[:, None] % 2, "600 of the codes are not finite"),
    (np.zeros((300, 2)), np.stack([np.arange(300) % 2, np.ones(300, int)], 1), "factor 1 is const"),
    (np.zeros((100, 2)), np.arange(100)[:, None] % 2, "20 bins cannot be filled from 100"),
]


@pytest.mark.parametrize(("codes", "factors", "message"), BAD)
def test_bad_input_is_refused_in_one_line(codes: np.ndarray, factors: Ints, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        information(codes, factors, estimator="bins")
    assert "\n" not in str(refused.value)
    assert ": " in str(refused.value)
