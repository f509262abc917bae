"""A run that takes too long is ended."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from betafront.errors import UserError
from betafront.training import Result, Run, TimedOut, Trainer, fit_one
from betafront.training.lightning import deadline
from betafront.training.lightning.module import TrainingModule
from betafront.training.state import RunState

MakeRun = Callable[..., Run]


class Clock:
    """A clock of the test's own, that stands still but for what is added."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def ten_seconds_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, taken = Clock(), TrainingModule.training_step

    def slow(module: TrainingModule, batch: Any, index: int) -> Any:
        clock.now += 10.0
        return taken(module, batch, index)

    monkeypatch.setattr(deadline, "time", clock)
    monkeypatch.setattr(TrainingModule, "training_step", slow)


@pytest.mark.usefixtures("ten_seconds_a_step")
@pytest.mark.parametrize(("seconds", "step"), [(5.0, 1), (10.0, 2), (45.0, 5)])
def test_a_run_ends_with_the_batch_in_which_its_time_is_up(
    make_run: MakeRun, tmp_path: Path, seconds: float, step: int
) -> None:
    with pytest.raises(TimedOut, match=f"longer than {seconds:g} s: it was at step {step}") as late:
        fit_one(make_run(), tmp_path, seconds=seconds)
    assert (late.value.step, late.value.seconds) == (step, seconds)
    with pytest.raises(UserError, match="holds no finished run"):
        Result.load(tmp_path)


@pytest.mark.usefixtures("ten_seconds_a_step")
def test_each_attempt_has_its_own_time(make_run: MakeRun, tmp_path: Path) -> None:
    trainer = Trainer(steps=12, batch_size=32, accelerator="cpu", checkpoint_seconds=0)
    with pytest.raises(TimedOut) as late:
        fit_one(make_run(trainer=trainer), tmp_path, seconds=75.0)
    assert late.value.step == 8
    # From the checkpoint after step 6: six more steps, in sixty seconds.
    assert fit_one(make_run(trainer=trainer), tmp_path, seconds=60.0).history[-1]["step"] == 12


@pytest.mark.usefixtures("ten_seconds_a_step")
def test_a_run_within_its_time_is_the_run_without_a_limit(
    make_run: MakeRun, tmp_path: Path
) -> None:
    limited = fit_one(make_run(), tmp_path / "limited", seconds=120.0)
    free = fit_one(make_run(), tmp_path / "free")
    assert limited.metrics == free.metrics
    for name in ("model.safetensors", "history.json"):
        assert (tmp_path / "limited" / name).read_bytes() == (tmp_path / "free" / name).read_bytes()


def test_of_the_time_of_a_stack_each_run_has_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, state = Clock(), cast(RunState, SimpleNamespace(step=7))
    monkeypatch.setattr(deadline, "time", clock)
    limit = deadline.Deadline(10.0)
    limit.begin(runs=3)
    clock.now += 29.0
    limit.after_step(state)
    clock.now += 2.0
    with pytest.raises(TimedOut):
        limit.after_step(state)
