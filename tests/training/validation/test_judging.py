"""Histories of every kind, made with the noise that validations have, are each named rightly."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from betafront.training.standing import (
    COLLAPSED,
    OVERFITTED,
    SETTLED,
    STILL_FALLING,
    UNKNOWN,
    UNSTABLE,
    Standing,
)
from betafront.training.validation.curve import LEAST_ROWS, Curve, Value
from betafront.training.validation.judging import Kept, judge

Shape = Callable[[np.ndarray], np.ndarray]

STEPS = 8000
SEEDS = range(200)
EXAMPLES, NOISE, JITTER = 400, 2.0, 0.3  # nats: of an example from row to row, of the whole row
RIGHT = 0.98  # of the seeds, at least: two standard errors are exceeded by chance now and then


def curve(shape: Shape, training: Shape, seed: int, rows: int = 20, noise: float = NOISE) -> Curve:
    """Rows of J that follow `shape` over the steps, with examples that differ by 20 nats."""
    rng = np.random.default_rng(seed)
    step = np.linspace(STEPS / rows, STEPS, rows)
    jitter = JITTER * rng.standard_normal(rows)
    own = 20 * rng.standard_normal(EXAMPLES)
    each = (shape(step) + jitter)[:, None] + own + noise * rng.standard_normal((rows, EXAMPLES))
    value, trained = each.mean(1), training(step)
    return Curve(step, value, each, trained, value - trained, EXAMPLES)


def shortened(whole: Curve, rows: int) -> Curve:
    """The first rows of a history."""
    parts = (whole.step, whole.value, whole.each, whole.training, whole.gap)
    return Curve(*(part[:rows] for part in parts), whole.examples)


def kept(how: str = "last", step: int = STEPS, rate: float = 10.0) -> Kept:
    return Kept(step, STEPS, how, rate, (), 8)


def named(shape: Shape, training: Shape, weights: Kept | None = None, **how: int) -> list[Standing]:
    return [judge(curve(shape, training, seed, **how), weights or kept()) for seed in SEEDS]


def part(standings: list[Standing], state: str) -> float:
    """The part of the runs that are named so."""
    return float(np.mean([standing.state == state for standing in standings]))


def at_rest(step: np.ndarray) -> np.ndarray:
    return -25 + 30 * np.exp(-step / 800)


def falls(step: np.ndarray) -> np.ndarray:
    """By 4 nats with each doubling of the steps."""
    return -25 - 4 * np.log2(step / STEPS)


def overfits(step: np.ndarray) -> np.ndarray:
    """The least at step 2,000, and 20 nats above it at the end."""
    return -25 + 5 * np.log2(step / 2000) ** 2


def test_a_run_that_came_to_rest_is_settled() -> None:
    found = named(at_rest, at_rest)
    assert part(found, SETTLED) >= RIGHT
    assert np.mean([standing.since is None for standing in found]) >= RIGHT


def test_a_run_that_falls_is_still_falling_by_so_many_nats() -> None:
    found = named(falls, falls)
    assert part(found, STILL_FALLING) >= RIGHT
    falling = np.array([standing.falling for standing in found])
    errors = np.array([standing.falling_error for standing in found])
    assert falling.mean() == pytest.approx(4.0, abs=3 * errors.mean() / np.sqrt(len(found)))
    # Two standard errors on either side hold the truth in 19 of 20, and the error is no guess.
    assert 0.9 <= (np.abs(falling - 4.0) < 2 * errors).mean() <= 1.0
    assert errors.mean() < 2 * falling.std()


def test_a_fall_within_the_tolerance_is_settled() -> None:
    # 0.4 nats a doubling, with a standard error of a half: 1.5 and more are seen in a few.
    assert part(named(lambda s: 0.1 * falls(s), at_rest), SETTLED) >= 0.93


def test_a_fall_that_has_ended_is_settled() -> None:
    # As digits at small β: 20 nats in the doubling before the last, and then at rest.
    def ended(step: np.ndarray) -> np.ndarray:
        return -25 + 20 * np.log2(np.maximum(STEPS / 2 / step, 1.0)) ** 2

    assert part(named(ended, falls), SETTLED) >= 0.93


def test_a_fall_within_the_noise_is_settled() -> None:
    # 1.5 nats a doubling, with 40 nats of noise per example: 2 nats for a mean of 400.
    found = named(lambda s: 0.375 * falls(s), at_rest, noise=40)
    assert np.mean([standing.state == STILL_FALLING for standing in found]) < 0.2


@pytest.mark.parametrize("lost", [np.inf, np.nan])
def test_a_row_that_is_no_number_is_left_out(lost: float) -> None:
    whole = curve(falls, falls, 0)
    value, each = whole.value.copy(), whole.each.copy()
    value[[0, 10]] = each[[0, 10]] = lost
    found = judge(replace(whole, value=value, each=each), kept())
    there = np.delete(np.arange(len(whole)), [0, 10])
    rows = (whole.step, whole.value, whole.each, whole.training, whole.gap)
    assert found == judge(Curve(*(row[there] for row in rows), whole.examples), kept())
    assert found.state == STILL_FALLING


def test_a_run_whose_validation_rises_while_training_falls_is_overfitted() -> None:
    found = named(overfits, falls)
    assert part(found, OVERFITTED) >= RIGHT
    for standing in found:
        assert standing.since is not None and 1200 <= standing.since <= 2800
        assert standing.over is not None and standing.over_error is not None
        assert abs(standing.over - 20) < 1 + 3 * standing.over_error
        assert standing.gap == pytest.approx(20, abs=4)  # of 400 examples
    assert (
        f"from step {found[0].since:,} to step 8,000 while it fell on training" in found[0].reason
    )


def test_the_weights_of_the_best_step_are_settled_and_the_reason_says_what_came_later() -> None:
    found = named(overfits, falls, kept("best", step=2000))
    assert part(found, SETTLED) >= RIGHT
    assert all(standing.over and standing.since for standing in found)
    assert f"the weights are those of step {found[0].since:,}: from there" in found[0].reason


@pytest.mark.parametrize(
    ("lost", "state"), [(Value(12.0, 1.0, 3.0), OVERFITTED), (Value(0.5, 1.0, 3.0), SETTLED)]
)
def test_a_run_that_was_better_before_its_beta_was_final_is_overfitted(
    lost: Value, state: str
) -> None:
    """As in a ramp over too many steps: the best of the rows that count is past the least value."""
    found = []
    for seed in SEEDS:
        c = curve(overfits, falls, seed)
        rows = (v[10:] for v in (c.step, c.value, c.each, c.training, c.gap))
        found.append(judge(Curve(*rows, c.examples, lost), kept("best", step=4400)))
    assert part(found, state) >= RIGHT
    assert {standing.since for standing in found} == {4400}
    assert ("was lower by 12 ± 1 nats than at step 4,400" in found[0].reason) == (
        state == OVERFITTED
    )


def test_the_weights_of_a_best_step_that_is_the_last_are_still_falling() -> None:
    assert part(named(falls, falls, kept("best")), STILL_FALLING) >= RIGHT


@pytest.mark.parametrize("row", [14, 19])
def test_a_spike_is_unstable_whether_it_recovers_or_is_the_end(row: int) -> None:
    def spike(step: np.ndarray) -> np.ndarray:
        out = at_rest(step)
        out[row] += 30
        return out

    found = named(spike, falls)
    assert part(found, UNSTABLE) >= RIGHT
    assert all(f"at step {400 * (row + 1):,}" in standing.reason for standing in found)


def test_a_rise_of_training_and_validation_together_is_unstable() -> None:
    assert part(named(overfits, overfits), UNSTABLE) >= RIGHT


def test_a_model_without_a_rate_is_collapsed() -> None:
    assert part(named(at_rest, at_rest, kept(rate=0.001)), COLLAPSED) >= RIGHT
    (first, *_) = named(falls, falls, kept(rate=0.001))
    assert first.state == COLLAPSED
    assert "none of the 8 latents says anything" in first.reason
    assert "with each doubling" in first.reason


def test_a_history_that_is_too_short_has_no_verdict() -> None:
    for rows in range(LEAST_ROWS):
        standing = judge(shortened(curve(falls, falls, 0), rows), kept(), "a note")
        assert standing.state == UNKNOWN
        were = "validation was" if rows == 1 else "validations were"
        assert standing.reason.startswith(f"{rows} {were} made at the final β, and 5 are needed")
        assert standing.reason.endswith("; a note")
        assert standing.falling is standing.over is standing.since is None
