"""A run that is stopped and goes on ends with the bits of one that was not."""

import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch

from betafront.data import digits
from betafront.objective import (
    GECO,
    MMD,
    Capacity,
    Constant,
    ControlVAE,
    Cyclical,
    Gaussian,
    Linear,
    Sigmoid,
)
from betafront.training import Halted, Run, Trainer, fit_one
from betafront.training.folder import RunFolder
from betafront.training.history import FORMER_NAMES
from betafront.training.lightning.module import TrainingModule
from betafront.training.state import RunState

MakeRun = Callable[..., Run]

STEPS_PER_EPOCH = 3

WEIGHTINGS: dict[str, dict[str, Any]] = {
    "schedule": {"schedule": Cyclical(cycles=3)},
    "capacity": {"shaping": Capacity(5.0, Linear(warmup=0.8)), "weight": 100.0},
    "geco": {"controller": GECO(10.0, speed=0.02, schedule=Sigmoid())},
    "controlvae": {"controller": ControlVAE(4.0, ki=0.02, decay=0.1, decay_schedule=Linear())},
    "penalty": {"penalties": (MMD(10.0),), "schedule": Constant()},
}


class Unplugged(Exception):
    """What stops a run in these tests."""


def unplug_at(step: int) -> Callable[[dict[str, float]], None]:
    def report(row: dict[str, float]) -> None:
        if row["step"] >= step:
            raise Unplugged

    return report


@pytest.fixture
def short(make_run: MakeRun) -> MakeRun:
    """Runs of 12 steps in 4 epochs that checkpoint at the end of each."""
    trainer = Trainer(steps=12, batch_size=32, accelerator="cpu", checkpoint_seconds=0)
    return partial(make_run, trainer=trainer)


ARRAYS = ("trace.npz", "latent_history.npz")


