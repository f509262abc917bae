"""MIG against its definition."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import entropy

from betafront.metrics.structure import mig

Ints = NDArray[np.int64]
# On a full grid the plug-in estimate is exact.
EXACT = {"correction": "none"}


def value(codes: NDArray[np.floating] | Ints, factors: Ints, **settings: object) -> float:
    return mig(codes, factors, **settings).values["mig"]  # type: ignore[arg-type]


def standard(factors: Ints) -> np.ndarray:
    return (factors - factors.mean(0)) / factors.std(0)


def turned(codes: np.ndarray, angle: float) -> np.ndarray:
    """The first two columns turned by `angle` radians, the others left."""
    c, s = math.cos(angle), math.sin(angle)
    return np.column_stack([codes[:, :2] @ np.array([[c, s], [-s, c]]), codes[:, 2:]])


def test_the_factors_themselves_have_the_whole_gap(grid: Ints) -> None:
    assert value(grid, grid, **EXACT) == pytest.approx(1)
    # The correction of n = 23,040: less than (L - 1) / 2n / ln L.
    assert value(grid, grid) == pytest.approx(1, abs=1e-3)


def test_order_sign_scale_and_dead_latents_change_nothing(grid: Ints) -> None:
    codes = standard(grid)[:, [3, 1, 0, 2]] * [-1, 0.01, 5, -300]
    assert value(codes, grid, **EXACT) == pytest.approx(1)
    dead = np.zeros((len(grid), 6))
    assert value(np.hstack([dead, codes, dead]), grid, **EXACT) == pytest.approx(1)


def test_a_duplicate_closes_the_gap_of_its_factor(grid: Ints) -> None:
    scored = mig(np.hstack([grid, -grid[:, [1]]]), grid, correction="none")
    np.testing.assert_allclose(scored.detail["gap"], [1, 0, 1, 1], atol=1e-9)
    assert scored.values["mig"] == pytest.approx(3 / 4)
    assert value(np.hstack([grid, grid]), grid, **EXACT) == pytest.approx(0, abs=1e-9)


def test_turned_by_45_degrees_two_latents_tell_the_same(grid: Ints) -> None:
    # z_1 + z_2 and z_1 - z_2 of symmetric factors; examples on edges of bins blur it a little.
    scored = mig(turned(standard(grid), math.pi / 4), grid, correction="none")
    np.testing.assert_allclose(scored.detail["gap"], [0, 0, 1, 1], atol=0.01)


def test_turning_lowers_the_gap(draws: Ints) -> None:
    noise = 0.1 * np.random.default_rng(1).normal(size=draws.shape)
    turns = [turned(standard(draws), a) + noise for a in (0, math.pi / 8, math.pi / 4)]
    for how in ({}, {"bins": 80}):
        values = [value(codes, draws, **how) for codes in turns]
        assert values[0] > values[1] + 0.02 > values[2] + 0.04


def test_a_latent_whose_values_are_pairs_of_levels_tells_both(grid: Ints) -> None:
    # By an eighth turn each of the first two latents has 120 values, one for each pair of levels.
    codes = turned(standard(grid), math.pi / 8)
    np.testing.assert_allclose(mig(codes, grid).detail["gap"], [0, 0, 1, 1], atol=1e-9)


def test_noise_lowers_the_gap(draws: Ints) -> None:
    noise = np.random.default_rng(1).normal(size=draws.shape)
    values = [value(draws + s * noise, draws) for s in (0, 0.3, 1, 3)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.98
    assert value(noise, draws) == pytest.approx(0, abs=0.03)


def test_a_monotone_code_is_as_good_as_a_linear_one(grid: Ints) -> None:
    assert value(np.tanh(standard(grid)), grid, **EXACT) == pytest.approx(1)


def test_twenty_bins_cap_a_perfect_code(grid: Ints) -> None:
    # 40 levels fall in pairs; of 32, twelve pairs and eight alone.
    pairs_and_alone = float(entropy([2] * 12 + [1] * 8)) / math.log(32)
    by_hand = (1 + math.log(20) / math.log(40) + pairs_and_alone + 1) / 4
    scored = mig(grid, grid, bins=20, correction="none")
    assert scored.values["mig"] == pytest.approx(by_hand)
    assert scored.settings["cap"] == pytest.approx(math.log(20) / math.log(40))
    assert scored.detail["gap"][1] == pytest.approx(scored.settings["cap"])


def test_a_single_latent_has_no_rival(grid: Ints) -> None:
    assert value(grid[:, [1]], grid[:, [1]], **EXACT) == pytest.approx(1)


def test_the_same_call_gives_the_same_score(draws: Ints) -> None:
    codes = draws + np.random.default_rng(1).normal(size=draws.shape)
    assert value(codes, draws) == value(codes, draws)
