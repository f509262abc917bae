"""Lightning's trainer, set up for one run."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from betafront.errors import UserError, one_line
from betafront.training.recipe.trainer import Trainer
from betafront.training.run import Run

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from pytorch_lightning.loggers import Logger
    from pytorch_lightning.strategies import Strategy


def lightning_trainer(
    run: Run, *callbacks: "pl.Callback", taken: int = 0, loggers: "Sequence[Logger]" = ()
) -> "pl.Trainer":
    """Lightning's trainer for the rest of a run.

    Args:
        run: whose settings count.
        callbacks: of the trainer, after those of the run.
        taken: optimiser steps that were taken before, up to the end of a validated epoch.
        loggers: further ones, which are told each row of the history.

    Raises:
        UserError: Lightning refuses the settings, or the machine has no such device.
    """
    import pytorch_lightning as pl
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    settings = run.trainer
    try:
        with quiet():
            return pl.Trainer(
                accelerator=settings.accelerator,
                devices=settings.devices,
                strategy=_strategy(settings),
                use_distributed_sampler=False,
                precision=settings.precision,  # type: ignore[arg-type]
                max_steps=max(0, settings.steps - taken),
                max_epochs=-1,
                accumulate_grad_batches=settings.accumulate,
                callbacks=[*run.callbacks.values(), *callbacks],
                # A run has its own processes, also below an engine (Slurm, MPI) whose settings
                # Lightning would read, and whose signals it would answer.
                plugins=[LightningEnvironment()],
                logger=list(loggers) or False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
    except (MisconfigurationException, ValueError) as error:
        line = one_line(error)[:300]
        device, arithmetic = settings.accelerator, settings.precision
        given = f"trainer.accelerator={device}, trainer.precision={arithmetic}"
        if settings.devices > 1:
            given += f", trainer.devices={settings.devices}"
        if run.callbacks:
            given += f", callbacks=[{','.join(run.callbacks)}]"
        raise UserError(f"{given}: {line}") from error


def _strategy(settings: Trainer) -> "str | Strategy":
    """How the processes of a run share the work: all have the whole model."""
    if settings.devices == 1:
        return "auto"
    from pytorch_lightning.strategies import DDPStrategy

    # The buffers are the same everywhere, as the trace is, or of each process alone.
    unused = settings.strategy == "ddp_find_unused_parameters_true"
    return DDPStrategy(find_unused_parameters=unused, broadcast_buffers=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Without Lightning's advice, which is about loaders, loggers and engines that are not in use
    here."""
    found = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in found]
    for logger in found:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        try:
            yield
        finally:
            for logger, level in zip(found, levels, strict=True):
                logger.setLevel(level)
