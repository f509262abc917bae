"""Intervals of β against studies that are drawn from known curves with known noise."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from betafront.front import Facts, decide
from betafront.front.decision.noise.curve import curve
from betafront.front.decision.noise.scatter import noise_of
from betafront.front.decision.points import each_point, points
from betafront.front.front import front

EIGENVALUES = np.array([8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.05])
VARIANCE = 0.3  # σ² of the Gaussian: the D + R of a linear model is least at β = 1

Plane = tuple[np.ndarray, np.ndarray]


def linear(beta: np.ndarray) -> Plane:
    """R and D of a converged linear model, by reverse water-filling."""
    level = np.minimum(EIGENVALUES, beta[:, None] * VARIANCE)
    return 0.5 * np.log(EIGENVALUES / level).sum(1), 0.5 * level.sum(1) / VARIANCE


def uneven(beta: np.ndarray) -> Plane:
    """R and D of a study with a steep end of collapse and a slow end of overfitting; D + R is least
    at β = 1.35."""
    x = np.log(beta)
    elbo = -27 + 34 / (1 + np.exp(-(x - 1.6) / 0.5)) + 1.2 * np.minimum(x - 0.3, 0) ** 2
    rate = 14 / (1 + beta)
    return rate, elbo - rate


def drawn(
    table: pd.DataFrame,
    plane: Callable[[np.ndarray], Plane],
    noise: float,
    trials: int,
    seed: int,
    replicates: int = 1,
) -> pd.DataFrame:
    """A study of random β from 0.01 to 100 whose runs are off by so many nats of D."""
    random = np.random.default_rng(seed)
    beta = np.exp(np.sort(random.uniform(np.log(0.01), np.log(100.0), trials)))
    rate, distortion = plane(beta)
    runs = distortion + noise * random.standard_normal((replicates, trials))
    columns = {
        "trial": range(trials), "weight": beta, "beta": beta, "normalisation": "sum",
        "val/rate": rate, "val/distortion": runs.mean(0), "val/negative_elbo": rate + runs.mean(0),
    }  # fmt: skip
    if replicates > 1:
        apart = runs.std(0, ddof=1)
        columns |= {"sd/val/rate": 0.0, "sd/val/distortion": apart, "sd/val/negative_elbo": apart}
        columns |= {"replicates": replicates}
    return pd.DataFrame([dict(table.iloc[0])] * trials).assign(**columns)


@pytest.mark.parametrize(
    ("plane", "noise", "trials", "replicates"),
    [(linear, 0.5, 6, 1), (linear, 0.5, 12, 1), (linear, 0.5, 12, 3), (uneven, 1.0, 24, 1)],
)
def test_the_interval_holds_the_true_optimum(
    table: pd.DataFrame, facts: Facts, plane: Callable[[np.ndarray], Plane], noise: float,
    trials: int, replicates: int,
) -> None:  # fmt: skip
    every = np.geomspace(0.01, 100, 2001)
    rate, distortion = plane(every)
    truth = float(every[(rate + distortion).argmin()])
    held, widths, studies = 0, [], 40
    for seed in range(studies):
        found = drawn(table, plane, noise, trials, seed, replicates)
        best = next(each_point(found, facts))
        searched = np.clip(truth, found["beta"].min(), found["beta"].max())
        held += best.low * (1 - 1e-9) <= searched <= best.high * (1 + 1e-9)
        widths.append(np.log(best.high / best.low))
        # Never narrower than to the neighbours on the front.
        betas = front(found, facts.objectives)["beta"]
        assert best.low <= betas[betas < best.beta].max() if (betas < best.beta).any() else True
        assert best.high >= betas[betas > best.beta].min() if (betas > best.beta).any() else True
    assert held >= 0.9 * studies
    assert np.median(widths) < {6: 4.5, 12: 2.5, 24: 1.5}[trials]  # of 9.2, the whole search


def test_worse_runs_do_not_bend_the_curve(table: pd.DataFrame, facts: Facts) -> None:
    found = drawn(table, uneven, 0.3, 24, 1)
    clean = decide(found, facts)[0]
    worse = found.copy()
    for column in ("val/distortion", "val/negative_elbo"):
        worse.loc[worse.index % 6 == 1, column] += 12.0
    worse.loc[worse["trial"] == clean.trial, :] = found[found["trial"] == clean.trial]
    best = decide(worse, facts)[0]
    assert best.beta == clean.beta
    assert best.low <= 1.35 <= best.high
    assert np.log(best.high / best.low) < 3.0


def test_noise_is_that_of_replicates_else_of_the_scatter(table: pd.DataFrame) -> None:
    single = drawn(table, linear, 0.5, 24, 3)
    assert noise_of(single, "val/distortion") == pytest.approx(0.5, rel=0.3)
    assert noise_of(single, "val/rate") < 0.02  # R is exact, but for the corners of the curve
    thrice = drawn(table, linear, 0.5, 24, 3, replicates=3)
    pooled = np.sqrt((thrice["sd/val/distortion"] ** 2).mean() / 3)
    assert noise_of(thrice, "val/distortion") == pytest.approx(pooled)
    assert noise_of(single.head(3), "val/distortion") == 0.0  # not known


def test_replicates_are_the_least_that_the_scatter_can_be() -> None:
    x = np.linspace(-3, 3, 8)
    y = (x - 0.5) ** 2
    alone, floored = curve(x, y), curve(x, y, 2.0, 16.0)
    assert alone is not None
    assert floored is not None
    assert alone.noise < 0.5
    assert floored.noise > 1.0
    at = np.linspace(-3, 3, 61)
    assert np.ptp(floored.least(at, 200)) > np.ptp(alone.least(at, 200))


def test_the_same_table_has_the_same_interval(table: pd.DataFrame, facts: Facts) -> None:
    found = drawn(table, linear, 0.5, 12, 0)
    shuffled = found.sample(frac=1.0, random_state=0)
    one, other = ([a.record for a in points(rows, facts)] for rows in (found, found.copy()))
    assert one == other
    assert next(each_point(shuffled, facts)).record == one[0]


def test_too_few_trials_or_all_alike_have_no_curve() -> None:
    x = np.arange(6.0)
    assert curve(x[:4], x[:4]) is None
    assert curve(x * 0, x) is None
    assert curve(x, x * 0 + 3) is None


def test_a_thousand_trials_take_the_nearer_ones(table: pd.DataFrame, facts: Facts) -> None:
    found = drawn(table, linear, 0.5, 1000, 0)
    best = next(each_point(found, facts))
    assert best.low <= 1.0 <= best.high
    assert best.basis == "the scatter of 60 trials"
