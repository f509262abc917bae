"""The weights that are kept: of the best validated step at the final β, or the last ones."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from betafront.data import digits
from betafront.errors import UserError
from betafront.models import mlp
from betafront.objective import GECO, MMD, Capacity, Cyclical, FreeBits, Linear
from betafront.training import Halted, Result, Run, RunFolder, Trainer, fit_one
from betafront.training.history import VAL_DISTORTION, VAL_RATE
from betafront.training.latents.became import said_of
from betafront.training.latents.history import LatentHistory
from betafront.training.latents.moments import Moments
from betafront.training.standing import OVERFITTED, SETTLED, UNKNOWN, Standing
from betafront.training.state import RunState
from betafront.training.validation.validations import Found

MakeRun = Callable[..., Run]

STEPS, BETWEEN = 300, 15  # 100 epochs of 3 steps, of which every fifth is validated


@pytest.fixture(scope="module")
def long(make_run: MakeRun) -> MakeRun:
    """Runs of a model that learns its 150 examples by heart within 300 steps."""
    images = digits(limit=500, val=0.6)

    def make(steps: int = STEPS, keep: str = "best", **changed: Any) -> Run:
        settings = {key: changed.pop(key) for key in ("patience",) if key in changed}
        trainer = Trainer(steps=steps, batch_size=32, accelerator="cpu", keep=keep, **settings)
        architecture = partial(mlp, latents=8, hidden=(128,))
        return make_run(trainer=trainer, architecture=architecture, data=images, **changed)

    return make


@pytest.fixture(scope="module")
def whole(long: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run that was not stopped, with its best weights."""
    return fit_one(long(), tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def patient(long: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run that was ended by its patience."""
    return fit_one(long(patience=3), tmp_path_factory.mktemp("patient"))


def model_of(result: Result) -> bytes:
    return RunFolder(Path(result.folder)).model.read_bytes()


class Unplugged(Exception):
    """What stops a run in these tests."""


def stop_at(step: int, run: Run, folder: Path) -> None:
    """Stop a run with a checkpoint after so many steps."""
    seen: list[float] = []
    with pytest.raises(Halted):
        fit_one(
            run,
            folder,
            report=lambda row: seen.append(row["step"]),
            halt=lambda: seen[-1] >= step,
        )


def stands(result: Result) -> Standing:
    assert result.standing is not None
    return result.standing


def test_the_best_weights_are_those_of_a_run_that_ends_there(
    long: MakeRun, whole: Result, tmp_path: Path
) -> None:
    least = min(whole.history, key=lambda row: row[VAL_DISTORTION] + row[VAL_RATE])
    standing = stands(whole)
    assert (standing.kept, standing.step, standing.steps) == ("best", least["step"], STEPS)
    assert 2 * BETWEEN < standing.step < STEPS / 2
    assert standing.state == SETTLED
    assert standing.since == standing.step
    there = fit_one(long(steps=standing.step, keep="last"), tmp_path)
    assert model_of(there) == model_of(whole)
    assert there.metrics == whole.metrics
    assert there.spectrum == whole.spectrum
    assert there.scale == whole.scale


def test_the_last_weights_of_such_a_run_are_overfitted(
    long: MakeRun, whole: Result, tmp_path: Path
) -> None:
    last = fit_one(long(keep="last"), tmp_path)
    standing = stands(last)
    assert standing.state == OVERFITTED
    assert (standing.kept, standing.step) == ("last", STEPS)
    assert standing.since == stands(whole).step
    assert standing.over is not None and standing.over > 5
    assert last.metrics["val/negative_elbo"] > whole.metrics["val/negative_elbo"] + 3
    assert last.history == whole.history


@pytest.mark.parametrize("at", [BETWEEN, 15 * BETWEEN])
def test_a_stopped_run_keeps_the_same_weights(long: MakeRun, tmp_path: Path, at: int) -> None:
    whole = fit_one(long(), tmp_path / "whole")
    seen: list[float] = []

    def halt() -> bool:
        return seen[-1] >= at

    with pytest.raises(Halted):
        fit_one(
            long(), tmp_path / "stopped", halt=halt, report=lambda row: seen.append(row["step"])
        )
    resumed = fit_one(long(), tmp_path / "stopped")
    assert resumed.metrics == whole.metrics
    assert resumed.history == whole.history
    assert resumed.standing == whole.standing
    assert model_of(resumed) == model_of(whole)


@pytest.mark.parametrize("cycles", [1, 3])
def test_steps_of_a_ramp_are_neither_judged_nor_kept(
    long: MakeRun, tmp_path: Path, cycles: int
) -> None:
    # β is at its end over the second half of the last cycle; before, D alone is much lower.
    run = long(schedule=Cyclical(cycles=cycles, ramp=0.5), weight=10.0)
    standing = stands(fit_one(run, tmp_path))
    assert standing.kept == "best"
    assert standing.step > STEPS * (1 - 0.5 / cycles)


def test_a_ramp_over_the_whole_run_leaves_no_step_to_choose(long: MakeRun, tmp_path: Path) -> None:
    standing = stands(fit_one(long(schedule=Linear(warmup=1.0)), tmp_path))
    assert (standing.state, standing.kept, standing.step) == (UNKNOWN, "last", STEPS)
    assert "and 5 are needed to judge the run" in standing.reason
    assert "the last weights were kept, since β came to its final value at the end alone" in (
        standing.reason
    )


@pytest.mark.parametrize(
    ("weighting", "why"),
    [
        ({"controller": GECO(10.0, speed=0.02)}, "a controller sets β, which is known at the end"),
        ({"shaping": Capacity(4.0), "weight": 10.0}, "the β of a capacity is known at the end"),
    ],
)
def test_where_no_step_can_be_named_the_best_the_last_weights_are_kept_and_it_is_said(
    long: MakeRun, tmp_path: Path, weighting: dict[str, Any], why: str
) -> None:
    standing = stands(fit_one(long(**weighting), tmp_path))
    assert (standing.kept, standing.step) == ("last", STEPS)
    assert why in standing.reason
    with pytest.raises(UserError, match=f"trainer.patience waits for a better .* {why}"):
        fit_one(long(patience=3, **weighting), tmp_path / "patient")


def test_free_bits_and_penalties_are_part_of_what_is_the_least(
    long: MakeRun, tmp_path: Path
) -> None:
    kept = {}
    for name, weighting in {
        "plain": {},
        "bits": {"shaping": FreeBits(2.0)},
        "penalty": {"penalties": (MMD(300.0),)},
    }.items():
        fit_one(long(steps=30, **weighting), tmp_path / name)
        found = torch.load(RunFolder(tmp_path / name).last, weights_only=True)
        distortion, counted, penalty = found["validations"]["means"][-1]
        row = found["history"][-1]
        assert distortion == pytest.approx(row[VAL_DISTORTION], rel=1e-12)
        kept[name] = counted - row[VAL_RATE], penalty
        assert found["best"]["value"] == pytest.approx(
            min(sum(means) for means in found["validations"]["means"]), rel=1e-12
        )
    assert kept["plain"] == (pytest.approx(0, abs=1e-9), 0)
    assert kept["bits"][0] > 0.1  # latents below 2 nats count as 2
    assert kept["bits"][1] == 0
    assert kept["penalty"][0] == pytest.approx(0, abs=1e-9)
    assert abs(kept["penalty"][1]) > 0.1


def test_a_run_with_free_bits_is_judged_by_what_its_best_step_is_chosen_by(
    long: MakeRun, tmp_path: Path
) -> None:
    result = fit_one(long(shaping=FreeBits(1.0)), tmp_path)
    means = torch.load(RunFolder(tmp_path).last, weights_only=True)["validations"]["means"]
    values = [distortion + counted for distortion, counted, _ in means]
    assert result.scale.beta < 0.9  # read from the model; as written it is 1
    standing = stands(result)
    assert standing.over == pytest.approx(values[-1] - min(values), rel=1e-9)
    assert standing.since == standing.step


def test_a_validation_that_is_no_number_is_not_the_best(long: MakeRun) -> None:
    state = RunState(long(), torch.device("cpu"))
    for distortion in (math.nan, math.inf, 2.0):
        state.trace[state.step] = 0.0
        state.step += 1
        each = torch.tensor([distortion] * 4, dtype=torch.float64)
        latents = Moments()
        latents.add(torch.zeros(4, 8), torch.zeros(4, 8))
        found = Found(each, torch.zeros_like(each), torch.zeros_like(each), 0.0, latents)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("betafront.training.state.validate", lambda *_, found=found: found)
            state.validate([], torch.Generator())
    assert state.best is not None and (state.best.step, state.best.value) == (3, 2.0)


def test_patience_ends_a_run_early_and_cuts_its_trace(whole: Result, patient: Result) -> None:
    standing = stands(patient)
    assert 4 * BETWEEN <= standing.steps < STEPS
    assert abs(standing.step - stands(whole).step) <= 3 * BETWEEN
    assert f"its patience ended it before the planned {STEPS} steps" in standing.reason
    assert patient.history == whole.history[: len(patient.history)]
    assert patient.history[-1]["step"] == standing.steps
    with np.load(RunFolder(Path(patient.folder)).trace) as trace:
        assert {len(values) for values in trace.values()} == {standing.steps}
        assert np.isfinite(trace["loss"]).all()


def test_a_patient_run_that_is_halted_again_and_again_ends_alike(
    long: MakeRun, patient: Result, tmp_path: Path
) -> None:
    for _ in range(len(patient.history)):
        try:
            resumed = fit_one(long(patience=3), tmp_path, halt=lambda: True)
        except Halted:
            continue
        break
    assert resumed.standing == patient.standing
    assert resumed.metrics == patient.metrics
    assert resumed.history == patient.history


def test_a_patient_run_that_was_stopped_after_its_last_step_is_only_evaluated(
    long: MakeRun, patient: Result, tmp_path: Path
) -> None:
    def unplugged(*_: Any, **__: Any) -> Any:
        raise Unplugged

    with pytest.raises(Unplugged):
        fit_one(long(patience=3, evaluate=unplugged), tmp_path)
    rows: list[dict[str, float]] = []
    resumed = fit_one(long(patience=3), tmp_path, report=rows.append)
    assert not rows
    assert resumed.standing == patient.standing
    assert resumed.metrics == patient.metrics


def test_a_checkpoint_of_an_earlier_version_goes_on_and_says_what_it_lacks(
    long: MakeRun, tmp_path: Path
) -> None:
    stop_at(17 * BETWEEN, long(), tmp_path)
    path = RunFolder(tmp_path).checkpoint
    saved = torch.load(path, weights_only=True)
    since = ("validations", "best", "latents")
    torch.save({k: v for k, v in saved.items() if k not in since}, path)
    standing = stands(fit_one(long(), tmp_path))
    assert standing.state == UNKNOWN
    assert standing.reason.startswith("3 validations were made at the final β")
    assert "the first 17 validations are of an earlier version" in standing.reason
    latents = LatentHistory.load(tmp_path)
    assert (len(latents), latents.missing) == (3, 17)
    assert "recorded validations" in said_of(tmp_path)[1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keep": "first"}, "trainer.keep is best or last, not 'first'"),
        ({"patience": 0}, "trainer.patience must be a whole number of validations, or null, not 0"),
        ({"patience": True}, "trainer.patience must be a whole number"),
    ],
)
def test_a_trainer_that_keeps_nothing_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Trainer(**settings)
