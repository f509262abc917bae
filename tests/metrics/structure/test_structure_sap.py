"""SAP against its definition."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.metrics.structure import sap

Ints = NDArray[np.int64]
SIZES = np.array([3, 40, 32, 6])
ALL = [True] * 4


def test_a_categorical_factor_has_at_most_one_less_chance(draws: Ints) -> None:
    # One-versus-rest lines on one latent would find 2 of 40 levels; class means find them all.
    scored = sap(draws, draws)
    np.testing.assert_allclose(np.diag(scored.detail["score"]), 1)
    # Of 1,250 held-out examples: the noise of the second, chance, is below 0.03.
    np.testing.assert_allclose(scored.detail["gap"], 1 - 1 / SIZES, atol=0.05)
    assert scored.settings["ordinal"] == "none"


def test_a_dead_latent_scores_chance_and_not_nothing(draws: Ints) -> None:
    codes = np.column_stack([draws[:, 0], np.full((len(draws), 2), 0.1)])
    scored = sap(codes, draws[:, [0]])
    assert scored.detail["score"][:, 0] == pytest.approx([1, 1 / 3, 1 / 3])
    assert scored.values["sap"] == pytest.approx(2 / 3)
    # A latent alone has its gap to what knowing nothing scores.
    assert sap(draws[:, [0]], draws[:, [0]]).values["sap"] == pytest.approx(2 / 3)


def test_accuracy_is_balanced() -> None:
    generator = np.random.default_rng(0)
    rare = (generator.random((4000, 1)) < 0.05).astype(int)
    scored = sap(generator.normal(size=(4000, 1)), rare)
    # The commonest value would give 0.95; 50 held-out examples of the rare one allow 0.07 each way.
    assert scored.detail["score"][0, 0] == pytest.approx(0.5, abs=0.15)


def test_an_ordinal_factor_is_a_squared_correlation(grid: Ints) -> None:
    scored = sap(grid, grid, ordinal=ALL)
    np.testing.assert_allclose(scored.detail["score"], np.eye(4), atol=1e-12)
    assert scored.values["sap"] == pytest.approx(1)
    assert scored.settings["ordinal"] == "0 1 2 3"


@pytest.mark.parametrize("angle", [0.0, math.pi / 8, math.pi / 4])
def test_turned_by_an_angle_the_gap_is_the_cosine_of_twice_it(grid: Ints, angle: float) -> None:
    standard = (grid - grid.mean(0)) / grid.std(0)
    c, s = math.cos(angle), math.sin(angle)
    codes = np.column_stack([standard[:, :2] @ np.array([[c, s], [-s, c]]), standard[:, 2:]])
    # cos² - sin² of the two that are mixed.
    expected = [math.cos(2 * angle)] * 2 + [1, 1]
    np.testing.assert_allclose(sap(codes, grid, ordinal=ALL).detail["gap"], expected, atol=1e-9)


def test_noise_divides_the_squared_correlation(draws: Ints) -> None:
    standard = (draws - draws.mean(0)) / draws.std(0)
    noisy = standard + np.random.default_rng(1).normal(size=draws.shape)
    # 1 / (1 + 1); standard error 0.01.
    assert sap(noisy, draws, ordinal=ALL).values["sap"] == pytest.approx(0.5, abs=0.03)


def test_order_sign_scale_and_dead_latents_change_nothing(draws: Ints) -> None:
    noisy = draws + np.random.default_rng(1).normal(size=draws.shape)
    changed = np.column_stack(
        [noisy[:, [2, 0, 3, 1]] * [-1, 0.01, 5, -300], np.full((len(draws), 3), 0.1)]
    )
    mixed = [False, True, True, False]
    assert sap(changed, draws, ordinal=mixed).values == pytest.approx(
        sap(noisy, draws, ordinal=mixed).values
    )


def test_duplicates_close_the_gap(draws: Ints) -> None:
    assert sap(np.hstack([draws, draws]), draws).values["sap"] == 0


def test_a_monotone_code_keeps_its_classes_apart(draws: Ints) -> None:
    assert np.diag(sap(np.exp(draws / 10), draws).detail["score"]) == pytest.approx(1)


def test_a_seed_gives_the_same_and_another_another(draws: Ints) -> None:
    noisy = draws + np.random.default_rng(1).normal(size=draws.shape)
    assert sap(noisy, draws, seed=3).values == sap(noisy, draws, seed=3).values
    assert sap(noisy, draws, seed=3).values != sap(noisy, draws, seed=4).values


def test_a_mask_of_another_length_is_refused(draws: Ints) -> None:
    with pytest.raises(UserError, match="1 flags of ordinal factors for 4 factors"):
        sap(draws, draws, ordinal=[True])
