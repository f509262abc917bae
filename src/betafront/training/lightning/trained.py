"""Training one run, or the part of it that one of several processes has."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from betafront.data import Data
from betafront.training.folder import RunFolder
from betafront.training.history import Row
from betafront.training.lightning.callbacks import failed_part
from betafront.training.lightning.checkpoint import Checkpoint, Halt
from betafront.training.lightning.loggers import finish, loggers
from betafront.training.lightning.module import Report, TrainingModule
from betafront.training.lightning.stretches import Stretches, StretchModule, none_listens
from betafront.training.lightning.trainer import lightning_trainer
from betafront.training.recipe.clipping import Clip
from betafront.training.recipe.share import Share, SharedBatches
from betafront.training.recipe.whole_steps import WholeSteps
from betafront.training.run import Run
from betafront.training.state import RunState


def ignore(row: Row) -> None:
    """Report a row of the history to nobody."""


def trained(
    run: Run,
    folder: Path,
    report: Report = ignore,
    halt: Halt | None = None,
    ends: Sequence[pl.Callback] = (),
    part: int = 0,
) -> tuple[RunState, Data]:
    """The state of a run after its last step, and its data, both on the device of the run.

    Args:
        run: its parts.
        folder: with its checkpoint, if it was stopped.
        report, halt: as in `betafront.training.Attempt`.
        ends: what may end the attempt before the run ends.
        part: of every batch that this process has, of as many as the run has devices.
    """
    ask_the_driver()
    settings, place = run.trainer, RunFolder(folder).checkpoint
    checkpoint = Checkpoint(place, settings.checkpoint_seconds, halt, run.callbacks)
    told = loggers(run.loggers, folder)
    trainer = lightning_trainer(run, checkpoint, *ends, taken=checkpoint.step, loggers=told)
    device, share = trainer.strategy.root_device, Share(part, settings.devices)
    state, data = RunState(run, device, share), run.data.to(device)
    validation, clip = data.batches("val", 1000), Clip.of(settings)
    lags = state.aggressive
    of_encoder = None if lags is None else lags.batches(data, settings.batch_size)
    of_module = state, validation, report, settings.accumulate, clip, of_encoder
    batches = data.batches("train", settings.batch_size, state.generators.order)
    module: TrainingModule
    given: Any
    if none_listens(run):
        module, given = StretchModule(ends, *of_module), Stretches(batches)
    else:
        module = TrainingModule(*of_module, observed=bool(run.callbacks))
        batches = WholeSteps.of(batches, settings.accumulate)
        given = batches if share.of == 1 else SharedBatches(batches, share)
    try:
        fit_by(trainer, module, given)
    except Exception as error:
        keys = [f"loggers.{name}" for name in run.loggers]
        parts = {f"callbacks.{name}": callback for name, callback in run.callbacks.items()}
        if failed := failed_part(error, parts | dict(zip(keys, told, strict=True))):
            raise failed from error
        raise
    finally:
        finish(told)
    module.on_train_epoch_end()  # the last epoch may have been cut short by the number of steps
    state.vae.to(device, torch.float32)  # Lightning may leave another device or precision
    return state, data


def fit_by(trainer: pl.Trainer, module: pl.LightningModule, batches: Any) -> None:
    """Have Lightning train.

    Raises:
        KeyboardInterrupt: of Ctrl-C, of which Lightning makes a `SystemExit`.
    """
    try:
        trainer.fit(module, batches)
    except SystemExit as stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # it was ignored from there on
        raise KeyboardInterrupt from stop


def ask_the_driver() -> None:
    """Have torch ask CUDA itself whether there is a GPU, which its optimisers do at every step.

    Lightning has it ask NVIDIA's management library, so that processes can be forked. On a machine
    without that library it is searched for each time: 40 µs of a step.
    """
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
