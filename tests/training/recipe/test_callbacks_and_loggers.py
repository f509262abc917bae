"""Callbacks of the user's, and loggers beside the record of a run."""

import csv
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import CSVLogger, WandbLogger

from betafront.config.build import build, check
from betafront.config.compose import compose
from betafront.config.saved import save, saved_run
from betafront.config.trust import TRUST
from betafront.errors import UserError
from betafront.own_modules import find_modules_in
from betafront.training import Attempt, Failure, Halted, Run, RunFolder, fit, fit_one
from betafront.training.history import STEP, VAL_NEGATIVE_ELBO
from betafront.training.lightning.loggers import finish
from betafront.training.lightning.module import TrainingModule

MakeRun = Callable[..., Run]

SMALL = ("data.limit=200", "model.hidden=[8]", "trainer.accelerator=cpu", "trainer.steps=6")
OWN = """
import pytorch_lightning as pl

class Noisy(pl.Callback):
    def __init__(self, at): self.at = at
    def on_train_batch_end(self, trainer, module, *batch):
        if module.state.step == self.at:
            raise ValueError("too noisy")
"""


class Counting(pl.Callback):
    """Counts the steps of a run, and notes what it sees when one is validated."""

    def __init__(self) -> None:
        self.steps = 0
        self.seen: list[tuple[int, float]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        assert isinstance(pl_module, TrainingModule)
        self.steps += 1

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        value = trainer.callback_metrics[VAL_NEGATIVE_ELBO].item()
        self.seen.append((pl_module.state.step, value))

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]


def logged(folder: Path) -> list[dict[str, str]]:
    with (folder / "logs/csv/metrics.csv").open() as file:
        return list(csv.DictReader(file))


CSV = {"csv": partial(CSVLogger, name="logs", version="csv")}


def test_a_callback_sees_each_row_and_keeps_its_state(make_run: MakeRun, tmp_path: Path) -> None:
    first = Counting()
    halts = iter([False, True])
    with pytest.raises(Halted):
        fit_one(make_run(callbacks={"count": first}), tmp_path, halt=lambda: next(halts))
    second = Counting()
    result = fit_one(make_run(callbacks={"count": second}), tmp_path)
    assert (first.steps, second.steps) == (6, 12)
    values = {row[STEP]: row[VAL_NEGATIVE_ELBO] for row in result.history}
    assert dict(first.seen + second.seen) == pytest.approx(values)


def test_a_logger_has_every_row_of_a_run_that_was_stopped(
    make_run: MakeRun, tmp_path: Path
) -> None:
    with pytest.raises(Halted):
        fit_one(make_run(loggers=CSV), tmp_path, halt=lambda: True)
    assert [row["step"] for row in logged(tmp_path)] == ["3"]
    result = fit_one(make_run(loggers=CSV), tmp_path)
    for told, row in zip(logged(tmp_path), result.history, strict=True):
        assert {name: float(value) for name, value in told.items()} == row


def test_a_callback_may_end_a_run_and_it_is_said(make_run: MakeRun, tmp_path: Path) -> None:
    patient = EarlyStopping(VAL_NEGATIVE_ELBO, mode="max", patience=1)  # which falls at once
    result = fit_one(make_run(callbacks={"stop": patient}), tmp_path)
    assert result.standing is not None
    assert result.standing.steps == result.history[-1][STEP] < 12
    assert "a callback ended it before the planned 12 steps" in result.standing.reason
    assert RunFolder(tmp_path).last.is_file()


class Offline(CSVLogger):
    """A logger that cannot be told anything."""

    def log_metrics(self, *_: Any, **__: Any) -> None:
        raise ConnectionError("no server answers")


