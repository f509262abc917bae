"""The scores of the β-VAE and the FactorVAE on codes whose answer is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.metrics.structure import beta_vae_score, factor_vae_score
from betafront.metrics.structure.beta_vae_score import _Mates

Ints = NDArray[np.int64]


def higgins(codes: NDArray[np.floating] | Ints, factors: Ints, **settings: int) -> float:
    quick = {"train_points": 400, "test_points": 400, **settings}
    return beta_vae_score(codes, factors, **quick).values["beta_vae_score"]


def kim(codes: NDArray[np.floating] | Ints, factors: Ints, **settings: int) -> float:
    return factor_vae_score(codes, factors, **settings).values["factor_vae_score"]


@pytest.fixture(scope="module")
def standard(draws: Ints) -> np.ndarray:
    return (draws - draws.mean(0)) / draws.std(0)


@pytest.fixture(scope="module")
def square() -> Ints:
    return np.random.default_rng(5).integers(0, 10, (4000, 2))


def test_mates_share_the_value_are_others_and_are_drawn_evenly() -> None:
    level = np.array([2, 0, 1, 0, 2, 1, 2, 0, 2])
    mates, generator = _Mates(level), np.random.default_rng(0)
    examples = np.repeat(np.arange(9), 3000)
    drawn = mates.draw(examples, generator)
    assert (level[drawn] == level[examples]).all()
    assert (drawn != examples).all()
    # Of example 0 there are three others, 1,000 times each; standard error 26.
    counts = np.bincount(drawn[examples == 0], minlength=9)
    np.testing.assert_allclose(counts[[4, 6, 8]], 1000, atol=130)


@pytest.mark.parametrize("score", [higgins, kim])
def test_the_factors_themselves_score_one(score, standard: np.ndarray, draws: Ints) -> None:
    # Of 3 levels, 64 draws never leave a chance that another latent is still.
    assert score(standard, draws) == pytest.approx(1, abs=0.01)
    changed = standard[:, [2, 0, 3, 1]] * [-1, 2, 5, -300]
    assert score(changed, draws) == pytest.approx(1, abs=0.01)
    dead = np.column_stack([np.full((len(draws), 3), 0.1), changed])
    assert score(dead, draws) == pytest.approx(1, abs=0.01)
    assert score(np.hstack([standard, standard]), draws) == pytest.approx(1, abs=0.01)
    assert score(np.sinh(standard), draws) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("score", [higgins, kim])
def test_noise_and_dead_codes_score_chance(score, draws: Ints) -> None:
    # 1/4; four standard errors of 400 points are 0.09. The majority of votes adds a little.
    noise = np.random.default_rng(1).normal(size=draws.shape)
    assert score(noise, draws) == pytest.approx(0.25, abs=0.1)
    assert score(np.full((len(draws), 3), 0.1), draws) == pytest.approx(0.25, abs=0.1)


@pytest.mark.parametrize("score", [higgins, kim])
def test_turned_by_45_degrees_two_factors_cannot_be_told_apart(score, square: Ints) -> None:
    assert score(square, square) == pytest.approx(1, abs=0.01)
    # Whichever is fixed, both latents keep half their variance.
    assert score(square @ np.array([[1, 1], [1, -1]]), square) == pytest.approx(0.5, abs=0.1)


def test_the_score_of_the_beta_vae_does_not_see_much_noise(
    standard: np.ndarray, draws: Ints
) -> None:
    # As much noise as signal: the mean over 64 pairs is still far from that of other factors.
    noise = np.random.default_rng(1).normal(size=draws.shape)
    assert higgins(standard + 0.5 * noise, draws) > 0.97
    assert higgins(standard + 0.5 * noise, draws, pairs=1) < 0.8


def test_votes_are_counted_by_latent_and_factor(standard: np.ndarray, draws: Ints) -> None:
    codes = np.column_stack([np.zeros(len(draws)), standard[:, [2, 0, 3, 1]]])
    scored = factor_vae_score(codes, draws, train_votes=400)
    votes = scored.detail["votes"]
    # Rows keep the numbers of the latents where one is left out.
    assert votes.shape == (5, 4)
    assert votes.argmax(axis=0).tolist() == [2, 4, 1, 3]
    assert votes[0].sum() == 0
    assert votes.sum() == 400
    assert scored.values["factor_vae_score_latents"] == 4
    assert scored.values["factor_vae_score_chance"] == 0.25


def test_latents_are_left_out_by_variance_and_counted(standard: np.ndarray, draws: Ints) -> None:
    # A standard deviation of 0.08 is above 0.01 and 0.05; the variance, 0.0064, is not.
    scored = factor_vae_score(standard * [1, 1, 1, 0.08], draws)
    assert scored.values["factor_vae_score_latents"] == 3
    assert scored.values["factor_vae_score"] < 0.9
    kept = factor_vae_score(standard * [1, 1, 1, 0.08], draws, active_threshold=0.005)
    assert kept.values["factor_vae_score_latents"] == 4
    assert kept.values["factor_vae_score"] == pytest.approx(1, abs=0.01)


def test_a_vote_goes_by_the_ratio_of_variances(draws: Ints) -> None:
    # Without the division the smallest latent would get every vote. With noise of half a standard
    # deviation the ratio of the right one is 0.2, of the others 1, with a standard error of 0.2.
    standard = (draws - draws.mean(0)) / draws.std(0)
    noisy = standard + 0.5 * np.random.default_rng(1).normal(size=draws.shape)
    assert kim(noisy * [100, 1, 0.2, 10], draws) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("score", [higgins, kim])
def test_a_seed_gives_the_same_and_another_another(score, draws: Ints) -> None:
    noise = np.random.default_rng(1).normal(size=draws.shape)
    assert score(noise, draws, seed=3) == score(noise, draws, seed=3)
    assert score(noise, draws, seed=3) != score(noise, draws, seed=4)


def test_too_few_examples_of_a_value_are_refused(draws: Ints) -> None:
    count = np.bincount(draws[:, 1]).min()
    with pytest.raises(UserError, match=f"factor 1 has {count} examples .* or lower `examples`"):
        factor_vae_score(draws, draws, examples=500)
    lonely = draws.copy()
    lonely[0, 2] = 99
    with pytest.raises(UserError, match="factor 2 has 1 examples of the value 99 and 2"):
        beta_vae_score(lonely, lonely)


@pytest.mark.parametrize("metric", [beta_vae_score, factor_vae_score])
def test_one_factor_is_refused(metric, draws: Ints) -> None:
    with pytest.raises(UserError, match="2 factors or more"):
        metric(draws, draws[:, [0]])


def test_settings_that_leave_nothing_to_draw_are_refused(draws: Ints) -> None:
    with pytest.raises(UserError, match="pairs of 0 is too few: give 1 or more"):
        beta_vae_score(draws, draws, pairs=0)
    with pytest.raises(UserError, match="train_points of 3 is too few: give 4 or more"):
        beta_vae_score(draws, draws, train_points=3)
    with pytest.raises(UserError, match="examples of 1 is too few: give 2 or more"):
        factor_vae_score(draws, draws, examples=1)
    with pytest.raises(UserError, match="test_votes of 0 is too few"):
        factor_vae_score(draws, draws, test_votes=0)


def test_settings_say_what_was_drawn(draws: Ints) -> None:
    scored = beta_vae_score(draws, draws, pairs=8, train_points=50, test_points=40, seed=2)
    assert {"n": 5000, "pairs": 8, "train_points": 50, "seed": 2}.items() <= scored.settings.items()
    assert not math.isnan(scored.values["beta_vae_score"])
