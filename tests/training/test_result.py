"""The record of a run, apart from the run."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from betafront.errors import UserError
from betafront.training import Diverged, Halted, OnTheScale, Result, TimedOut
from betafront.training.history import STEP, VAL_RATE


@pytest.fixture
def result(tmp_path: Path) -> Result:
    return Result(
        metrics={"val/rate": 0.1 + 0.2, "val/distortion": -1e-300},
        scale=OnTheScale.read({"beta": 4.0, "sigma": None, "normalisation": "sum"}),
        spectrum=[1.5, 0.0],
        settings={"val/samples": 8},
        history=[{STEP: 3, VAL_RATE: 1 / 3}],
        data={"name": "digits", "shape": [1, 8, 8]},
        seed=7,
        seconds=1.25,
        folder=str(tmp_path),
    )


def test_every_value_comes_back(result: Result, tmp_path: Path) -> None:
    result.save()
    assert Result.load(tmp_path) == result


def test_a_folder_that_was_moved_is_read_where_it_is(result: Result, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    moved = replace(result, folder=str(old))
    moved.save()
    old.rename(new)
    assert Result.load(new) == replace(result, folder=str(new))


def test_saving_leaves_the_result_and_nothing_else(result: Result, tmp_path: Path) -> None:
    result.save()
    result.save()
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path} holds no finished run"):
        Result.load(tmp_path)


def test_a_divergence_keeps_its_step_between_processes() -> None:
    lost = pickle.loads(pickle.dumps(Diverged(17)))
    assert isinstance(lost, Diverged)
    assert lost.step == 17
    assert str(lost) == "the loss became NaN or infinite at step 17"


def test_what_ended_a_run_early_keeps_its_values_between_processes() -> None:
    halted = pickle.loads(pickle.dumps(Halted(48)))
    assert isinstance(halted, Halted)
    assert halted.step == 48
    late = pickle.loads(pickle.dumps(TimedOut(48, 2.5)))
    assert isinstance(late, TimedOut)
    assert (late.step, late.seconds) == (48, 2.5)
    assert str(late) == "training took longer than 2.5 s: it was at step 48"
