"""A longer run goes on from the last state of a shorter one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from betafront.errors import UserError
from betafront.objective import GECO, Capacity, ControlVAE, FreeBits, Linear
from betafront.training import Halted, Run, RunFolder, Trainer, fit_one
from betafront.training.history import STEP
from betafront.training.longer import reason_against

MakeRun = Callable[..., Run]

SHORT, LONG = 42, 81  # 14 and 27 epochs of 3 steps


def trainer(steps: int, keep: str) -> Trainer:
    return Trainer(steps=steps, batch_size=32, accelerator="cpu", keep=keep)  # type: ignore[arg-type]


def begun(make_run: MakeRun, folder: Path, steps: int, **changed: Any) -> Path:
    """The folder of a longer run, with the last state of a shorter one as its checkpoint."""
    fit_one(make_run(trainer=trainer(steps, **changed)), folder / "short")
    longer = RunFolder(folder / "longer")
    longer.path.mkdir()
    shutil.copyfile(RunFolder(folder / "short").last, longer.checkpoint)
    return longer.path


@pytest.mark.parametrize("keep", ["best", "last"])
def test_it_has_the_weights_that_it_has_from_its_start(
    make_run: MakeRun, tmp_path: Path, keep: str
) -> None:
    whole = fit_one(make_run(trainer=trainer(LONG, keep)), tmp_path / "whole")
    folder = begun(make_run, tmp_path, SHORT, keep=keep)
    rows: list[dict[str, float]] = []
    longer = fit_one(make_run(trainer=trainer(LONG, keep)), folder, report=rows.append)
    assert [row[STEP] for row in rows] == list(range(SHORT + 3, LONG + 1, 3))
    assert longer.metrics == whole.metrics
    assert longer.standing == whole.standing
    one, two = (load_file(RunFolder(path).model) for path in (folder, tmp_path / "whole"))
    assert all(torch.equal(one[name], two[name]) for name in two)
    with (
        np.load(RunFolder(folder).trace) as first,
        np.load(RunFolder(tmp_path / "whole").trace) as second,
    ):
        np.testing.assert_array_equal(first["loss"], second["loss"])
    assert RunFolder(folder).last.is_file()
    assert not RunFolder(folder).has_checkpoint


def test_a_run_that_ended_within_an_epoch_goes_on_with_a_new_one(
    make_run: MakeRun, tmp_path: Path
) -> None:
    folder = begun(make_run, tmp_path, 40, keep="last")
    longer = fit_one(make_run(trainer=trainer(LONG, "last")), folder)
    assert longer.history[-1][STEP] == LONG
    with np.load(RunFolder(folder).trace) as trace, np.load(tmp_path / "short/trace.npz") as before:
        assert np.isfinite(trace["loss"]).all()
        np.testing.assert_array_equal(trace["loss"][:40], before["loss"])


def test_a_run_that_ended_within_an_epoch_is_stopped_and_goes_on_with_the_same_bits(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(trainer=trainer(LONG, "best"))
    folder = begun(make_run, tmp_path, 40, keep="best")
    shutil.copytree(folder, tmp_path / "whole")
    whole = fit_one(run, tmp_path / "whole")
    seen: list[float] = []
    with pytest.raises(Halted):
        fit_one(run, folder, report=lambda row: seen.append(row[STEP]), halt=lambda: len(seen) == 4)
    resumed = fit_one(run, folder)
    assert seen == [43, 46, 49, 52]
    assert (resumed.metrics, resumed.history) == (whole.metrics, whole.history)


def test_a_shorter_run_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    folder = begun(make_run, tmp_path, SHORT, keep="last")
    with pytest.raises(UserError, match=f"has taken {SHORT} steps, and trainer.steps=12: ask"):
        fit_one(make_run(trainer=trainer(12, "last")), folder)


@pytest.mark.parametrize(
    ("weighting", "why"),
    [
        ({}, ""),
        ({"shaping": FreeBits(0.5)}, ""),
        ({"controller": GECO(10.0)}, ""),
        ({"controller": ControlVAE(4.0, decay_schedule=Linear())}, ""),
        ({"schedule": Linear()}, "schedule (Linear) goes by the planned steps"),
        ({"shaping": Capacity(4.0, Linear())}, "schedule@shaping.schedule (Linear) goes by"),
        (
            {"controller": GECO(10.0, schedule=Linear())},
            "schedule@controller.schedule (Linear) goes by",
        ),
        (
            {"controller": ControlVAE(4.0, decay=0.1, decay_schedule=Linear())},
            "schedule@controller.decay_schedule (Linear) goes by",
        ),
    ],
)
def test_what_depends_on_the_planned_steps_is_a_reason_against(
    make_run: MakeRun, weighting: dict[str, Any], why: str
) -> None:
    found = reason_against(make_run(**weighting))
    assert found.startswith(why) and bool(found) == bool(why)
    assert reason_against(make_run(**weighting), settled=True) == ""
