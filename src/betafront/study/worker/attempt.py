"""One attempt at a run: compose it, train it, and turn what goes wrong into a reason."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from betafront.config.build import build, save
from betafront.config.compose import Composer
from betafront.errors import one_line
from betafront.study.signals import HALT
from betafront.study.trials.lease import Progress
from betafront.study.trials.replicates import Record
from betafront.training import Diverged, Halted, Result, TimedOut, fit, out_of_memory
from betafront.training.folder import RunFolder

log = logging.getLogger(__name__)
FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"
MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # not the trial's fault: so would the next be


@dataclass(frozen=True)
class Outcome:
    """What came of a run or of a trial: something, or the reason why there is nothing.

    Attributes:
        result: of a run.
        record: of a trial.
        reason: why there is neither; it counts as failed.
        halted: it was stopped with a checkpoint, for another worker to go on.
        machine: what ails the machine, so that this worker had better end.
    """

    result: Result | None = None
    record: Record | None = None
    reason: str | None = None
    halted: bool = False
    machine: OSError | None = None


def attempt(
    compose: Composer, overrides: list[str], folder: Path, seconds: float | None, now: Progress
) -> Outcome:
    """Train the run that `overrides` describe.

    Args:
        compose: makes its configuration.
        overrides: of this run.
        folder: for its files.
        seconds: that its training may take.
        now: kept up to date with how far it is.
    """
    try:
        with logged_to(RunFolder(folder).log):
            return _guarded(compose, overrides, folder, seconds, now)
    except OSError as error:  # the folder or its log cannot be made
        return Outcome(halted=True, machine=error)


def _guarded(
    compose: Composer, overrides: list[str], folder: Path, seconds: float | None, now: Progress
) -> Outcome:
    """The run's result, or why there is none (the traceback is in its log)."""

    def report(row: dict[str, float]) -> None:
        now.update(
            step=row["step"], distortion=row["val/distortion"], rate=row["val/rate"],
            steps=run.trainer.steps,
        )  # fmt: skip

    try:
        config = compose(overrides)
        save(config, folder)
        run = build(config)
        return Outcome(result=fit(run, folder, report, halt=HALT.is_set, seconds=seconds))
    except Diverged as error:
        log.warning("diverged at step %d", error.step)
        return Outcome(reason=f"diverged: {error}")
    except TimedOut as error:
        log.warning("timed out at step %d", error.step)
        return Outcome(reason=f"timed out: {error}")
    except Halted as error:
        log.warning("%s", error)
        return Outcome(halted=True)
    except Exception as error:
        log.exception("the trial failed")
        if isinstance(error, OSError) and error.errno in MACHINE:
            return Outcome(halted=True, machine=error)
        kind = "out of memory" if out_of_memory(error) else "failed"
        return Outcome(reason=f"{kind}: {type(error).__name__}: {one_line(error)}"[:500])


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Writes what is logged meanwhile to a file as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