def leaves_the_same(one: Path, two: Path, arrays: Sequence[str] = ARRAYS) -> None:
    for file in arrays:
        with np.load(one / file) as first, np.load(two / file) as second:
            assert set(first) == set(second)
            for name in first:
                np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    for name in ("model.safetensors", "history.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
@pytest.mark.parametrize("step", [6, 12])
def test_a_stopped_run_follows_the_same_curve(
    short: MakeRun, tmp_path: Path, name: str, step: int
) -> None:
    whole = fit_one(short(**WEIGHTINGS[name]), tmp_path / "whole")
    with pytest.raises(Unplugged):
        fit_one(short(**WEIGHTINGS[name]), tmp_path / "stopped", report=unplug_at(step))
    assert RunFolder(tmp_path / "stopped").has_checkpoint
    rows: list[dict[str, float]] = []
    resumed = fit_one(short(**WEIGHTINGS[name]), tmp_path / "stopped", report=rows.append)
    # The checkpoint stands at the end of the epoch before the one whose report was cut off.
    assert [row["step"] for row in rows] == list(range(step, 13, 3))
    assert resumed.metrics == whole.metrics
    assert resumed.scale == whole.scale
    leaves_the_same(tmp_path / "whole", tmp_path / "stopped")


def test_a_run_stopped_twice_and_with_noise_in_its_data(short: MakeRun, tmp_path: Path) -> None:
    def run() -> Run:
        images = digits(limit=200, dequantize=True)
        return short(data=images, likelihood=partial(Gaussian, mode="learned"))

    fit_one(run(), tmp_path / "whole")
    for step in (6, 9):
        with pytest.raises(Unplugged):
            fit_one(run(), tmp_path / "stopped", report=unplug_at(step))
    fit_one(run(), tmp_path / "stopped")
    leaves_the_same(tmp_path / "whole", tmp_path / "stopped")


def test_a_finished_run_leaves_no_checkpoint(short: MakeRun, tmp_path: Path) -> None:
    fit_one(short(), tmp_path)
    assert not RunFolder(tmp_path).checkpoint.exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_run_that_takes_less_than_the_interval_writes_none(
    make_run: MakeRun, tmp_path: Path
) -> None:
    with pytest.raises(Unplugged):
        fit_one(make_run(), tmp_path, report=unplug_at(12))
    assert not RunFolder(tmp_path).checkpoint.exists()


@pytest.mark.parametrize("step", [20, 41, 62, 70])
def test_a_run_of_many_epochs_may_stop_between_two_validations(
    make_run: MakeRun, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 24 epochs of 3 steps, validated in every sixth; stopped anywhere, also in the middle of one.
    monkeypatch.setattr(sys.modules["betafront.training.validation.cadence"], "VALIDATIONS", 4)
    trainer = Trainer(steps=72, batch_size=32, accelerator="cpu", checkpoint_seconds=0)
    run = partial(make_run, trainer=trainer, controller=ControlVAE(4.0, ki=0.02))
    fit_one(run(), tmp_path / "whole")
    taken = TrainingModule.training_step

    def unplugged(module: TrainingModule, batch: Any, index: int) -> Any:
        if module.state.step == step:
            raise Unplugged
        return taken(module, batch, index)

    monkeypatch.setattr(TrainingModule, "training_step", unplugged)
    with pytest.raises(Unplugged):
        fit_one(run(), tmp_path / "stopped")
    monkeypatch.setattr(TrainingModule, "training_step", taken)
    assert RunFolder(tmp_path / "stopped").has_checkpoint
    fit_one(run(), tmp_path / "stopped")
    leaves_the_same(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_a_run_halted_at_every_epoch_follows_the_same_curve(
    make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    # The default of checkpoint_seconds: none of these runs would have written a checkpoint.
    whole = fit_one(make_run(**WEIGHTINGS[name]), tmp_path / "whole")
    for step in (3, 6, 9):
        with pytest.raises(Halted) as halted:
            fit_one(make_run(**WEIGHTINGS[name]), tmp_path / "halted", halt=lambda: True)
        assert halted.value.step == step
        assert RunFolder(tmp_path / "halted").has_checkpoint
    # After the last step there is nothing to halt.
    resumed = fit_one(make_run(**WEIGHTINGS[name]), tmp_path / "halted", halt=lambda: True)
    assert resumed.metrics == whole.metrics
    assert resumed.scale == whole.scale
    leaves_the_same(tmp_path / "whole", tmp_path / "halted")


def test_a_run_is_asked_to_halt_after_each_epoch_that_was_validated(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["betafront.training.validation.cadence"], "VALIDATIONS", 2)
    rows: list[dict[str, float]] = []
    asked: list[int] = []

    def halt() -> bool:
        asked.append(int(rows[-1]["step"]))
        return False

    fit_one(make_run(steps=24), tmp_path, report=rows.append, halt=halt)
    assert [row["step"] for row in rows] == [12, 24]
    assert asked == [12]
    assert not RunFolder(tmp_path).checkpoint.exists()


def test_sigterm_in_training_is_for_the_handler_that_was_there_and_leaves_a_checkpoint(
    short: MakeRun, tmp_path: Path
) -> None:
    asked = Event()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        with pytest.raises(Halted):
            fit_one(
                short(),
                tmp_path,
                report=lambda row: signal.raise_signal(signal.SIGTERM),
                halt=asked.is_set,
            )
    finally:
        signal.signal(signal.SIGTERM, before)
    assert RunFolder(tmp_path).has_checkpoint


def halted_at(run: Run, folder: Path) -> dict[str, Any]:
    """The checkpoint of a run that was halted at the end of its first epoch."""
    with pytest.raises(Halted):
        fit_one(run, folder, halt=lambda: True)
    found: dict[str, Any] = torch.load(RunFolder(folder).checkpoint, weights_only=True)
    return found


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_a_checkpoint_restores_everything_of_its_run(
    make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    run = make_run(**WEIGHTINGS[name])
    saved = halted_at(run, tmp_path)
    with torch.random.fork_rng():
        state = RunState(run, torch.device("cpu"))
        state.make_optimizer()
        state.restore(saved)
        restored = state.snapshot()
    assert saved.pop("precision") == {}
    assert saved["step"] == state.validated == state.checked == STEPS_PER_EPOCH
    assert flat(restored) == flat(saved)


def flat(value: Any) -> Any:
    """Nested values with their tensors as lists, to be compared."""
    if isinstance(value, torch.Tensor):
        return repr(value.tolist())  # NaN is equal to itself
    if isinstance(value, dict):
        return {key: flat(part) for key, part in value.items()}
    return [flat(part) for part in value] if isinstance(value, list) else value


def in_lightnings_layout(saved: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint as betafront wrote it before 2."""
    generators = saved["generators"]
    former = {name: old for old, name in FORMER_NAMES.items()}
    step = saved["step"]
    return {
        "epoch": 0,
        "global_step": step,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": saved["tensors"],
        "loops": {},
        "callbacks": {"Checkpoint": {"order": generators["order"], **generators["noise"]}},
        "optimizer_states": [saved["optimizer"]],
        "lr_schedulers": [],
        "history": [{former.get(k, k): v for k, v in row.items()} for row in saved["history"]],
        "counted": (step, step),
    }


@pytest.mark.parametrize("name", sorted(WEIGHTINGS))
def test_a_checkpoint_in_the_layout_before_goes_on_with_the_same_bits(
    make_run: MakeRun, tmp_path: Path, name: str
) -> None:
    fit_one(make_run(**WEIGHTINGS[name]), tmp_path / "whole")
    saved = halted_at(make_run(**WEIGHTINGS[name]), tmp_path / "stopped")
    torch.save(in_lightnings_layout(saved), RunFolder(tmp_path / "stopped").checkpoint)
    rows: list[dict[str, float]] = []
    fit_one(make_run(**WEIGHTINGS[name]), tmp_path / "stopped", report=rows.append)
    assert [row["step"] for row in rows] == [6, 9, 12]
    # Of its latents it knew nothing.
    leaves_the_same(tmp_path / "whole", tmp_path / "stopped", ("trace.npz",))


def test_a_checkpoint_that_cannot_be_read_is_said_and_the_run_begins_anew(
    make_run: MakeRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit_one(make_run(), tmp_path / "whole")
    (tmp_path / "stopped").mkdir()
    path = RunFolder(tmp_path / "stopped").checkpoint
    for damaged in (b"", b"no checkpoint", pickle.dumps({"a": Path("b")})):
        path.write_bytes(damaged)
        caplog.clear()
        fit_one(make_run(), tmp_path / "stopped")
        (said,) = caplog.messages
        assert f"{path} cannot be read, and the run begins anew" in said
        assert "\n" not in said
        leaves_the_same(tmp_path / "whole", tmp_path / "stopped")


class Remembering(torch.optim.SGD):
    """An optimiser whose state holds an object that is neither a tensor nor a plain value."""

    def step(self, closure: Any = None) -> Any:  # type: ignore[override]
        for parameter in self.param_groups[0]["params"]:
            self.state[parameter]["where"] = Path("x")
        return super().step(closure)


def test_a_state_that_cannot_be_read_back_is_said_when_it_is_written(
    short: MakeRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = short(make_optimizer=partial(Remembering, lr=1e-3))
    with caplog.at_level("WARNING"), pytest.raises(Halted):
        fit_one(run, tmp_path, halt=lambda: True)
    assert "a run that is stopped here would begin anew" in caplog.text


def test_a_run_that_was_stopped_after_its_last_step_is_only_evaluated(
    short: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit_one(short(), tmp_path / "whole")

    def unplugged(*_: Any, **__: Any) -> Any:
        raise Unplugged

    with pytest.raises(Unplugged):
        fit_one(short(evaluate=unplugged), tmp_path / "stopped")
    rows: list[dict[str, float]] = []
    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", unplugged)
        resumed = fit_one(short(), tmp_path / "stopped", report=rows.append)
    assert not rows
    assert resumed.metrics == whole.metrics
    leaves_the_same(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "bf16-mixed"])
def test_a_run_in_another_precision_goes_on_in_it(
    make_run: MakeRun, tmp_path: Path, precision: str
) -> None:
    run = partial(make_run, precision=precision, controller=ControlVAE(4.0, ki=0.02))
    fit_one(run(), tmp_path / "whole")
    halted_at(run(), tmp_path / "stopped")
    fit_one(run(), tmp_path / "stopped")
    leaves_the_same(tmp_path / "whole", tmp_path / "stopped")
