"""Runs against the curve that they should touch."""

import numpy as np
import pandas as pd
import pytest

from betafront.front.slope import fitted_slope, lower_hull, shortfall

BETA = np.geomspace(0.1, 10, 9)


@pytest.fixture
def converged() -> pd.DataFrame:
    """D = 1 / R, on which a run with weight β sits at R = 1 / √β."""
    return pd.DataFrame(
        {"beta": BETA, "val/rate": BETA**-0.5, "val/distortion": BETA**0.5, "trial": range(9)}
    )


def test_a_converged_front_touches_every_line(converged: pd.DataFrame) -> None:
    assert shortfall(converged) == pytest.approx(np.zeros(9), abs=1e-12)
    steep, flat = fitted_slope(converged).T
    assert np.all(steep <= -BETA)
    assert np.all(flat >= -BETA)
    assert np.isneginf(steep).sum() == 1


def test_a_run_off_its_line_is_seen_and_by_how_much(converged: pd.DataFrame) -> None:
    off = converged.copy()
    off.loc[4, "val/distortion"] += 0.3  # at β = 1
    found = shortfall(off)
    beta, rate, distortion = (off[k].to_numpy() for k in ("beta", "val/rate", "val/distortion"))
    by_hand = distortion[4] + rate[4] - np.delete(distortion + rate, 4).min()
    assert found[4] == pytest.approx(by_hand)
    assert beta[4] == pytest.approx(1)
    assert np.delete(found, 4) == pytest.approx(np.zeros(8), abs=1e-12)


def test_the_hull_by_hand() -> None:
    points = np.array([[0.0, 4.0], [1, 1], [2, 2], [3, 0], [1, 3], [4, 0], [0, 5]])
    assert lower_hull(points).tolist() == [[0, 4], [1, 1], [3, 0]]
    assert lower_hull(points[:1]).tolist() == [[0, 4]]
