"""Information by nearest neighbours: golden codes, an oracle, and integrals."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.feature_selection import mutual_info_classif

from betafront.errors import UserError
from betafront.metrics.structure import information, mig, modularity

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

JITTERS = {
    "ties": lambda shape, draws: np.zeros(shape),
    "small noise": lambda shape, draws: 1e-3 * draws.normal(size=shape),
    "noise": lambda shape, draws: 0.1 * draws.normal(size=shape),
    "levels that touch": lambda shape, draws: draws.uniform(-0.5, 0.5, shape),
}
MAPS = {
    "same": lambda z: z,
    "exponential": lambda z: np.exp(5 * z / np.ptp(z)),
    "falling cube": lambda z: -((z - z.mean()) ** 3),
    "squashed": lambda z: np.tanh((z - z.mean()) / z.std()),
    "far off": lambda z: 1e6 + 1e-3 * z,
}
OF_SPRITES = (3, 4, 6, 8, 8)


def factors(sizes: tuple[int, ...], n: int, seed: int = 0) -> Ints:
    return np.random.default_rng(seed).integers(0, sizes, (n, len(sizes)))


@pytest.mark.parametrize("jitter", JITTERS)
@pytest.mark.parametrize("mapped", MAPS)
def test_a_perfect_code_scores_one_with_any_number_of_levels(jitter: str, mapped: str) -> None:
    v = factors((2, 3, 5, 8, 9, 24, 40), 5000)
    z = v + JITTERS[jitter](v.shape, np.random.default_rng(1))
    scored = mig(np.column_stack([MAPS[mapped](latent) for latent in z.T]), v)
    np.testing.assert_allclose(scored.detail["gap"], 1, atol=0.01)
    assert scored.settings["estimator"] == "neighbours"
    assert scored.settings["cap"] == 1


@pytest.mark.parametrize("jitter", ["ties", "small noise", "noise"])
def test_a_perfect_code_of_few_examples_scores_one(jitter: str) -> None:
    v = factors(OF_SPRITES, 922)  # as many as sprites_small has for validation
    z = v + JITTERS[jitter](v.shape, np.random.default_rng(1))
    assert mig(z, v).values["mig"] == pytest.approx(1, abs=0.01)
    assert modularity(z, v).values["modularity"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("n", [300, 922, 5000])
@pytest.mark.parametrize("ties", [False, True])
def test_a_random_code_tells_nothing(n: int, ties: bool) -> None:
    v = factors((2, *OF_SPRITES), n)
    draws = np.random.default_rng(1)
    z = draws.integers(0, 7, (n, 8)) if ties else draws.normal(size=(n, 8))
    assert mig(z, v).values["mig"] == 0
    assert information(z, v).values == {"information_top": 0, "information_second": 0}
    assert modularity(z, v).values["modularity"] == 0


def test_dead_latents_with_a_little_noise_tell_nothing() -> None:
    v = factors((3, 40, 32, 6), 5000)
    draws = np.random.default_rng(1)
    dead = 1e-3 * draws.normal(size=(5000, 5))
    z = np.hstack([v + 1e-3 * draws.normal(size=v.shape), dead])
    scored = modularity(z, v)
    np.testing.assert_allclose(scored.detail["latent_modularity"], [1] * 4 + [0] * 5, atol=0.01)
    assert scored.values["modularity"] == pytest.approx(4 / 9, abs=0.01)
    assert scored.values["modularity_active"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1, 3])
@pytest.mark.parametrize("levels", [2, 8])
def test_of_noisy_levels_it_is_the_integral(levels: int, sigma: float) -> None:
    v = factors((levels,), 5000)
    z = v + sigma * np.random.default_rng(1).normal(size=v.shape)
    places = np.arange(levels)

    def of_density(x: float) -> float:
        p = norm.pdf(x, places, sigma).mean()
        return -p * math.log(p) if p > 0 else 0.0

    low, high = -8 * sigma, levels - 1 + 8 * sigma
    exact = quad(of_density, low, high, limit=500, points=places)[0]
    exact -= 0.5 * math.log(2 * math.pi * math.e * sigma**2)
    told = information(z, v).detail["mutual_information"][0, 0]
    assert told == pytest.approx(exact, abs=0.03)


def test_of_continuous_latents_it_is_that_of_scikit_learn() -> None:
    v = factors((3, 24), 2000)
    z = v + np.random.default_rng(1).normal(size=v.shape)
    z = np.column_stack([z, z[:, 0] - 0.2 * z[:, 1]])
    ours = information(z, v, neighbours=3)
    for k, factor in enumerate(v.T):
        theirs = mutual_info_classif(z, factor, n_neighbors=3, random_state=0)
        noise = ours.detail["noise"][k]
        mine = ours.detail["mutual_information"][:, k]
        np.testing.assert_allclose(mine[mine > noise], theirs[mine > noise], atol=1e-3)
        assert (theirs[mine == 0] < noise).all()
        assert (mine > noise).sum() >= 1
    assert ours.settings["neighbours"] == 3


def test_ties_tell_what_counting_tells() -> None:
    # Where scikit-learn's, of latents with many ties, is far off.
    v = factors((2, 6), 5000)
    z = np.where(np.random.default_rng(1).random(v.shape) < 0.2, 0, v).astype(float)
    counted = information(z, v, estimator="bins", binning="width", bins=30)
    told = information(z, v)
    for name in ("mutual_information", "entropy"):
        np.testing.assert_allclose(told.detail[name], counted.detail[name], atol=2e-3)
    dead = information(np.full((5000, 1), 0.1), v)
    assert (dead.detail["mutual_information"] == 0).all()


def test_small_information_is_seen_and_not_invented() -> None:
    v = factors((4,), 5000)
    z = 0.1 * v + np.random.default_rng(1).normal(size=v.shape)
    # 0.1² Var(v) / 2 nats to first order, a fourth of what single neighbours' noise is.
    told = information(z, v)
    assert 0 <= told.detail["mutual_information"][0, 0] < 0.02
    assert told.detail["noise"][0] < 0.05
    stronger = information(0.3 * v + np.random.default_rng(1).normal(size=v.shape), v)
    expected = 0.5 * math.log(1 + 0.3**2 * 1.25)
    assert stronger.detail["mutual_information"][0, 0] == pytest.approx(expected, abs=0.02)


def test_levels_within_levels_are_all_told() -> None:
    # In 20 bins the second digit would be blurred; every neighbour knows it.
    v = np.indices((12, 10)).reshape(2, -1).T.repeat(40, axis=0)
    z = 10.0 * v[:, :1] + v[:, 1:] + 0.01 * np.random.default_rng(0).normal(size=(len(v), 1))
    told = information(z, v)
    np.testing.assert_allclose(
        told.detail["mutual_information"][0], np.log([12, 10]), atol=0.01 * math.log(10)
    )


def test_increasing_functions_change_little() -> None:
    v = factors((3, 40, 32, 6), 5000)
    z = v + np.random.default_rng(1).normal(size=v.shape)
    told, bent = (information(c, v).detail["mutual_information"] for c in (z, np.exp(z / 10)))
    np.testing.assert_allclose(told, bent, atol=0.02)


def test_values_with_a_single_example_lower_the_cap() -> None:
    v = np.concatenate([np.arange(300) % 3, [7, 8, 9]])[:, None]
    scored = information(v.astype(float), v)
    lost = 3 / 303 * (math.log(303) - math.log(1)) / scored.detail["entropy"][0]
    assert scored.settings["cap"] == pytest.approx(1 - lost, abs=0.01)
    assert scored.values["information_top"] == pytest.approx(scored.settings["cap"], abs=1e-9)


def test_settings_say_which_estimator_it_was() -> None:
    v = factors((3, 4), 1000)
    assert mig(v, v).settings["estimator"] == "neighbours"
    assert mig(v, v, bins=20).settings["estimator"] == "bins"
    assert modularity(v, v, correction="none").settings["correction"] == "none"
    assert mig(v, v, neighbours=5).settings["neighbours"] == 5


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"estimator": "neighbour"}, "unknown estimator 'neighbour': did you mean 'neighbours'"),
        ({"estimator": "neighbours", "bins": 20}, "give estimator=bins"),
        ({"estimator": "bins", "neighbours": 3}, "give estimator=neighbours"),
        ({"neighbours": 0}, "neighbours of 0 is too few: give 1 or more"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(how: dict[str, object], message: str) -> None:
    v = factors((3, 4), 1000)
    with pytest.raises(UserError, match=message):
        mig(v, v, **how)  # type: ignore[arg-type]
