"""Where a run is judged: its rungs, and the line that it trains there."""

import pytest

from betafront.objective import Objective, Schedule
from betafront.objective.controllers import GECO
from betafront.objective.penalties import MMD
from betafront.objective.schedules import Constant, Cyclical, Linear
from betafront.objective.shaping import FreeBits
from betafront.scale import NORMALISATIONS
from betafront.study.pruning.rungs import rung_reached
from betafront.study.pruning.trained_line import only_risen, why_none


def rungs(validations: list[int], steps: int) -> list[tuple[int, float]]:
    """The validations of a run that are at rungs."""
    found, after = [], 0.0
    for step in validations:
        if (part := rung_reached(step, steps, after)) is not None:
            found.append((step, part))
            after = part
    return found


def test_a_rung_is_the_first_validation_after_its_part_of_the_steps() -> None:
    assert rungs([17 * i for i in range(1, 24)], 400) == [(51, 0.125), (102, 0.25), (204, 0.5)]
    assert rungs([50, 100, 200, 400], 400) == [(50, 0.125), (100, 0.25), (200, 0.5)]


def test_of_rungs_that_are_passed_at_once_the_last_counts_and_the_end_is_none() -> None:
    assert rungs([120, 240, 360, 400], 400) == [(120, 0.25), (240, 0.5)]
    assert rungs([400], 400) == []


@pytest.mark.parametrize(
    ("schedule", "progress", "risen"),
    [
        (Constant(), 1.0, True),
        (Linear(warmup=0.5), 0.3, True),
        (Linear(warmup=0.5), 0.9, True),
        (Linear(warmup=0.5, start=2.0), 0.3, False),
        (Cyclical(cycles=4, ramp=0.5), 0.2, True),
        (Cyclical(cycles=4, ramp=0.5), 0.3, False),
        (Cyclical(cycles=4, ramp=0.5), 0.49, False),
    ],
)
def test_whether_beta_has_only_risen(schedule: Schedule, progress: float, risen: bool) -> None:
    assert only_risen(schedule, progress) is risen


def test_a_run_has_a_line_of_its_own_where_nothing_else_is_trained() -> None:
    def objective(**parts: object) -> Objective:
        more = {"pixels": 64, "latents": 2, "examples": 100}
        return Objective(1.0, NORMALISATIONS["sum"], **more, **parts)  # type: ignore[arg-type]

    assert why_none(objective()) == ""
    assert why_none(objective(schedule=Linear())) == ""
    assert "controller" in why_none(objective(controller=GECO(target=1.0)))
    assert "KL" in why_none(objective(shaping=FreeBits(nats=0.1)))
    assert "penalty" in why_none(objective(penalties=(MMD(1.0),)))
    assert "draws" in why_none(objective(draws=5))
    assert "many lines" in why_none(objective(family=True))
