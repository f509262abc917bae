"""The linear-Gaussian front, against reverse water-filling and against the model itself."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from betafront.forecast.linear_front import LinearFront, knee
from betafront.front.front import knee as knee_of_a_table

LAM = np.array([8, 4, 2, 1, 0.5, 0.25, 0.1, 0.05])
FLOOR = math.exp(-12)


def front(latents: int = 6, variance: float | None = None, **changed: object) -> LinearFront:
    whole = LinearFront(
        values=LAM[:latents],
        total=float(LAM.sum()),
        latents=latents,
        pixels=len(LAM),
        variance=variance,
        least_variance=FLOOR,
        val_values=LAM[:latents],
        val_total=float(LAM.sum()),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("beta", "variance", "squares", "rate", "live"),
    [(1.0, 0.3, 1.9, 4.7428, 5), (4.0, 0.3, 5.5, 1.8060, 3)],
)
def test_published_values(
    beta: float, variance: float, squares: float, rate: float, live: int
) -> None:
    """Reverse water-filling worked out by hand, at θ = 0.3 and 1.2."""
    point = front(variance=variance).at(beta)
    distortion = 0.5 * (squares / variance + 8 * math.log(2 * math.pi * variance))
    assert point.distortion == pytest.approx(distortion)
    assert point.rate == pytest.approx(rate, abs=1e-4)
    assert point.live == live


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0, 3.0])
def test_a_free_sigma_is_where_d_plus_beta_r_is_least(beta: float) -> None:
    """Against a search over σ² and the parts of the eigenvalues that are left."""
    lam, rest = LAM[:6], LAM[6:].sum()

    def minimised(given: np.ndarray) -> float:
        left = lam / (1 + np.exp(-given.clip(-30, 30)))
        mse = (left.sum() + rest) / 8
        return 4 * math.log(2 * math.pi * math.e * mse) + 0.5 * beta * np.log(lam / left).sum()

    starts = [np.full(6, start) for start in (-3.0, 0.0, 5.0)]
    best = min(float(minimize(minimised, start, tol=1e-10).fun) for start in starts)
    point = front().at(beta)
    assert point.distortion + beta * point.rate == pytest.approx(best, abs=1e-4)


def test_collapse_is_at_the_first_eigenvalue_over_the_variance() -> None:
    free = front()
    beta = LAM[0] / free.collapsed_variance
    assert free.at(beta * 0.999).live == 1
    assert free.at(beta).live == 0
    assert free.at(beta).distortion == pytest.approx(
        4 * math.log(2 * math.pi * math.e * LAM.mean())
    )


def test_a_volume_of_the_data_is_a_part_of_d() -> None:
    there, here = front(log_volume=5.0).at(1.0), front().at(1.0)
    assert there.distortion - here.distortion == pytest.approx(5)
    assert there.val_distortion - here.val_distortion == pytest.approx(5)


def test_validation_data_like_the_training_data_has_the_same_values() -> None:
    point = front().at(1.5)
    assert point.val_distortion == pytest.approx(point.distortion)
    assert point.val_rate == pytest.approx(point.rate)


def test_on_validation_data_it_is_the_model_that_training_made() -> None:
    """By draws of x of another covariance, and of z, through encoder and decoder."""
    beta, variance = 1.0, 0.3
    other = np.array([9, 3, 2.5, 1.2, 0.4, 0.3, 0.2, 0.1])
    point = front(variance=variance, val_values=other[:6], val_total=float(other.sum())).at(beta)
    rng, theta = np.random.default_rng(0), beta * variance
    x = rng.standard_normal((400_000, 8)) * np.sqrt(other)
    live = LAM[:5]
    w = np.sqrt(live - theta)
    mean, spread = x[:, :5] * w / live, theta / live
    z = mean + np.sqrt(spread) * rng.standard_normal(mean.shape)
    squares = ((x[:, :5] - w * z) ** 2).sum(1) + (x[:, 5:] ** 2).sum(1)
    kl = 0.5 * (mean**2 + spread - 1 - np.log(spread)).sum(1)
    distortion = 0.5 * (squares / variance + 8 * math.log(2 * math.pi * variance))
    for value, drawn in ((point.val_distortion, distortion), (point.val_rate, kl)):
        error = drawn.std() / math.sqrt(len(drawn))
        assert value == pytest.approx(drawn.mean(), abs=4 * error)


def test_without_an_error_sigma_is_at_its_floor() -> None:
    everything = front(latents=8, total=float(LAM.sum()))
    assert everything.at(0.5).sigma ** 2 == pytest.approx(FLOOR)
    assert everything.at(20.0).live == 0


@pytest.mark.parametrize("values", [np.ones(7), LAM[:7]])
def test_latents_die_one_after_the_other_as_beta_grows(values: np.ndarray) -> None:
    """σ grows as they do, and yet no β has two optima, also where all eigenvalues are equal."""
    found = front(latents=7, values=values, total=8.0 + values.sum(), val_values=values)
    points = [found.at(beta) for beta in np.geomspace(0.1, 10, 200)]
    assert all(a.live >= b.live for a, b in pairwise(points))
    rates = np.array([point.rate for point in points])
    assert np.abs(np.diff(rates)).max() < 0.3  # no jump; a step of β is 2.3 %
    assert rates[-1] == 0


def test_the_knee_is_that_of_a_front() -> None:
    points = front().down_to(30.0, 4.0)
    assert points[-1].rate >= 30 > points[-2].rate
    found = knee(points)
    index = knee_of_a_table(np.array([[p.rate, p.distortion] for p in points]))
    assert index is not None
    assert found == points[index]
