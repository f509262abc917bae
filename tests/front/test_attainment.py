"""Fronts of replicates."""

import numpy as np
import pandas as pd
import pytest

from betafront.front.attainment import (
    attainment_surfaces,
    bootstrap_mean,
    permutation_p,
    replicate_hypervolumes,
)

LEAST = {"val/rate": "minimize", "val/distortion": "minimize"}


def runs(*fronts: list[tuple[float, float]]) -> pd.DataFrame:
    rows = [(i, *point) for i, points in enumerate(fronts) for point in points]
    return pd.DataFrame(rows, columns=["replicate", *LEAST])


def test_surfaces_by_hand() -> None:
    table = runs([(1, 1)], [(2, 2)], [(3, 3)], [(0, 4)])
    found = attainment_surfaces(table, LEAST, (25.0, 50.0, 100.0))
    # One of four reaches (1, 1), and so does (0, 4) its own corner.
    assert found[25.0].tolist() == [[0, 4], [1, 1]]
    # Two of them: (1, 4) by the first and the last, (2, 2) by the first and the second.
    assert found[50.0].tolist() == [[1, 4], [2, 2]]
    assert found[100.0].tolist() == [[3, 4]]


def test_surfaces_of_what_is_maximised() -> None:
    table = runs([(1, 1)], [(2, 2)]).rename(columns={"val/distortion": "val/mig"})
    up = {"val/rate": "minimize", "val/mig": "maximize"}
    assert attainment_surfaces(table, up, (100.0,))[100.0].tolist() == [[2, 1]]


def test_volumes_by_replicate() -> None:
    table = runs([(1, 1)], [(2, 2), (1, 3)])
    assert replicate_hypervolumes(table, LEAST, [4.0, 4.0]).tolist() == [9, 5]


def test_an_interval_holds_the_mean_and_shrinks() -> None:
    rng = np.random.default_rng(0)
    covered, width = 0, {}
    for size in (10, 100):
        intervals = [bootstrap_mean(rng.normal(3, 1, size), seed) for seed in range(100)]
        covered = sum(i.low <= 3 <= i.high for i in intervals)
        width[size] = np.mean([i.high - i.low for i in intervals])
        assert 82 <= covered <= 100
    assert width[100] == pytest.approx(width[10] / 10**0.5, rel=0.2)
    same = bootstrap_mean(np.array([2.0, 2.0]))
    assert (same.low, same.value, same.high) == (2, 2, 2)


def test_a_permutation_test_by_hand() -> None:
    # Of the 20 ways to share six values out, one is as good.
    assert permutation_p(np.array([4.0, 5, 6]), np.array([1.0, 2, 3])) == 1 / 20
    assert permutation_p(np.array([1.0, 2, 3]), np.array([4.0, 5, 6])) == 1
    assert permutation_p(np.array([1.0, 1]), np.array([1.0, 1])) == 1


def test_ties_count_whatever_the_order_of_their_sums() -> None:
    a, b = np.array([0.1, 0.2, 0.3]) + 1784.9, np.array([0.3, 0.2, 0.1]) + 1784.9
    # In 14 of the 20 ways three of 1, 2, 3, 3, 2, 1 sum to 6 or more.
    assert permutation_p(a, b) == 14 / 20


def test_a_permutation_test_of_many_is_even_where_nothing_differs() -> None:
    rng = np.random.default_rng(1)
    found = [permutation_p(rng.normal(size=15), rng.normal(size=15), seed) for seed in range(40)]
    assert 0.3 < np.mean(found) < 0.7
    assert permutation_p(rng.normal(2, 1, 15), rng.normal(0, 1, 15)) < 0.001
