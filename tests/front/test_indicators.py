"""Indicators of fronts: by hand, and against definitions written out."""

import numpy as np
import pandas as pd
import pytest

from betafront.errors import UserError
from betafront.front.indicators import coverage, indicators_of, scales, shape

LEAST = {"val/rate": "minimize", "val/distortion": "minimize"}
MIXED = {"val/rate": "minimize", "val/mse": "minimize", "val/mig": "maximize"}
WORST = [10.0, 10.0]


def points(*rows: tuple[float, ...], objectives: dict[str, str] = LEAST) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(objectives))


def test_by_hand() -> None:
    one = points((1, 4), (2, 2), (4, 1), (5, 5))  # the last is dominated, and does not matter
    other = points((1, 5), (3, 3), (4, 1))
    found = indicators_of(one, other, LEAST, WORST)
    assert found.epsilon == 0  # (4, 1) is in both
    assert found.covered == 1
    assert found.igd_plus == 0
    back = indicators_of(other, one, LEAST, WORST)
    assert back.epsilon == 1  # (1, 5) to (1, 4), (3, 3) to (2, 2)
    assert back.covered == pytest.approx(1 / 3)
    # From (1, 4): 1 to (1, 5). From (2, 2): (3, 3) is √2 off. From (4, 1): 0.
    assert back.igd_plus == pytest.approx((1 + 2**0.5) / 3)


def test_shape_by_hand() -> None:
    found = shape(points((1, 4), (2, 2), (2, 2), (4, 1), (5, 5)), LEAST, WORST)
    assert found.points == 4  # duplicates are all on the front
    assert found.spread == {"val/rate": 3, "val/distortion": 3}
    assert found.gap == pytest.approx(2 / 3)
    # Below (10, 10): 9 x 6 + 8 x 2 + 6 x 1.
    assert found.hypervolume == 54 + 16 + 6


def test_one_point() -> None:
    found = shape(points((1, 4)), LEAST, WORST)
    assert (found.points, found.gap, found.spread["val/rate"]) == (1, 0, 0)
    same = indicators_of(points((1, 4)), points((1, 4)), LEAST, WORST)
    assert (same.epsilon, same.igd_plus, same.covered) == (0, 0, 1)
    better = indicators_of(points((0, 3)), points((1, 4)), LEAST, WORST)
    assert (better.epsilon, better.igd_plus, better.covered) == (-1, 0, 1)


def test_units_that_do_not_add_are_scaled_by_the_worst() -> None:
    assert scales(MIXED, [50.0, 0.05, 0.0]).tolist() == [1, 0.05, 1]
    one = points((1, 0.02, 0.5), objectives=MIXED)
    other = points((1, 0.01, 0.4), objectives=MIXED)
    assert indicators_of(one, other, MIXED, [50.0, 0.05, 0.0]).epsilon == pytest.approx(0.2)
    assert indicators_of(other, one, MIXED, [50.0, 0.05, 0.0]).epsilon == pytest.approx(0.1)


@pytest.mark.parametrize("empty", [True, False])
def test_what_cannot_be_compared_is_refused(empty: bool) -> None:
    bad = points() if empty else points((1, 4), (2, float("nan")))
    with pytest.raises(UserError, match="no trial has finished" if empty else "no value"):
        indicators_of(points((1, 4)), bad, LEAST, WORST)


def by_definition(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """ε, IGD+ and coverage, all minimised, as their papers write them."""
    epsilon = max(min(max(x - y) for x in a) for y in b)
    igd_plus = np.mean([min(np.sqrt(np.sum(np.maximum(x - y, 0) ** 2)) for x in a) for y in b])
    covered = np.mean([any(all(x <= y) for x in a) for y in b])
    return float(epsilon), float(igd_plus), float(covered)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("maximise", [(False, False), (False, True), (True, True)])
def test_random_fronts_agree_with_the_definitions(seed: int, maximise: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(seed)
    ways = {"val/rate": maximise[0], "val/distortion": maximise[1]}
    objectives = {k: "maximize" if up else "minimize" for k, up in ways.items()}
    one, other = (points(*map(tuple, rng.uniform(size=(30, 2)))) for _ in range(2))
    signs = np.where(maximise, -1.0, 1.0)

    def kept(table: pd.DataFrame) -> np.ndarray:
        x = table.to_numpy() * signs
        dominated = [any(all(o <= p) and any(o < p) for o in x) for p in x]
        return x[~np.array(dominated)]

    found = indicators_of(one, other, objectives, [1.0, 1.0])
    expected = by_definition(kept(one), kept(other))
    assert (found.epsilon, found.igd_plus, found.covered) == pytest.approx(expected)


def test_a_front_covers_itself_however_it_is_turned() -> None:
    x = np.array([[1.0, 4.0], [2.0, 2.0]])
    assert coverage(x, x, [True, False]) == 1


def test_every_bound_in_nats_is_on_the_scale_of_nats() -> None:
    bounds = {"val/iwae_10": "minimize", "val/rate": "minimize", "val/mse": "minimize"}
    assert scales(bounds, [50.0, 20.0, 0.05]).tolist() == [1.0, 1.0, 0.05]
