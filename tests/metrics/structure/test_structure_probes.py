"""Probes of one label, and the tables of all metrics."""

import math

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray

from betafront.errors import UserError
from betafront.metrics.structure import PROBES, STRUCTURE, knn_probe, linear_probe

Ints = NDArray[np.int64]


@pytest.mark.parametrize("name", PROBES)
def test_codes_that_hold_the_label_are_read(name: str, draws: Ints) -> None:
    label = draws[:, 0]
    codes = np.column_stack([np.eye(3)[label] * [1, -1, 1], np.full(len(label), 0.1)])
    values = PROBES[name](codes, label).values
    assert values[name] == 1
    # The commonest of three, of 1,250 held out.
    assert values[f"{name}_chance"] == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("name", PROBES)
def test_codes_that_hold_nothing_are_at_chance(name: str) -> None:
    generator = np.random.default_rng(0)
    label = (generator.random(4000) < 0.5).astype(int)
    values = PROBES[name](generator.normal(size=(4000, 3)), label).values
    assert values[name] == pytest.approx(values[f"{name}_chance"], abs=0.06)  # standard error 0.016


def test_chance_is_the_share_of_the_commonest_label() -> None:
    label = np.repeat([0, 1], [900, 100])
    values = linear_probe(np.zeros((1000, 2)), label).values
    assert values == {"linear_probe": 0.9, "linear_probe_chance": 0.9}


@pytest.mark.parametrize("distance", [1.0, 2.0])
def test_two_gaussians_are_told_apart_as_well_as_they_can_be(distance: float) -> None:
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 8000)
    codes = generator.normal(size=(8000, 1)) + distance * label[:, None]
    # Φ(d/2); standard error 0.01.
    best = 0.5 * (1 + math.erf(distance / 2 / math.sqrt(2)))
    assert linear_probe(codes, label).values["linear_probe"] == pytest.approx(best, abs=0.03)


def test_what_no_line_divides_the_neighbours_know() -> None:
    generator = np.random.default_rng(0)
    codes = generator.uniform(-1, 1, (4000, 2))
    label = (codes.prod(axis=1) > 0).astype(int)
    assert linear_probe(codes, label).values["linear_probe"] == pytest.approx(0.5, abs=0.08)
    assert knn_probe(codes, label).values["knn_probe"] > 0.95


def test_a_collapsed_latent_disturbs_no_neighbours(draws: Ints) -> None:
    noise = np.random.default_rng(1).normal(size=(len(draws), 10))
    codes = np.column_stack([draws[:, 0], 0.01 * noise])
    assert knn_probe(codes, draws[:, 0]).values["knn_probe"] == 1


def test_the_line_sees_no_scale(draws: Ints) -> None:
    noisy = draws + np.random.default_rng(1).normal(size=draws.shape)
    label = draws[:, 3]
    changed = noisy[:, ::-1] * [-300, 1, 0.01, 7]
    # The optimiser stops at a tolerance: an example or two on the line may change side.
    assert linear_probe(changed, label).values == pytest.approx(
        linear_probe(noisy, label).values, abs=0.005
    )


@pytest.mark.parametrize("name", PROBES)
def test_a_seed_gives_the_same_and_another_another(name: str, draws: Ints) -> None:
    noisy = draws + np.random.default_rng(1).normal(size=draws.shape)
    scored = [PROBES[name](noisy, draws[:, 3], seed=seed).values for seed in (3, 3, 4)]
    assert scored[0] == scored[1] != scored[2]


def test_bad_input_is_refused(draws: Ints) -> None:
    with pytest.raises(UserError, match="do not match"):
        linear_probe(draws, draws[:9, 0])
    with pytest.raises(UserError, match="9000 neighbours among 5000"):
        knn_probe(draws, draws[:, 0], neighbours=9000)
    with pytest.raises(UserError, match="needed"):
        linear_probe(draws[:8], np.arange(8))


@pytest.mark.parametrize("name", STRUCTURE)
def test_dead_latents_never_give_nan(name: str, draws: Ints) -> None:
    few = draws[:2000, [0, 3]]
    for codes in (np.full((2000, 3), 0.1), np.column_stack([few, np.zeros(2000)])):
        scored = STRUCTURE[name](codes, few)
        numbers = [*scored.values.values(), *(x for a in scored.detail.values() for x in a.flat)]
        assert np.isfinite(numbers).all()
        assert scored.settings["n"] == 2000


@pytest.mark.parametrize("name", STRUCTURE)
def test_all_refuse_what_is_not_finite_and_what_is_constant(name: str, draws: Ints) -> None:
    with pytest.raises(UserError, match="not finite"):
        STRUCTURE[name](np.full(draws.shape, np.inf), draws)
    with pytest.raises(UserError, match="factor 0 is constant"):
        STRUCTURE[name](draws, np.ones_like(draws))


@pytest.mark.parametrize("name", ["dci", "explicitness", "beta_vae_score"])
def test_scores_of_fitted_models_name_the_library(name: str, draws: Ints) -> None:
    settings = STRUCTURE[name](draws[:500, [0, 3]], draws[:500, [0, 3]]).settings
    assert settings["scikit-learn"] == sklearn.__version__
    assert "seed" in settings
