"""Further loggers of Lightning's, beside the record of a run."""

import inspect
from collections.abc import Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.loggers.logger import DummyLogger

from betafront.errors import UserError, one_line
from betafront.training.history import STEP, Row

SILENT = partial(DummyLogger)
"""Makes a logger that keeps nothing, for callbacks that end a run without any."""


def loggers(makers: Mapping[str, Any], folder: Path) -> list[Logger]:
    """The loggers of a run.

    Args:
        makers: by name: loggers that are made, or partials of them, which are given the run's
            folder as `save_dir`.
        folder: of the run.

    Raises:
        UserError: one cannot be made, as where its package is not installed, or is no logger.
    """
    return [_made(name, make, folder) for name, make in makers.items()]


def check_loggers(makers: Mapping[str, Any]) -> None:
    """Make every logger once, without a trace.

    Raises:
        UserError: as `loggers`.
    """
    with TemporaryDirectory(prefix="betafront-") as folder:
        loggers(makers, Path(folder))


def finish(told: Iterable[Logger]) -> None:
    """End what the loggers of another run in this process would otherwise go on with: the run of
    Weights & Biases, of which a process has one."""
    if any(isinstance(logger, WandbLogger) for logger in told):
        import_module("wandb").finish()


def tell(told: Iterable[Logger], row: Row) -> None:
    """Tell loggers a row of the history."""
    values = {name: value for name, value in row.items() if name != STEP}
    for logger in told:
        logger.log_metrics(values, step=int(row[STEP]))


def _made(name: str, make: Any, folder: Path) -> Logger:
    try:
        logger = make(**_place(make, folder)) if isinstance(make, partial) else make
    except ModuleNotFoundError as error:
        raise UserError(
            f"loggers.{name} needs a package that is not installed ({one_line(error)[:200]}): "
            "install it, or leave the logger out"
        ) from error
    except Exception as error:  # a logger's own
        raise UserError(
            f"loggers.{name} cannot be made: {type(error).__name__}: {one_line(error)[:200]}"
        ) from error
    if not isinstance(logger, Logger):
        raise UserError(
            f"loggers.{name}: what it names has made a {type(logger).__name__}, and no logger of "
            "pytorch_lightning.loggers"
        )
    return logger


def _place(make: "partial[Any]", folder: Path) -> dict[str, Any]:
    """Where it writes, as far as it asks for that and was not told."""
    asks = "save_dir" in inspect.signature(make.func).parameters
    return {"save_dir": str(folder)} if asks and "save_dir" not in make.keywords else {}
