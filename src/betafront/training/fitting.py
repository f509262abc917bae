"""One run: from its parts to a Result, bit for bit the same on the CPU for the same seed."""

import json
import logging
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from betafront.data import Batches, Images
from betafront.errors import UserError, one_line
from betafront.files import write_whole, written_whole
from betafront.metrics import by_split
from betafront.metrics.registry import Announce, silent
from betafront.models import Model
from betafront.training.checkpoint import Checkpoint, Halt
from betafront.training.deadline import Deadline
from betafront.training.folder import RunFolder
from betafront.training.module import Report, Trace, TrainingModule
from betafront.training.on_the_scale import standing, trace_of
from betafront.training.pictures.latent_map import LatentMap, latent_map
from betafront.training.result import Diverged, Result, finite
from betafront.training.run import SPLITS, Run

if TYPE_CHECKING:
    import pytorch_lightning as pl

LOGGED_EPOCHS = 20


def fit(
    run: Run,
    folder: Path,
    report: Report = lambda row: None,
    halt: Halt | None = None,
    seconds: float | None = None,
    tell: Announce = silent,
) -> Result:
    """Train, evaluate on validation and test, and write everything into `folder`.

    Where `folder` holds the checkpoint of a run that was stopped, it goes on from there, and ends
    with the bits that it would have had.

    Args:
        run: the parts.
        folder: for the result, the history, the trace, the model and the pictures.
        report: called with each row of the history as it is made.
        halt: asked at the end of every epoch that is validated, but the last, whether to stop with
            a checkpoint.
        seconds: the most that training may take in this attempt, by the wall clock.
        tell: called with the split and the name of each further metric as it begins.

    Returns:
        The result, which also stands in `folder/result.json`.

    Raises:
        Diverged: the loss or a final value became NaN or infinite.
        Halted: `halt` said so; a later call goes on from there.
        TimedOut: training took longer than `seconds`.
    """
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(run.trainer.threads)
    with _quiet(), _random(run.seed):
        order = torch.Generator().manual_seed(run.seed)
        checkpoint = Checkpoint(folder, run.trainer.checkpoint_seconds, order, halt)
        limits = [] if seconds is None else [Deadline(seconds)]
        vae, module, images = _train(run, report, checkpoint, limits)
    evaluations = run.evaluations(vae, images, tell)
    metrics, settings, costs = by_split(evaluations)
    if not finite(metrics):
        raise Diverged(run.trainer.steps, "evaluation")
    trace = trace_of(module)
    result = Result(
        metrics=metrics,
        scale=standing(module.objective, trace, vae, images.train, run.seed),
        spectrum=evaluations["val"].kl.tolist(),
        settings=settings,
        history=module.history,
        data={
            "name": run.data.name,
            "digest": run.data.digest,
            "shape": list(run.data.shape),
            **{split: len(getattr(run.data, split)) for split in ("train", *SPLITS)},
        },
        seed=run.seed,
        seconds=time.monotonic() - started,
        folder=str(folder),
        costs=costs,
    )
    active = int(metrics["val/active_units"])
    where = latent_map(evaluations["val"].codes, result.spectrum, active, run.data.factors)
    _write(result, vae, trace, where, images.val, folder)
    return result


def _train(
    run: Run, report: Report, checkpoint: Checkpoint, limits: list[Deadline]
) -> tuple[Model, TrainingModule, Images]:
    vae = run.vae()
    objective = run.objective(vae.latents)
    objective.check_model(vae.factorised)
    module = TrainingModule(vae, objective, run.make_optimizer, run.trainer.steps, run.seed, report)
    trainer = lightning_trainer(run, checkpoint, *limits)
    images = run.data.to(trainer.strategy.root_device)
    levels = images.levels if images.dequantized else None
    batches = Batches(images.train, run.trainer.batch_size, checkpoint.order, levels=levels)
    try:
        trainer.fit(module, batches, Batches(images.val, 1000), ckpt_path=checkpoint.found)
    except SystemExit as stop:  # what Lightning makes of Ctrl-C, with SIGINT ignored from there on
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from stop
    module.on_train_epoch_end()  # the last epoch may have been cut short by the number of steps
    return vae.to(images.train), module, images  # Lightning may leave another device or precision


def lightning_trainer(run: Run, *callbacks: "pl.Callback") -> "pl.Trainer":
    """Lightning's trainer for a run.

    Raises:
        UserError: it refuses the settings, or the machine has no such device.
    """
    import pytorch_lightning as pl
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    settings = run.trainer
    epoch = len(Batches(run.data.train, settings.batch_size, torch.Generator()))
    try:
        with _quiet():
            return pl.Trainer(
                accelerator=settings.accelerator,
                devices=1,
                precision=settings.precision,  # type: ignore[arg-type]
                max_steps=settings.steps,
                max_epochs=-1,
                check_val_every_n_epoch=max(1, settings.steps // epoch // LOGGED_EPOCHS),
                num_sanity_val_steps=0,
                callbacks=list(callbacks),
                # A run is one process, also below an engine (Slurm, MPI) whose settings Lightning
                # would read, and whose signals it would answer.
                plugins=[LightningEnvironment()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
    except (MisconfigurationException, ValueError) as error:
        line = one_line(error)[:300]
        raise UserError(
            f"trainer.accelerator={settings.accelerator}, trainer.precision={settings.precision}: "
            f"{line}"
        ) from error


def _write(
    result: Result, vae: Model, trace: Trace, where: LatentMap, x: Tensor, folder: Path
) -> None:
    from safetensors.torch import save_file

    from betafront.training.pictures.images import draw_run

    place = RunFolder(folder)
    with written_whole(place.model) as part:
        save_file(vae.state_dict(), part)
    with written_whole(place.trace) as part, part.open("wb") as sink:
        np.savez(sink, **trace)  # type: ignore[arg-type]
    where.save(folder)
    write_whole(place.history, json.dumps(result.history))
    draw_run(result, vae, x, place.pictures)
    result.save()
    place.checkpoint.unlink(missing_ok=True)


@contextmanager
def _random(seed: int) -> Iterator[None]:
    """Torch's global generators, seeded inside and as they were outside."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's advice, which is about loaders, loggers and engines that are not in use
    here."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        try:
            yield
        finally:
            logger.setLevel(level)
