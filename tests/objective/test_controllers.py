"""Controllers against a plant whose answer is known: reverse water-filling that follows β late.

The plant is a linear VAE at its optimum (see tests/oracle): at the canonical β the level is
θ = β·σ², an eigenvalue λ has a rate of ½ ln(λ/θ) where it is above θ, and leaves min(λ, θ) of
squared error. Training follows β with a first-order lag of `lag` steps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import (
    GECO,
    Controller,
    ControlVAE,
    Linear,
    Observation,
    OpenLoop,
    Staircase,
)

EIGENVALUES = (8, 4, 2, 1, 0.5, 0.25, 0.1, 0.05)
N = len(EIGENVALUES)
VARIANCE = 0.3


def squared_error(beta: float) -> float:
    return sum(min(value, beta * VARIANCE) for value in EIGENVALUES)


def distortion(beta: float) -> float:
    return 0.5 * (squared_error(beta) / VARIANCE + N * math.log(2 * math.pi * VARIANCE))


def rate(beta: float) -> float:
    level = max(beta, 1e-3) * VARIANCE  # an encoder has some largest rate: here at β = 0.001
    return sum(0.5 * math.log(max(value / level, 1)) for value in EIGENVALUES)


def mse(beta: float) -> float:
    return squared_error(beta) / N


@dataclass
class Plant:
    """What training shows while β moves."""

    beta: float
    lag: float

    def __post_init__(self) -> None:
        self.values = [f(self.beta) for f in (distortion, rate, mse)]

    def follow(self, beta: float) -> Observation:
        targets = [f(beta) for f in (distortion, rate, mse)]
        pairs = zip(self.values, targets, strict=True)
        self.values = [v + (target - v) / self.lag for v, target in pairs]
        return Observation(*(torch.tensor(v) for v in self.values), pixels=N)


def driven(
    controller: Controller, beta: float, steps: int, lag: float = 50
) -> tuple[list[float], Plant]:
    """β at every step, from `beta` on."""
    state, plant, betas = controller.start(beta), Plant(beta, lag), []
    for step in range(steps):
        betas.append(float(controller.beta(state, beta)))
        state = controller.step(state, plant.follow(betas[-1]), step / steps)
    return betas, plant


def settled(betas: list[float], target: float, within: float = 0.01) -> int:
    """The step from which β stays at its target."""
    off = [step for step, beta in enumerate(betas) if abs(beta / target - 1) > within]
    return off[-1] + 1 if off else 0


def seen(distortion: float = 0.0, rate: float = 0.0, mse: float = 1.0) -> Observation:
    return Observation(torch.tensor(distortion), torch.tensor(rate), torch.tensor(mse), pixels=N)


CLOSED: dict[str, Callable[..., Controller]] = {
    "geco": lambda **more: GECO(5.0, **more),
    "geco_mse": lambda **more: GECO(0.1, watches="mse", **more),
    "controlvae": lambda **more: ControlVAE(5.0, **more),
}
every_loop = pytest.mark.parametrize("name", sorted(CLOSED))


# --- they reach their targets -------------------------------------------------------------------


@pytest.mark.parametrize(("begin", "lag"), [(0.1, 50), (10.0, 200)])
@pytest.mark.parametrize("watches", ["distortion", "mse"])
def test_geco_brings_beta_to_where_the_constraint_holds(
    watches: Any, begin: float, lag: float
) -> None:
    beta = 1.0
    target = {"distortion": distortion, "mse": mse}[watches](beta)
    betas, plant = driven(GECO(target, watches=watches), begin, 4000, lag)
    # Near the target the loop is ln β' = -speed · (D - κ), D - κ = a/2 · β · ln β with a = 5
    # latents above the level: the envelope of its swings decays in twice the lag, 400 steps. From
    # ln 10 = 2.3 to 1 % that is 5.4 times, and the way there is 230 steps at the clip.
    assert settled(betas, beta) < 3000
    held = plant.values[0] if watches == "distortion" else plant.values[2]
    assert held == pytest.approx(target, rel=1e-3)  # e^(-4000 / 400) of where it began


@pytest.mark.parametrize(("begin", "lag"), [(0.1, 50), (10.0, 200)])
def test_controlvae_brings_beta_to_where_the_rate_is(begin: float, lag: float) -> None:
    beta = 1.0
    betas, plant = driven(ControlVAE(rate(beta), ki=0.01), begin, 4000, lag)
    # Near the target the loop is β' = -K_i · (C - R), R - C = -a/2 · ln β with a = 5, which alone
    # takes 40 steps; again the envelope decays in twice the lag. From 10 the error is at least
    # 1 nat, so that the way takes at most 1000 steps.
    assert settled(betas, beta) < 3500
    assert plant.values[1] == pytest.approx(rate(beta), rel=2e-3)


def test_a_target_that_comes_on_a_schedule_is_followed() -> None:
    begin = 2.88  # where the rate is half of that at 1
    assert rate(begin) == pytest.approx(0.5 * rate(1.0), rel=0.01)
    schedule = Linear(warmup=0.5, start=0.5)
    betas, plant = driven(ControlVAE(rate(1.0), ki=0.01, schedule=schedule), begin, 4000)
    # Half way up the target rises by R(1) / 4000 = 0.0012 nats per step, and a loop of one
    # integral is behind a ramp by that over K_i · a/2β = 0.01 · 5/3.2: 0.08 nats.
    assert rate(betas[1000]) == pytest.approx(0.75 * rate(1.0), abs=0.15)
    assert plant.values[1] == pytest.approx(rate(1.0), rel=2e-3)


@every_loop
def test_what_is_held_is_the_target_times_its_schedule(name: str) -> None:
    controller = CLOSED[name](schedule=Staircase(stairs=2, warmup=1.0, start=3.0))
    target = 0.1 if name == "geco_mse" else 5.0
    held = [controller.held_to(p) for p in (0.0, 0.5, 1.0)]
    assert held == pytest.approx([3 * target, 2 * target, target], rel=1e-15)  # rounding


@every_loop
def test_a_schedule_of_the_target_is_heeded_by_the_step(name: str) -> None:
    # 3 times the target at first: what is seen is below it there, and above it at the end.
    begin = {"geco": seen(distortion=10.0), "geco_mse": seen(mse=0.2), "controlvae": seen(rate=10)}
    controller = CLOSED[name](schedule=Linear(warmup=1.0, start=3.0))
    state = controller.start(1.0)
    early = controller.beta(controller.step(state, begin[name], 0.0), 1.0)
    late = controller.beta(controller.step(state, begin[name], 1.0), 1.0)
    if name == "controlvae":  # a rate below its target lets β fall, one above it drives β up
        assert early < 1 < late
    else:  # room below the constraint drives β up, a violation lets it fall
        assert late < 1 < early


def test_the_squared_error_counts_in_the_nats_of_its_own_gaussian() -> None:
    # With an optimal σ the distortion is N/2 · ln(MSE) and a constant (rel. of float32).
    moves = []
    for controller, shown in (
        (GECO(0.1, watches="mse"), seen(mse=0.15)),
        (GECO(0.5 * N * math.log(0.1)), seen(distortion=0.5 * N * math.log(0.15))),
    ):
        moves.append(float(controller.step(controller.start(1.0), shown, 0.0)[0]))
    assert moves[0] == pytest.approx(-3e-3 * 0.5 * N * math.log(1.5), rel=1e-6)
    assert moves[1] == pytest.approx(moves[0], rel=1e-6)


def test_geco_by_hand_over_three_steps() -> None:
    controller = GECO(5.0, speed=0.1, clip=4.0, momentum=0.5)
    state = controller.start(2.0)
    for shown in (6.0, 100.0, 4.0):  # violations of 1, 95 (which counts as 4), and -1
        state = controller.step(state, seen(distortion=shown), 0.0)
    # The moving averages: 1; (½·1 + 4)/(½ + 1) = 3; (¼·1 + ½·4 - 1)/(¼ + ½ + 1) = 5/7.
    expected = math.log(2) - 0.1 * (1 + 3 + 5 / 7)
    assert float(state[0]) == pytest.approx(expected, abs=1e-6)  # float32


def test_controlvae_by_hand_over_two_steps() -> None:
    controller = ControlVAE(5.0, kp=0.5, ki=0.1, range=(0.25, 10.0))
    state = controller.start(2.0)
    betas = []
    for shown in (4.0, 7.0):  # errors of 1 and -2
        state = controller.step(state, seen(rate=shown), 0.0)
        betas.append(float(controller.beta(state, 2.0)))
    # Equation 8, with the sum begun so that an error of 0 would leave β at 2.
    begun = 2.0 - 0.25 - 0.25
    first = 0.25 + 0.5 / (1 + math.exp(1)) + begun - 0.1 * 1
    second = 0.25 + 0.5 / (1 + math.exp(-2)) + begun - 0.1 * (1 - 2)
    assert betas == pytest.approx([first, second], rel=1e-6)  # float32


# --- they stop at the ends of their range ---------------------------------------------------------


def unwound(make: Callable[[Any], Controller], far: float, near: float) -> list[float]:
    """β from the step on at which a target that cannot be had becomes one that can: 5,000 steps of
    the one, 1,500 of the other."""
    betas, _ = driven(make(lambda p: (far if p < 5000 / 6500 else near) / near), 2.0, 6500)
    return betas[5000:]


# Nothing below β = 0.5 or above 4 is allowed, so what holds at 0.05 and at 8 is never reached; β
# is to come from the end of its range to 2. The loops' gains there are 0.01 and 0.02 per step and
# nat, and their swings decay in 100 steps: 5 of these from a factor 2 to 1 %, and the way there.
LIMITS = (0.5, 4.0)
both_ends = pytest.mark.parametrize(("hopeless", "end"), [(0.05, 0.5), (8.0, 4.0)])


@both_ends
def test_controlvae_does_not_wind_up(hopeless: float, end: float) -> None:
    def make(schedule: Any) -> Controller:
        return ControlVAE(rate(2.0), ki=0.01, range=LIMITS, schedule=schedule)

    betas = unwound(make, rate(hopeless), rate(2.0))
    assert betas[0] == end
    assert settled(betas, 2.0) < 1000

    total, plant, beta = 0.0, Plant(2.0, 50), 2.0
    for step in range(6500):  # the same loop whose sum goes on while β is clamped
        error = rate(hopeless if step < 5000 else 2.0) - float(plant.follow(beta).rate)
        total += 0.01 * error
        beta = min(max(2.0 + 0.01 / (1 + math.exp(error)) - total, LIMITS[0]), LIMITS[1])
    assert beta == end  # still


@both_ends
def test_geco_does_not_wind_up(hopeless: float, end: float) -> None:
    def make(schedule: Any) -> Controller:
        return GECO(distortion(2.0), speed=5e-3, range=LIMITS, schedule=schedule)

    betas = unwound(make, distortion(hopeless), distortion(2.0))
    assert betas[0] == pytest.approx(end, rel=1e-6)  # exp(ln β) in float32
    assert settled(betas, 2.0) < 1000

    log_beta, plant, beta = math.log(2.0), Plant(2.0, 50), 2.0
    for step in range(6500):
        target = distortion(hopeless if step < 5000 else 2.0)
        log_beta -= 5e-3 * min(max(float(plant.follow(beta).distortion) - target, -10), 10)
        beta = math.exp(min(max(log_beta, math.log(LIMITS[0])), math.log(LIMITS[1])))
    assert beta == pytest.approx(end)  # still


@pytest.mark.parametrize(("shown", "end"), [(205.0, 1.0), (0.0, 0.0)])
def test_controlvae_reaches_the_end_of_its_range_however_large_the_error(
    shown: float, end: float
) -> None:
    # One step would move β by 0.01 · |100 - R|, beyond either end.
    controller = ControlVAE(100.0, ki=0.01, range=(0.0, 1.0))
    state = controller.step(controller.start(0.5), seen(rate=shown), 0.0)
    assert float(controller.beta(state, 0.5)) == pytest.approx(end, abs=1e-7)  # float32


# Anything that a float32 holds, and what it does not.
anything = st.floats(allow_nan=False, width=32) | st.sampled_from(
    [1e30, -1e30, math.inf, -math.inf]
)
squares = st.floats(0, width=32, allow_nan=False) | st.just(1e30)


@every_loop
@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(anything, anything, squares, st.floats(0, 1)), min_size=1, max_size=12),
    st.sampled_from([(1e-3, 1e3), (0.5, 2.0), (1e-8, 1e8)]),
    st.floats(0, 1e9),
    st.floats(0, 0.99),
)
def test_beta_is_a_number_in_its_range_whatever_is_seen(
    name: str, steps: list[tuple[float, ...]], ends: tuple[float, float], begin: float, decay: float
) -> None:
    controller = CLOSED[name](range=ends, decay=decay, decay_schedule=Linear(start=3.0))
    state = controller.start(begin)
    # The ends in float32, in which the state is.
    low, high = torch.tensor(ends).tolist()
    assert low <= float(controller.beta(state, begin)) <= high
    for *values, progress in steps:
        state = controller.step(state, seen(*values), progress)
        assert torch.isfinite(state).all()
        assert low <= float(controller.beta(state, begin)) <= high


# --- their memory ---------------------------------------------------------------------------------


def at_rest(name: str) -> Observation:
    """What holds the targets of `CLOSED` exactly."""
    return seen(distortion=5.0, rate=5.0, mse=0.1)


@every_loop
def test_the_first_step_has_the_written_weight(name: str) -> None:
    controller = CLOSED[name]()
    assert float(controller.beta(controller.start(0.7), 0.7)) == pytest.approx(0.7, rel=1e-6)
    # exp(ln β) in float32


@every_loop
def test_a_written_weight_outside_the_range_begins_at_its_end(name: str) -> None:
    controller = CLOSED[name](range=(0.5, 2.0))
    begun = [float(controller.beta(controller.start(b), b)) for b in (0.0, 0.1, 30.0)]
    assert begun == pytest.approx([0.5, 0.5, 2.0], rel=1e-6)


@every_loop
def test_beta_rests_where_the_target_holds(name: str) -> None:
    controller = CLOSED[name]()
    state = controller.start(0.7)
    for _ in range(100):
        state = controller.step(state, at_rest(name), 0.5)
    # float32, whose rounding of the MSE's logarithm is 1e-7 · N/2 · speed per step
    assert float(controller.beta(state, 0.7)) == pytest.approx(0.7, rel=1e-5)


def test_geco_forgets_towards_a_weight_of_one() -> None:
    controller = GECO(5.0, decay=0.1, decay_schedule=Linear(warmup=1.0))
    state = controller.start(math.e)
    assert float(controller.step(state, at_rest("geco"), 0.0)[0]) == 1.0  # not yet in force
    assert float(controller.step(state, at_rest("geco"), 0.5)[0]) == pytest.approx(0.95, rel=1e-6)
    assert float(controller.step(state, at_rest("geco"), 1.0)[0]) == pytest.approx(0.9, rel=1e-6)


def test_controlvae_forgets_its_sum() -> None:
    controller = ControlVAE(5.0, kp=0.5, decay=0.1, decay_schedule=Linear(warmup=1.0))
    state = controller.start(1.25)  # half of K_p, and a sum of 1
    for progress, kept in ((0.0, 1.0), (0.5, 0.95), (1.0, 0.9)):
        after = controller.step(state, at_rest("controlvae"), progress)
        assert float(after[1]) == pytest.approx(0.25 + kept, rel=1e-6)  # float32


def test_a_decay_leaves_the_loop_short_of_its_target() -> None:
    target = distortion(2.0)
    _, plant = driven(GECO(target, speed=5e-3, decay=0.01), 1.0, 2000)
    # At rest decay · ln β = -speed · (D - κ): β is between 1, where it would go, and 2.
    beta = next(b / 1000 for b in range(1000, 2000) if short_by(b / 1000, target) <= 0)
    assert plant.values[0] == pytest.approx(distortion(beta), rel=1e-3)  # the grid of β
    assert 1.2 < beta < 1.8


def short_by(beta: float, target: float) -> float:
    return 5e-3 * (target - distortion(beta)) - 0.01 * math.log(beta)


@every_loop
def test_a_step_is_a_pure_function(name: str) -> None:
    controller = CLOSED[name](decay=0.1)
    state = controller.step(controller.start(0.7), seen(4.0, 6.0, 0.3), 0.5)
    before = state.clone()
    first = controller.step(state, seen(9.0, 2.0, 0.02), 0.5)
    again = controller.step(state, seen(9.0, 2.0, 0.02), 0.5)
    assert torch.equal(state, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, state)  # it moved
    assert (first.shape, first.dtype) == (state.shape, state.dtype)


@every_loop
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_state_keeps_its_type_whatever_the_terms_are(name: str, dtype: torch.dtype) -> None:
    controller = CLOSED[name]()
    state = controller.start(0.7)
    shown = Observation(*(torch.tensor(v, dtype=dtype) for v in (9.0, 2.0, 0.03125)), pixels=N)
    after = controller.step(state, shown, 0.5)
    expected = controller.step(state, seen(9.0, 2.0, 0.03125), 0.5)
    assert after.dtype == state.dtype
    # The logarithm of the MSE is rounded in the terms' own type: to 1/64 near -3.5, times N/2, of
    # which a tenth goes into the moving average.
    torch.testing.assert_close(
        after, expected, rtol=1e-6, atol=1e-2 if name == "geco_mse" else 1e-6
    )


@every_loop
def test_steps_of_many_runs_at_once(name: str) -> None:
    controller = CLOSED[name]()
    betas = (0.2, 1.0, 7.0)
    states = torch.stack([controller.start(b) for b in betas])
    shown = torch.tensor([[4.0, 3.0, 0.2], [5.0, 50.0, 0.1], [6.0, 5.5, 0.01]])

    def step(state: Tensor, values: Tensor) -> Tensor:
        return controller.step(state, Observation(*values, pixels=N), 0.5)  # type: ignore[misc]

    together = torch.func.vmap(step)(states, shown)
    one_by_one = [step(state, values) for state, values in zip(states, shown, strict=True)]
    torch.testing.assert_close(together, torch.stack(one_by_one))  # float32


def test_an_open_loop_is_what_was_written() -> None:
    controller = OpenLoop()
    state = controller.step(controller.start(3.0), seen(9.0, 2.0), 0.5)
    assert controller.beta(state, 3.0) == 3.0
    assert not controller.closed
    assert controller.holds == ""
    assert math.isnan(controller.held_to(0.5))


def test_what_is_held() -> None:
    assert [make().holds for make in CLOSED.values()] == ["distortion", "mse", "rate"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        *((lambda v=v: GECO(v), r"controller\.target .* not") for v in (math.inf, math.nan)),
        (lambda: ControlVAE(math.nan), r"controller\.target .* not"),
        (lambda: ControlVAE(-1.0), r"controller\.target .* negative"),
        *(
            (lambda v=v: GECO(v, watches="mse"), r"controller\.target .* above 0")
            for v in (0.0, -1.0)
        ),
        (lambda: GECO(1.0, watches="rate"), r"controller\.watches is distortion or mse"),  # type: ignore[arg-type]
        *(
            (lambda k=k, v=v: GECO(1.0, **{k: v}), rf"controller\.{k} .* not")
            for k in ("speed", "clip")
            for v in (0.0, -1.0, math.inf, math.nan)
        ),
        *(
            (lambda v=v: GECO(1.0, momentum=v), r"controller\.momentum .* not")
            for v in (-0.1, 1.0, math.nan)
        ),
        *(
            (lambda k=k, v=v: ControlVAE(1.0, **{k: v}), rf"controller\.{k} .* not")
            for k in ("kp", "ki")
            for v in (0.0, -1.0, math.inf, math.nan)
        ),
        *(
            (lambda make=make, v=v: make(1.0, decay=v), r"controller\.decay .* not")
            for make in (GECO, ControlVAE)
            for v in (-0.1, 1.0, math.nan)
        ),
        *(
            (lambda make=make, v=v: make(1.0, range=v), r"controller\.range is .* not")
            for make in (GECO, ControlVAE)
            for v in ((2.0, 1.0), (1.0, 1.0), (-1.0, 1.0), (0.1, math.inf), (1.0,), (1.0, math.nan))
        ),
        (lambda: GECO(1.0, range=(0.0, 1.0)), r"controller\.range must begin above 0"),
    ],
)
def test_a_bad_argument_is_named(make: Callable[[], Controller], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
