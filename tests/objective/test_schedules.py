"""Schedules: where they start, where they end, and that they never go back."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from betafront.errors import UserError
from betafront.objective import Constant, Linear, Schedule, Sigmoid

progresses = st.floats(0, 1)
linears = st.builds(Linear, warmup=st.floats(1e-3, 1))
sigmoids = st.builds(Sigmoid, centre=st.floats(1e-3, 1), steepness=st.floats(1e-9, 1e9))


def test_constant_is_one_throughout() -> None:
    assert [Constant()(p) for p in (0.0, 0.5, 1.0)] == [1, 1, 1]


def test_linear_rises_in_a_straight_line_and_stays() -> None:
    assert [Linear(warmup=0.5)(p) for p in (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)] == [
        0,
        0.25,
        0.5,
        1,
        1,
        1,
    ]


def test_sigmoid_is_the_logistic_scaled_to_its_ends() -> None:
    schedule = Sigmoid(centre=0.25, steepness=20)

    def logistic(p: float) -> float:
        return 1 / (1 + math.exp(-20 * (p - 0.25)))

    for p in (0.05, 0.25, 0.4, 0.9):
        expected = (logistic(p) - logistic(0)) / (logistic(1) - logistic(0))
        assert schedule(p) == pytest.approx(expected, rel=1e-12)  # float64 rounding


def test_sigmoid_is_half_way_at_a_centre_in_the_middle() -> None:
    assert Sigmoid(centre=0.5, steepness=20)(0.5) == pytest.approx(0.5, abs=1e-15)  # rounding


def test_sigmoid_takes_as_long_as_its_steepness_says() -> None:
    start, end = 0.5 - 2.2 / 40, 0.5 + 2.2 / 40  # 4.4 / steepness from 10 to 90 %
    schedule = Sigmoid(centre=0.5, steepness=40)
    # 4.4 stands for 2 ln 9 = 4.394, which moves the logistic by 0.0003.
    assert [schedule(start), schedule(end)] == pytest.approx([0.1, 0.9], abs=5e-4)


@pytest.mark.parametrize("steepness", [1e-18, 1e-6])
def test_a_flat_sigmoid_is_a_straight_line(steepness: float) -> None:
    # The logistic is straight to the square of its steepness.
    assert Sigmoid(steepness=steepness)(0.3) == pytest.approx(0.3, abs=1e-9)


@settings(deadline=None)
@given(linears | sigmoids)
def test_annealing_runs_from_zero_to_one_exactly(schedule: Schedule) -> None:
    assert schedule(0.0) == 0
    assert schedule(1.0) == 1


@settings(deadline=None)
@given(linears | sigmoids, progresses, progresses)
def test_annealing_never_goes_back(schedule: Schedule, p: float, q: float) -> None:
    early, late = schedule(min(p, q)), schedule(max(p, q))
    assert 0 <= early <= late <= 1


@pytest.mark.parametrize(
    ("make", "key"),
    [
        *((lambda v=v: Linear(warmup=v), "warmup") for v in (0.0, -0.1, 1.1, math.nan)),
        *((lambda v=v: Sigmoid(centre=v), "centre") for v in (0.0, -0.1, 1.5, math.nan)),
        *((lambda v=v: Sigmoid(steepness=v), "steepness") for v in (0.0, -1.0, math.inf, math.nan)),
    ],
)
def test_a_bad_argument_is_named(make: Callable[[], Schedule], key: str) -> None:
    with pytest.raises(UserError, match=rf"schedule\.{key} .* not "):
        make()
