"""Runs against the curve that they should touch."""

import numpy as np
import pandas as pd
import pytest

from betafront.front.slope import (
    fitted_slope,
    hull_slopes,
    lower_hull,
    off_their_lines,
    shortfall,
)

BETA = np.geomspace(0.1, 10, 9)


@pytest.fixture
def converged() -> pd.DataFrame:
    """D = 1 / R, on which a run with weight β sits at R = 1 / √β."""
    return pd.DataFrame(
        {"beta": BETA, "val/rate": BETA**-0.5, "val/distortion": BETA**0.5, "trial": range(9)}
    )


def test_a_converged_front_touches_every_line(converged: pd.DataFrame) -> None:
    assert shortfall(converged) == pytest.approx(np.zeros(9), abs=1e-12)
    slopes = hull_slopes(converged).sort_values("trial")
    assert slopes["trial"].tolist() == list(range(1, 8))  # the hull has no slope beyond its ends
    assert (slopes["flatter"] < BETA[1:-1]).all()
    assert (slopes["steeper"] > BETA[1:-1]).all()
    # Between R and R·k the slope of 1 / R is 1 / (R²·k), and k is the same for all steps.
    assert slopes["slope"].to_numpy() == pytest.approx(BETA[1:-1])
    assert "dD/dR is -1.00 β (median of 7 trials)" in fitted_slope(converged)
    doubled = converged.assign(beta=2 * BETA)
    assert "dD/dR is -0.50 β" in fitted_slope(doubled)
    assert fitted_slope(converged.head(4)) == ""
    assert fitted_slope(converged.head(0)) == ""


def test_a_run_off_its_line_is_seen_and_by_how_much(converged: pd.DataFrame) -> None:
    off = converged.copy()
    off.loc[4, "val/distortion"] += 0.3  # at β = 1
    found = shortfall(off)
    beta, rate, distortion = (off[k].to_numpy() for k in ("beta", "val/rate", "val/distortion"))
    by_hand = distortion[4] + rate[4] - np.delete(distortion + rate, 4).min()
    assert found[4] == pytest.approx(by_hand)
    assert beta[4] == pytest.approx(1)
    assert np.delete(found, 4) == pytest.approx(np.zeros(8), abs=1e-12)


def test_trials_of_several_draws_have_no_line(converged: pd.DataFrame) -> None:
    off = converged.assign(draws=[5.0, *[None] * 7, 1.0])  # an earlier version recorded none
    off.loc[[0, 4], "val/distortion"] += 30.0
    assert off_their_lines(off.assign(draws=1)).startswith("2 of 9 trials lie more than")
    assert off_their_lines(off).startswith("1 of 8 trials lie more than")
    assert off_their_lines(off.assign(draws=None)).startswith("2 of 9")
    assert hull_slopes(converged)["trial"].tolist()[-1] == 1
    two = converged.assign(draws=[1, 2, *[1] * 7])
    assert hull_slopes(two)["trial"].tolist() == hull_slopes(converged)["trial"].tolist()[:-1]


def test_the_cause_is_named_as_far_as_it_is_known(converged: pd.DataFrame) -> None:
    off = converged.copy()
    off.loc[[2, 4, 6], "val/distortion"] += 5.0

    def cause(**states: str) -> str:
        standing = ["settled"] * 9
        for place, state in states.items():
            standing[int(place[1:])] = state.replace("_", " ")
        return off_their_lines(off.assign(standing=standing)).rpartition(": ")[2]

    unknown = "not converged, overfitted, or what else differs is worse there."
    assert off_their_lines(off).endswith(f": {unknown}")
    assert cause() == "what else differs is worse there."
    assert cause(t2="overfitted", t4="overfitted", t6="still_falling") == (
        "2 of them overfitted, 1 of them still falling."
    )
    assert cause(t2="overfitted") == (
        "1 of them overfitted; of the other 2, what else differs is worse there."
    )
    assert cause(t2="unknown", t4="unknown", t6="unknown") == unknown
    assert cause(t0="overfitted") == "what else differs is worse there."  # that one is on its line


def test_the_hull_by_hand() -> None:
    points = np.array([[0.0, 4.0], [1, 1], [2, 2], [3, 0], [1, 3], [4, 0], [0, 5]])
    assert lower_hull(points).tolist() == [[0, 4], [1, 1], [3, 0]]
    assert lower_hull(points[:1]).tolist() == [[0, 4]]
