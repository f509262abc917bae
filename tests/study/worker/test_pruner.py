"""A run that is judged at its rungs, beside what the storage has of the others."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial
from tests.study.trials.test_rungs import a_trial

from betafront.objective.schedules import Constant, Cyclical, Schedule
from betafront.study.storage.study_store import Store
from betafront.study.trials.rungs import RUNGS, Rung
from betafront.study.worker.pruner import Pruner
from betafront.training.history import STEP, TRAIN_BETA, VAL_DISTORTION, VAL_RATE
from betafront.training.run import Run

STEPS = 80
OTHERS = [
    a_trial(n, Rung(0.25, 20, 10.0 + 0.1 * n, 5.0, 1.0, 1.0, True)) for n in range(10)
]  # fmt: skip
OWN = a_trial(10)


class Stored:
    """A study that remembers what is noted, or does not answer."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.noted: list[tuple[int, str, Any]] = []

    def note(self, *what: Any) -> None:
        if self.error is not None:
            raise self.error
        self.noted.append(what)

    def trials(self) -> list[FrozenTrial]:
        return [*OTHERS, OWN]


def a_run(schedule: Schedule) -> Run:
    objective = SimpleNamespace(schedule=schedule)
    trainer = SimpleNamespace(steps=STEPS)
    return cast(Run, SimpleNamespace(trainer=trainer, objective=lambda widths: objective))


def looked(
    stored: Stored, distortion: float, *steps: int, schedule: Schedule | None = None
) -> Pruner:
    pruner = Pruner(cast(Store, stored), OWN, [*OTHERS, OWN])
    for step in steps:
        row = {STEP: step, VAL_DISTORTION: distortion, VAL_RATE: 5.0, TRAIN_BETA: 1.0}
        pruner.look(row, a_run(schedule or Constant()))
    return pruner


def test_a_run_is_stopped_at_the_rung_where_it_is_far_behind() -> None:
    stored = Stored()
    pruner = looked(stored, 13.0, 5, 10, 15, 20, 25)
    assert pruner.stops()
    assert pruner.reason == (
        "pruned: at step 20 of 80 it was 3 nats behind on its own line D + 1 R, and 0.6 were "
        "allowed"
    )
    assert [(number, key) for number, key, _ in stored.noted] == [(10, RUNGS)] * 3
    assert [rung["stopped"] for rung in stored.noted[-1][2]] == [False, True]
    assert [rung["step"] for rung in stored.noted[-1][2]] == [10, 20]
    assert not looked(Stored(), 13.0, 5, 10, 15).stops()  # where nobody has been
    assert not looked(Stored(), 10.2, 10, 20).stops()


def test_a_run_whose_cycle_has_begun_again_is_not_judged() -> None:
    assert not looked(Stored(), 13.0, 10, 30, schedule=Cyclical(cycles=4, ramp=0.5)).stops()


@pytest.mark.parametrize("error", [OSError("no answer"), UpdateFinishedTrialError("ended")])
def test_a_run_goes_on_where_the_storage_does_not_answer(error: Exception) -> None:
    pruner = looked(Stored(error), 13.0, 10, 20)
    assert not pruner.stops()
    assert [rung.step for rung in pruner.rungs] == [10, 20]