def test_an_error_of_a_logger_names_it(make_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(UserError) as failed:
        fit_one(make_run(loggers={"mine": partial(Offline)}), tmp_path)
    assert "loggers.mine (Offline): " in str(failed.value)
    assert "ConnectionError: no server answers" in str(failed.value)


class Held(WandbLogger):
    """A logger of Weights & Biases, without their package."""

    def __init__(self) -> None:
        pass


def test_a_run_of_weights_and_biases_ends_with_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = list[str]()
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(finish=lambda: ended.append("run")))
    finish([])
    assert not ended
    finish([Held()])
    assert ended == ["run"]


@pytest.fixture
def own_module(own_place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("sys.path", __import__("sys").path.copy())
    monkeypatch.delenv(TRUST, raising=False)
    (own_place / "ownnoise.py").write_text(OWN)
    folder = own_place / "conf/callbacks"
    folder.mkdir(parents=True)
    (folder / "noisy.yaml").write_text(
        "# @package callbacks.noisy\n_target_: ownnoise.Noisy\nat: ${trainer.steps}\n"
    )
    find_modules_in(own_place)
    yield
    __import__("sys").modules.pop("ownnoise", None)


@pytest.mark.usefixtures("own_module")
def test_an_error_of_a_callback_names_it_and_its_place(tmp_path: Path) -> None:
    config = compose([*SMALL, "callbacks=[noisy]", "callbacks.noisy.at=4"])
    run = build(config)
    check(run)
    (failed,) = fit([Attempt(run, tmp_path / "run")])
    assert isinstance(failed, Failure)
    assert failed.kind == "failed"
    assert "callbacks.noisy (Noisy): ownnoise.py, line 8: ValueError: too noisy" in failed.reason
    # It is kept with the run, as what it does may change what comes of it.
    save(config, tmp_path / "run")
    assert saved_run(tmp_path / "run").callbacks["noisy"].at == 4


def refusal(*words: str) -> str:
    with pytest.raises(UserError) as refused:
        check(build(compose([*SMALL, *words])))
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.usefixtures("own_module")
def test_a_choice_whose_file_does_not_name_its_package_is_one_line(own_place: Path) -> None:
    noisy = own_place / "conf/callbacks/noisy.yaml"
    noisy.write_text("# My own.\n" + noisy.read_text())  # the header has to come first
    said = refusal("callbacks=[noisy]")
    assert said.endswith("conf/callbacks is to be `# @package callbacks.NAME`")


def test_loggers_are_told_of_by_choice_and_are_no_part_of_what_is_kept(tmp_path: Path) -> None:
    config = compose([*SMALL, "loggers=[csv]", "callbacks=[lr_monitor]"])
    save(config, tmp_path)
    assert "loggers" not in RunFolder(tmp_path).config.read_text()
    run = build(config)
    check(run)
    fit_one(run, tmp_path)
    assert len(logged(tmp_path)) == 6  # of which each is an epoch
    assert saved_run(tmp_path).loggers == {}


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_logger_whose_package_is_not_installed_is_one_line(name: str) -> None:
    if __import__("importlib.util").util.find_spec(name):
        pytest.skip(f"{name} is installed")
    assert f"loggers.{name} needs a package that is not installed (" in refusal(f"loggers=[{name}]")


def test_what_is_neither_is_one_line() -> None:
    for group, kind in (
        ("callbacks", "pytorch_lightning.Callback"),
        ("loggers", "logger of pytor"),
    ):
        said = refusal(f"+{group}.x._target_=torch.nn.ReLU")
        assert f"{group}.x: what it names has made a ReLU, and no {kind}" in said
    assert "there is no callbacks=lr_moniter" in refusal("callbacks=[lr_moniter]")
    said = refusal("callbacks=[lr_monitor]")
    assert said.endswith("sees, and there are none: add one, as loggers=[csv]")
    unlogged = build(compose([*SMALL, "callbacks=[lr_monitor]"]))
    (failed,) = fit([Attempt(unlogged, Path("run"))])
    assert isinstance(failed, Failure)
    assert "callbacks.lr_monitor (LearningRateMonitor): " in failed.reason
    assert "no logger" in failed.reason
