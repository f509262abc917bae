"""DCI against its definition."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.metrics.structure import dci
from betafront.metrics.structure.dci import completeness, disentanglement

Ints = NDArray[np.int64]
SIZES = np.array([3, 40, 32, 6])


@pytest.fixture(scope="module")
def few(draws: Ints) -> Ints:
    return draws[:2000]


def test_disentanglement_weighs_latents_by_their_share() -> None:
    # Latent 0 knows factor 0 alone, latent 1 both alike, latent 2 is dead.
    importance = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    assert disentanglement(importance) == pytest.approx((1 * 1 + 1 * 0) / 2)


def test_completeness_is_to_the_base_of_all_latents() -> None:
    importance = np.array([[1.0, 0.5], [0.0, 0.5], [0.0, 0.0]])
    by_hand = (1 + (1 - math.log(2) / math.log(3))) / 2
    assert completeness(importance) == pytest.approx(by_hand)
    # Exchanging latents and factors exchanges the two.
    assert disentanglement(importance.T) == pytest.approx(by_hand)


def test_no_importance_at_all_is_no_structure() -> None:
    assert disentanglement(np.zeros((3, 2))) == completeness(np.zeros((3, 2))) == 0


def test_the_factors_themselves_score_one(few: Ints) -> None:
    scored = dci(few, few)
    for name in ("disentanglement", "completeness", "accuracy", "informativeness"):
        # Trees of depth 8 may leave a few of 40 levels in one leaf.
        assert scored.values[f"dci_{name}"] == pytest.approx(1, abs=0.02)
    # Shuffled, a latent that was right always is right by chance; 500 examples, shuffled 5 times.
    np.testing.assert_allclose(scored.detail["importance"], np.diag(1 - 1 / SIZES), atol=0.04)
    named = {"regressor": "random_forest", "importance": "permutation", "depth": 8, "trees": 20}
    assert named.items() <= scored.settings.items()


def test_impurity_of_the_factors_themselves_is_one_each(few: Ints) -> None:
    scored = dci(few, few, importance="impurity")
    np.testing.assert_allclose(scored.detail["importance"], np.eye(4), atol=0.01)
    assert scored.values["dci_disentanglement"] == pytest.approx(1, abs=0.02)


def test_noise_and_collapsed_latents_are_no_entanglement(few: Ints) -> None:
    three = few[:, [0, 2, 3]]
    standard = (three - three.mean(0)) / three.std(0)
    generator = np.random.default_rng(1)
    noisy = standard + 0.5 * generator.normal(size=three.shape)
    codes = np.hstack([noisy, 0.01 * generator.normal(size=three.shape)])
    shuffled = dci(codes, three).values["dci_disentanglement"]
    # Trees that learn noise split on every latent: the reason why impurity is not the default.
    assert shuffled > 0.7
    assert dci(codes, three, importance="impurity").values["dci_disentanglement"] < 0.5


def test_a_noisy_code_scores_the_same_with_any_seed() -> None:
    sizes = (3, 4, 6, 8)
    factors = np.random.default_rng(0).integers(0, sizes, (1200, 4))
    standard = (factors - factors.mean(0)) / factors.std(0)
    codes = standard + 0.5 * np.random.default_rng(1).normal(size=factors.shape)
    each, every = (
        [
            dci(codes, factors, seed=seed, standard_errors=errors).values["dci_disentanglement"]
            for seed in range(3)
        ]
        for errors in (3, 0)
    )
    # Each latent has one factor and noise. Where each loss counts, a tenth is of noise.
    assert min(each) > 0.97
    assert np.mean(every) < 0.95


def test_random_codes_have_no_importance(few: Ints) -> None:
    noise = np.random.default_rng(1).normal(size=(len(few), 4))
    scored = dci(noise, few[:, [0, 3]])
    assert (scored.detail["importance"] == 0).all()
    assert scored.values["dci_disentanglement"] == scored.values["dci_completeness"] == 0
    assert scored.settings["standard_errors"] == 3


def test_dead_latents_with_a_little_noise_have_no_importance(few: Ints) -> None:
    draws = np.random.default_rng(1)
    two = few[:, [0, 3]]
    codes = np.hstack(
        [two + 1e-3 * draws.normal(size=two.shape), 1e-3 * draws.normal(size=two.shape)]
    )
    scored = dci(codes, two)
    assert (scored.detail["importance"][2:] == 0).all()
    assert scored.values["dci_disentanglement"] == pytest.approx(1, abs=0.01)
    assert scored.values["dci_completeness"] == pytest.approx(1, abs=0.01)


def test_order_sign_scale_and_dead_latents(few: Ints) -> None:
    order = [2, 0, 3, 1]
    codes = np.column_stack([few[:, order] * [-1, 0.01, 5, -300], np.full((len(few), 2), 0.1)])
    scored = dci(codes, few)
    expected = np.zeros((6, 4))
    expected[range(4), order] = (1 - 1 / SIZES)[order]
    np.testing.assert_allclose(scored.detail["importance"], expected, atol=0.04)
    assert (scored.detail["importance"][4:] == 0).all()
    assert scored.values["dci_disentanglement"] == pytest.approx(1, abs=0.03)
    assert scored.values["dci_completeness"] == pytest.approx(1, abs=0.03)


def test_duplicates_cost_completeness_alone(few: Ints) -> None:
    two = few[:, [0, 3]]
    scored = dci(np.hstack([two, two]), two, trees=60)
    assert scored.values["dci_disentanglement"] == pytest.approx(1, abs=0.01)
    # Ties are broken by chance; near one half each the entropy is flat.
    assert scored.values["dci_completeness"] == pytest.approx(
        1 - math.log(2) / math.log(4), abs=0.1
    )
    assert scored.values["dci_accuracy"] == 1


def test_turned_by_45_degrees_each_latent_knows_both() -> None:
    factors = np.random.default_rng(0).integers(0, 6, (2000, 2))
    turned = factors @ np.array([[1, 1], [1, -1]])
    scored = dci(turned, factors)
    by_symmetry = scored.detail["importance"].mean()
    np.testing.assert_allclose(scored.detail["importance"], by_symmetry, rtol=0.1)
    assert scored.values["dci_disentanglement"] < 0.05
    assert scored.values["dci_completeness"] < 0.05
    assert scored.values["dci_informativeness"] > 0.9  # nothing is lost, it is only mixed


def test_informativeness_is_held_out_and_chance_is_zero(few: Ints) -> None:
    factor = (np.random.default_rng(1).random((len(few), 1)) < 0.2).astype(int)
    noise = np.random.default_rng(2).normal(size=(len(few), 4))
    scored = dci(noise, factor)
    assert scored.detail["chance"][0] == pytest.approx(0.8, abs=0.02)
    # Accuracy flatters noise; on the training examples a depth of 8 would beat chance by far.
    assert scored.values["dci_accuracy"] == pytest.approx(0.8, abs=0.04)
    assert scored.values["dci_informativeness"] < 0.05


def test_dead_codes_score_nothing_and_no_nan(few: Ints) -> None:
    values = dci(np.full((len(few), 3), 0.1), few).values
    assert values["dci_disentanglement"] == values["dci_completeness"] == 0
    assert values["dci_informativeness"] == pytest.approx(0, abs=0.02)


def test_boosted_trees_are_another_setting(few: Ints) -> None:
    two = few[:, [0, 3]]
    scored = dci(two, two, regressor="gradient_boosting", trees=5, depth=3)
    assert scored.settings["regressor"] == "gradient_boosting"
    assert scored.values["dci_disentanglement"] == pytest.approx(1, abs=0.01)


def test_boosting_has_no_importance_below_zero() -> None:
    # The impurity that noise takes off is rounded to -6e-17, whose entropy is infinite.
    generator = np.random.default_rng(0)
    factors = generator.integers(0, (2, 3), (400, 2))
    codes = np.hstack([factors, 0.03 * generator.normal(size=(400, 4))])
    scored = dci(
        codes, factors, regressor="gradient_boosting", importance="impurity", trees=20, depth=3
    )
    assert (scored.detail["importance"] >= 0).all()
    assert scored.values["dci_disentanglement"] == pytest.approx(1)
    assert scored.values["dci_completeness"] == pytest.approx(1)


def test_a_seed_gives_the_same_and_another_another(few: Ints) -> None:
    codes = few + np.random.default_rng(1).normal(size=few.shape)
    one, two = codes[:, :2], few[:, [0, 3]]
    scored = [dci(one, two, trees=5, seed=seed).values for seed in (3, 3, 4)]
    assert scored[0] == scored[1] != scored[2]


def test_bad_input_is_refused(few: Ints) -> None:
    lonely = few[:, :1].copy()
    lonely[0] = 9
    with pytest.raises(UserError, match="factor 0 has 1 examples of the value 9 and 4 are needed"):
        dci(few, lonely)
    with pytest.raises(UserError, match="unknown regressor"):
        dci(few, few, regressor="lasso")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown importance"):
        dci(few, few, importance="weights")  # type: ignore[arg-type]
