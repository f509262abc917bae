"""Modularity and explicitness against their definitions."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.metrics.structure import explicitness, modularity
from betafront.metrics.structure.modularity import latent_modularity

Ints = NDArray[np.int64]


def test_modularity_of_nats() -> None:
    mutual = np.array([[2.0, 0, 0], [2, 1, 0], [1, 1, 1], [0, 0, 0]])
    # 1, 1 - 1²/(2²·2), 0 where all are alike, 0 where nothing is told.
    np.testing.assert_allclose(latent_modularity(mutual), [1, 7 / 8, 0, 0])


def test_dead_latents_lower_one_mean_and_not_the_other(grid: Ints) -> None:
    codes = np.hstack([grid, np.full((len(grid), 6), 0.1)])
    values = modularity(codes, grid, correction="none").values
    assert values["modularity"] == pytest.approx(4 / 10)
    assert values["modularity_active"] == pytest.approx(1)
    assert values["modularity_latents"] == 4


def test_activity_is_a_variance_and_not_a_standard_deviation(grid: Ints) -> None:
    standard = (grid - grid.mean(0)) / grid.std(0)
    # A standard deviation of 0.08 is above 0.01, its square is not.
    values = modularity(standard * [1, 1, 0.12, 0.08], grid).values
    assert values["modularity_latents"] == 3


def test_dead_codes_score_nothing_and_no_nan(draws: Ints) -> None:
    values = modularity(np.full((len(draws), 3), 0.1), draws).values
    assert values == {"modularity": 0, "modularity_active": 0, "modularity_latents": 0}


def test_duplicates_are_modular_and_mixtures_not(grid: Ints) -> None:
    assert modularity(np.hstack([grid, grid]), grid).values["modularity"] > 0.99
    # Halves of two symmetric factors of one size: each latent tells the same of both.
    square = np.indices((8, 8)).reshape(2, -1).T.repeat(40, axis=0)
    turned = square @ np.array([[1, 1], [1, -1]])
    assert modularity(turned, square, correction="none").values["modularity"] < 0.01


def test_a_latent_that_holds_two_factors_is_as_modular_as_their_entropies_differ() -> None:
    four, six = factors = np.indices((4, 6)).reshape(2, -1).repeat(40, axis=1)
    scored = modularity((6 * four + six)[:, None], factors.T, bins=48, correction="none")
    by_hand = 1 - (math.log(4) / math.log(6)) ** 2
    assert scored.values["modularity"] == pytest.approx(by_hand)


def test_order_sign_and_scale_change_nothing(draws: Ints) -> None:
    noisy = draws + np.random.default_rng(1).normal(size=draws.shape)
    changed = noisy[:, [2, 0, 3, 1]] * [-1, 1, 5, -300]
    assert modularity(changed, draws).values == pytest.approx(
        modularity(noisy, draws).values, abs=0.01
    )


def test_one_factor_is_refused(draws: Ints) -> None:
    with pytest.raises(UserError, match="2 factors or more"):
        modularity(draws, draws[:, [1]])


def test_a_latent_for_each_value_is_explicit(draws: Ints) -> None:
    few = draws[:, [0, 3]]
    codes = np.hstack([np.eye(size)[column] for size, column in zip((3, 6), few.T, strict=True)])
    assert explicitness(codes, few).values["explicitness"] == pytest.approx(1, abs=1e-6)


def test_of_one_latent_only_the_ends_are_explicit(draws: Ints) -> None:
    # Of three levels the ends have area 1; the middle one has as many below as above: 1/2.
    scored = explicitness(draws[:, [0]], draws[:, [0]])
    assert scored.values["explicitness"] == pytest.approx(2 * (1 + 0.5 + 1) / 3 - 1, abs=0.02)


def test_explicitness_of_noise_is_zero_and_of_the_dead_too(draws: Ints) -> None:
    noise = np.random.default_rng(1).normal(size=(len(draws), 2))
    few = draws[:, [0, 3]]
    assert explicitness(noise, few).values["explicitness"] == pytest.approx(0, abs=0.05)
    dead = np.full((len(draws), 2), 0.1)
    assert explicitness(dead, few).values["explicitness"] == pytest.approx(0)


def test_explicitness_sees_no_order_sign_scale_and_nothing_dead(draws: Ints) -> None:
    few = draws[:, [0, 3]]
    noisy = few + np.random.default_rng(1).normal(size=few.shape)
    changed = np.column_stack([noisy[:, [1, 0]] * [-0.01, 300], np.full((len(few), 2), 0.1)])
    # The optimiser stops at a tolerance.
    assert explicitness(changed, few).values == pytest.approx(
        explicitness(noisy, few).values, abs=1e-3
    )
    assert explicitness(noisy, few).values == explicitness(noisy, few).values
