"""Schedules: where they start, where they end, their curves, and that they never go back."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from betafront.errors import UserError
from betafront.objective import Constant, Cosine, Cyclical, Linear, Schedule, Sigmoid, Staircase

progresses = st.floats(0, 1)
parts = st.floats(1e-3, 1)
starts = st.floats(0, 1e3)
SHAPES = ("linear", "cosine", "sigmoid")


def annealings(starts: st.SearchStrategy[float]) -> st.SearchStrategy[Schedule]:
    """The schedules that go one way only."""
    return st.one_of(
        st.builds(Linear, warmup=parts, start=starts),
        st.builds(Cosine, warmup=parts, start=starts),
        st.builds(Sigmoid, centre=parts, steepness=st.floats(1e-9, 1e9), start=starts),
        st.builds(Staircase, stairs=st.integers(1, 50), warmup=parts, start=starts),
        st.builds(
            Cyclical, cycles=st.just(1), ramp=parts, shape=st.sampled_from(SHAPES), start=starts
        ),
    )


cyclicals = st.builds(
    Cyclical,
    cycles=st.integers(1, 50),
    ramp=parts,
    shape=st.sampled_from(SHAPES),
    start=starts,
)


def over(schedule: Schedule, steps: int) -> list[float]:
    """The factor at each step of a run."""
    return [schedule(step / steps) for step in range(steps)]


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
@given(annealings(starts) | cyclicals)
def test_every_run_goes_from_its_start_to_one_exactly(schedule: Schedule) -> None:
    assert schedule(0.0) == schedule.start  # type: ignore[attr-defined]
    assert schedule(1.0) == 1


@settings(deadline=None)
@given(annealings(st.just(0.0)), progresses, progresses)
@example(Cyclical(cycles=1, ramp=1.0), 0.5, math.nextafter(1, 0))
def test_annealing_never_goes_back(schedule: Schedule, p: float, q: float) -> None:
    early, late = schedule(min(p, q)), schedule(max(p, q))
    assert 0 <= early <= late <= 1


@settings(deadline=None)
@given(annealings(st.floats(1.001, 1e3)), progresses, progresses)
def test_a_start_above_one_falls(schedule: Schedule, p: float, q: float) -> None:
    early, late = schedule(min(p, q)), schedule(max(p, q))
    rounding = 4e-16 * schedule.start  # type: ignore[attr-defined]  # of start · (1 - r) + r
    assert late <= early + rounding
    assert 1 - rounding <= late
    assert early <= schedule.start + rounding  # type: ignore[attr-defined]


@settings(deadline=None)
@given(cyclicals, progresses)
def test_cycles_stay_between_their_ends(schedule: Cyclical, p: float) -> None:
    ends = sorted([schedule.start, 1.0])
    assert ends[0] * (1 - 4e-16) <= schedule(p) <= ends[1] * (1 + 4e-16)  # rounding, as above


def test_a_start_is_where_the_line_begins() -> None:
    assert over(Linear(warmup=0.5, start=0.5), 8) == [0.5, 0.625, 0.75, 0.875, 1, 1, 1, 1]
    assert over(Linear(warmup=0.5, start=3.0), 8) == [3, 2.5, 2, 1.5, 1, 1, 1, 1]


def test_cosine_is_flat_at_its_ends_and_half_way_in_the_middle() -> None:
    schedule = Cosine(warmup=0.4)
    assert schedule(0.2) == pytest.approx(0.5, abs=1e-15)  # float64 rounding
    # sin²(π/2 · 1/4) = (1 - √½) / 2
    assert schedule(0.1) == pytest.approx((1 - math.sqrt(0.5)) / 2, abs=1e-15)
    # Flat: within a hundredth of the ramp of its ends it has gone π²/4 of a ten thousandth.
    assert schedule(0.004) == pytest.approx(math.pi**2 / 4 * 1e-4, rel=1e-4)  # next order: x⁴
    assert 1 - schedule(0.396) == pytest.approx(math.pi**2 / 4 * 1e-4, rel=1e-4)
    assert [schedule(p) for p in (0.4, 0.7, 1.0)] == [1, 1, 1]


def test_cycles_in_a_short_run_step_by_step() -> None:
    cycle = [0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1]
    # float64 rounding of step / steps · cycles, divided by the ramp
    assert over(Cyclical(cycles=4, ramp=0.5), 40) == pytest.approx(4 * cycle, abs=1e-14)


def test_cycles_fall_from_a_start_above_one() -> None:
    cycle = [3, 2.5, 2, 1.5, 1, 1, 1, 1]
    assert over(Cyclical(cycles=2, ramp=0.5, start=3.0), 16) == 2 * cycle  # binary fractions


def test_cycles_that_do_not_divide_the_run_keep_their_length() -> None:
    # 3 cycles of 10/3 steps: step 4 is 2/3 of a step into the second cycle, step 7 1/3 into the
    # third; the ramp takes 5/3 steps.
    expected = [0, 0.6, 1, 1, 0.4, 1, 1, 0.2, 0.8, 1]
    assert over(Cyclical(cycles=3, ramp=0.5), 10) == pytest.approx(expected, abs=1e-14)


def test_more_cycles_than_steps_are_sampled_where_the_steps_fall() -> None:
    # 2.5 cycles per step: every other step stands at the beginning of one, the rest half way.
    assert over(Cyclical(cycles=10, ramp=1.0), 4) == [0, 0.5, 0, 0.5]
    # and one that ends with each step shows only its beginning
    assert over(Cyclical(cycles=4, ramp=1.0), 4) == [0, 0, 0, 0]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_cycle_has_the_shape_of_its_ramp(shape: str) -> None:
    alone: dict[str, Schedule] = {
        "linear": Linear(warmup=0.6),
        "cosine": Cosine(warmup=0.6),
        # 10 to 90 % in 0.44 of the ramp: over a whole run the steepness is 4.4 / 0.44.
        "sigmoid": lambda p: Sigmoid(centre=0.5, steepness=10)(min(1.0, p / 0.6)),
    }
    schedule = Cyclical(cycles=5, ramp=0.6, shape=shape)  # type: ignore[arg-type]
    for cycle in range(5):
        for within in (0.0, 0.1, 0.3, 0.5, 0.59, 0.6, 0.99):
            p = (cycle + within) / 5
            # rounding of p, times the steepest slope of a cycle, 5 · 10 / 0.6
            assert schedule(p) == pytest.approx(alone[shape](within), abs=1e-13)


def test_one_cycle_is_one_ramp() -> None:
    assert over(Cyclical(cycles=1, ramp=0.25), 40) == over(Linear(warmup=0.25), 40)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_cycle_begins_late_through_rounding(data: st.DataObject) -> None:
    cycles = data.draw(st.integers(1, 50))
    steps = data.draw(st.integers(1, 5000))
    begins = data.draw(st.integers(0, cycles - 1))
    step = math.ceil(Fraction(begins * steps, cycles))  # at the beginning or just behind it
    within = Fraction(step * cycles, steps) % 1 if step < steps else Fraction(1)
    # A cycle late would be 1 in place of 0; the tolerance stands for the digits of step / steps,
    # cycles times as coarse.
    assert Cyclical(cycles=cycles, ramp=1.0)(step / steps) == pytest.approx(float(within), abs=1e-9)


def test_the_cycles_that_rounding_would_make_late() -> None:
    # 75 / 130 · 26 is 14.999999999999998 in float64.
    assert 75 / 130 * 26 < 15
    assert Cyclical(cycles=26, ramp=0.5)(75 / 130) == 0


def test_stairs_step_by_step() -> None:
    # Half of 16 steps in 4 stairs of 2: the last of them brings 1.
    expected = [0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75] + 8 * [1]
    assert over(Staircase(stairs=4, warmup=0.5), 16) == expected
    assert over(Staircase(stairs=1, warmup=0.5, start=0.5), 4) == [0.5, 0.5, 1, 1]
    assert over(Staircase(stairs=2, warmup=1.0, start=3.0), 4) == [3, 3, 2, 2]


def exact_stair(stairs: int, warmup: Fraction, progress: Fraction) -> float:
    return float(min(Fraction(1), Fraction(math.floor(progress / warmup * stairs), stairs)))


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_no_stair_is_a_step_late_through_rounding(data: st.DataObject) -> None:
    stairs = data.draw(st.integers(1, 200))
    whole = data.draw(st.sampled_from([10, 100, 1000]))
    warmup = Fraction(data.draw(st.integers(1, whole)), whole)  # a decimal, as people write it
    steps = data.draw(st.integers(1, 100_000))
    stair = data.draw(st.integers(1, stairs))
    edge = math.ceil(warmup * steps * stair / stairs)  # the first step on this stair
    schedule = Staircase(stairs=stairs, warmup=float(warmup))
    for step in {max(0, edge - 1), edge}:
        expected = exact_stair(stairs, warmup, Fraction(step, steps))
        assert schedule(step / steps) == pytest.approx(expected, abs=1e-12)  # float64 rounding


def test_the_stairs_that_rounding_would_make_late() -> None:
    # The first of 5 stairs over 0.1 of 50 steps is climbed at step 1.
    assert math.floor(1 / 50 / 0.1 * 5) == 0
    assert over(Staircase(stairs=5, warmup=0.1), 50)[:6] == [0, 0.2, 0.4, 0.6, 0.8, 1]


@pytest.mark.parametrize(
    ("make", "key"),
    [
        *((lambda v=v: Linear(warmup=v), "warmup") for v in (0.0, -0.1, 1.1, math.nan)),
        *((lambda v=v: Sigmoid(centre=v), "centre") for v in (0.0, -0.1, 1.5, math.nan)),
        *((lambda v=v: Sigmoid(steepness=v), "steepness") for v in (0.0, -1.0, math.inf, math.nan)),
        *((lambda v=v: Cosine(warmup=v), "warmup") for v in (0.0, -0.1, 1.1, math.nan)),
        *((lambda v=v: Cyclical(ramp=v), "ramp") for v in (0.0, -0.1, 1.1, math.nan)),
        *((lambda v=v: Cyclical(cycles=v), "cycles") for v in (0, -1, 2.0, True)),
        (lambda: Cyclical(shape="cubic"), "shape"),  # type: ignore[arg-type]
        *((lambda v=v: Staircase(stairs=v), "stairs") for v in (0, -1, 2.5, True)),
        *((lambda v=v: Staircase(warmup=v), "warmup") for v in (0.0, -0.1, 1.1, math.nan)),
        *(
            (lambda make=make, v=v: make(start=v), "start")
            for make in (Linear, Cosine, Sigmoid, Cyclical, Staircase)
            for v in (-0.1, math.inf, math.nan)
        ),
    ],
)
def test_a_bad_argument_is_named(make: Callable[[], Schedule], key: str) -> None:
    with pytest.raises(UserError, match=rf"schedule\.{key} .* not "):
        make()
