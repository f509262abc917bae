"""A run with a training recipe that was stopped ends with the bits of one that was not."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as rates

from betafront.models import VampPrior
from betafront.objective import ControlVAE, Gaussian
from betafront.training import Halted, Run, RunFolder, Trainer, fit_one

MakeRun = Callable[..., Run]

STEPS = 12  # in epochs of 3 steps: six of the seven batches of 16 examples
RECIPE: dict[str, Any] = {"batch_size": 16, "accumulate": 2, "ema": 0.9, "clip_norm": 20.0}
SCHEDULES: dict[str, Any] = {
    "cosine": partial(rates.CosineAnnealingLR, T_max=STEPS),
    "one cycle": partial(rates.OneCycleLR, max_lr=0.02, total_steps=STEPS),
    "plateau": partial(rates.ReduceLROnPlateau, factor=0.5, patience=0, threshold=0.5),
    "counted": partial(rates.MultiStepLR, milestones=[2, 5, 8]),
    "sequence": partial(
        rates.SequentialLR,
        schedulers=[
            partial(rates.LinearLR, start_factor=0.1, total_iters=4),
            partial(rates.ExponentialLR, gamma=0.8),
        ],
        milestones=[4],
    ),
    "chain": partial(
        rates.ChainedScheduler,
        schedulers=[
            partial(rates.ConstantLR, factor=0.5, total_iters=4),
            partial(rates.ExponentialLR, gamma=0.9),
        ],
    ),
}
WEIGHTINGS: dict[str, dict[str, Any]] = {
    "learned scale": {"likelihood": partial(Gaussian, mode="learned", lr_factor=10)},
    "optimal scale": {"likelihood": partial(Gaussian, mode="optimal")},
    "controller": {"controller": ControlVAE(4.0, ki=0.02)},
    "vamp": {"make_prior": partial(VampPrior, components=5)},
}


@pytest.fixture
def recipe(make_run: MakeRun) -> MakeRun:
    def make(schedule: str = "cosine", keep: str = "best", **changed: Any) -> Run:
        trainer = Trainer(steps=STEPS, accelerator="cpu", keep=keep, **RECIPE)  # type: ignore[arg-type]
        return make_run(trainer=trainer, make_lr_schedule=SCHEDULES[schedule], **changed)

    return make


def halted_and_resumed(make: Callable[[], Run], folder: Path) -> Any:
    """The result of a run that was halted at the end of its second epoch."""
    halts = iter([False, True])
    with pytest.raises(Halted) as halted:
        fit_one(make(), folder, halt=lambda: next(halts))
    assert halted.value.step == STEPS // 2
    return fit_one(make(), folder)


def same(one: Path, two: Path) -> None:
    """Whether two runs left the same bits."""
    first, second = RunFolder(one), RunFolder(two)
    for a, b in ((first.model, second.model), (first.history, second.history)):
        assert a.read_bytes() == b.read_bytes(), a.name
    assert first.trace.read_bytes() == second.trace.read_bytes()
    states = [torch.load(place.last, weights_only=True) for place in (first, second)]
    assert repr(states[0]) == repr(states[1])  # NaN is equal to itself


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_with_any_schedule(recipe: MakeRun, tmp_path: Path, schedule: str) -> None:
    make = partial(recipe, schedule)
    whole = fit_one(make(), tmp_path / "whole")
    assert [row["step"] for row in whole.history] == [3, 6, 9, 12]
    resumed = halted_and_resumed(make, tmp_path / "halted")
    assert resumed.metrics == whole.metrics
    same(tmp_path / "whole", tmp_path / "halted")


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_with_what_learns_beside_the_weights(recipe: MakeRun, tmp_path: Path, name: str) -> None:
    make = partial(recipe, keep="last", **WEIGHTINGS[name])
    whole = fit_one(make(), tmp_path / "whole")
    resumed = halted_and_resumed(make, tmp_path / "halted")
    assert (resumed.metrics, resumed.scale) == (whole.metrics, whole.scale)
    same(tmp_path / "whole", tmp_path / "halted")


def test_a_checkpoint_of_before_goes_on_without_a_recipe(make_run: MakeRun, tmp_path: Path) -> None:
    fit_one(make_run(), tmp_path / "whole")
    with pytest.raises(Halted):
        fit_one(make_run(), tmp_path / "stopped", halt=lambda: True)
    path = RunFolder(tmp_path / "stopped").checkpoint
    saved = torch.load(path, weights_only=True)
    newer = {"lr_schedule", "stopped"}
    assert newer <= saved.keys()
    torch.save({key: value for key, value in saved.items() if key not in newer}, path)
    fit_one(make_run(), tmp_path / "stopped")
    same(tmp_path / "whole", tmp_path / "stopped")
