"""One run: from its parts to a Result, bit for bit the same on the CPU for the same seed."""

import json
import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from betafront.data import Batches, Images, Known
from betafront.errors import UserError, one_line
from betafront.files import write_whole, written_whole
from betafront.metrics import Evaluation, by_split
from betafront.metrics.registry import Tell, no_one, values_of
from betafront.models import VAE, Architecture
from betafront.objective import Likelihood, Objective
from betafront.training.checkpoint import Checkpoint, Halt
from betafront.training.deadline import Deadline
from betafront.training.folder import RunFolder
from betafront.training.module import MakeOptimizer, Report, Trace, TrainingModule
from betafront.training.on_the_scale import standing, trace_of
from betafront.training.pictures.latent_map import LatentMap, latent_map
from betafront.training.result import Diverged, Result, finite

if TYPE_CHECKING:
    import pytorch_lightning as pl

LOGGED_EPOCHS = 20
SPLITS = ("val", "test")  # that a trained model is evaluated on


@dataclass(frozen=True)
class Trainer:
    """How long and on what a run trains.

    Args:
        steps: optimiser steps.
        batch_size: examples per step.
        accelerator: Lightning's word for the device: `auto`, `cpu`, `gpu`, …
        precision: Lightning's word for the arithmetic: `32-true`, `bf16-mixed`, …
        threads: torch's threads on the CPU; results are the same bits only for the same number.
        checkpoint_seconds: the least time between two checkpoints, from which a run that is stopped
            goes on; they are written at the ends of epochs that are validated.
    """

    steps: int = 1000
    batch_size: int = 64
    accelerator: str = "auto"
    precision: str = "32-true"
    threads: int = 1
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        for key in ("steps", "batch_size", "threads"):
            value = getattr(self, key)
            if not isinstance(value, int) or value < 1:
                raise UserError(f"trainer.{key} must be a whole number of at least 1, not {value}")
        if not self.checkpoint_seconds >= 0:
            raise UserError(
                f"trainer.checkpoint_seconds must not be negative: {self.checkpoint_seconds}"
            )


@dataclass(frozen=True)
class Run:
    """The parts of one run, each a choice of the user's.

    Attributes:
        images: the data.
        architecture: makes the VAE for the images' shape and the likelihood.
        likelihood: makes a fresh p(x|z).
        make_objective: makes the loss for `pixels`, `latents` and `examples`.
        make_optimizer: turns parameters into an optimiser.
        trainer: how long and on what.
        evaluate: `betafront.metrics.evaluate` with its settings.
        seed: of everything random in the run.
    """

    images: Images
    architecture: Architecture
    likelihood: Callable[[], Likelihood]
    make_objective: Callable[..., Objective]
    make_optimizer: MakeOptimizer
    trainer: Trainer
    evaluate: Callable[..., Evaluation]
    seed: int

    def vae(self) -> VAE:
        """A fresh model; its initial weights come from torch's global generator."""
        vae = self.architecture(self.images.shape, self.likelihood())
        vae.log_volume = self.images.log_volume
        return vae

    def known(self, split: str) -> Known | None:
        """The factors behind the images of a split, if any are known."""
        return self.images.factors.of(split) if self.images.factors else None

    def first_look(self, tell: Tell = no_one) -> set[str]:
        """The names of the values that a run will have, from two images and an untrained model.

        Args:
            tell: called with what is to be measured next, as long metrics take as long here.

        Raises:
            UserError: a metric cannot be had of this data.
        """
        vae, x = self.vae(), self.images.val[:2]
        further = self._further()
        none = {"further": None} if further else {}
        names = set(self.evaluate(vae, x, seed=self.seed, **none).values)
        for split in SPLITS:
            names |= values_of(further, vae, x, self.known(split), partial(_say, tell, split))
        return names

    def evaluations(self, vae: VAE, images: Images, tell: Tell = no_one) -> dict[str, Evaluation]:
        """What a trained model is worth on the validation and on the test split.

        Args:
            vae: the model.
            images: those of the run, on its device.
            tell: called with the split and the name of each further metric as it begins.
        """
        found = {}
        for split in SPLITS:
            # One of the user's own, which knows no further metrics, has nothing to tell.
            more = {"tell": partial(_say, tell, split)} if self._further() else {}
            x, known = getattr(images, split), self.known(split)
            found[split] = self.evaluate(vae, x, known=known, seed=self.seed, **more)
        return found

    def _further(self) -> dict[str, Any]:
        return getattr(self.evaluate, "keywords", {}).get("further") or {}

    def objective(self, latents: int) -> Objective:
        """The loss for a model with this many latents."""
        return self.make_objective(
            pixels=self.images.pixels, latents=latents, examples=len(self.images.train)
        )


def fit(
    run: Run,
    folder: Path,
    report: Report = lambda row: None,
    halt: Halt | None = None,
    seconds: float | None = None,
    tell: Tell = no_one,
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
            "name": run.images.name,
            "digest": run.images.digest,
            "shape": list(run.images.shape),
            **{split: len(getattr(run.images, split)) for split in ("train", *SPLITS)},
        },
        seed=run.seed,
        seconds=time.monotonic() - started,
        folder=str(folder),
        costs=costs,
    )
    active = int(metrics["val/active_units"])
    where = latent_map(evaluations["val"].codes, result.spectrum, active, run.images.factors)
    _write(result, vae, trace, where, images.val, folder)
    return result


def _say(tell: Tell, split: str, name: str) -> None:
    tell(f"{split}/{name}")


def _train(
    run: Run, report: Report, checkpoint: Checkpoint, limits: list[Deadline]
) -> tuple[VAE, TrainingModule, Images]:
    vae = run.vae()
    objective = run.objective(vae.latents)
    module = TrainingModule(vae, objective, run.make_optimizer, run.trainer.steps, run.seed, report)
    trainer = lightning_trainer(run, checkpoint, *limits)
    images = run.images.to(trainer.strategy.root_device)
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
    epoch = len(Batches(run.images.train, settings.batch_size, torch.Generator()))
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
    result: Result, vae: VAE, trace: Trace, where: LatentMap, x: Tensor, folder: Path
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
