"""One attempt at a run: compose it, train it, and turn what goes wrong into a reason."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from betafront.config.build import build, save
from betafront.errors import one_line
from betafront.study.search.composer import Composer
from betafront.study.signals import HALT
from betafront.study.trials.lease import Progress
from betafront.study.trials.ledger import Outcome
from betafront.training import Diverged, Halted, Result, TimedOut, fit, out_of_memory
from betafront.training.folder import RunFolder

log = logging.getLogger(__name__)
FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"
OF_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # every other trial would fail here as well
LONGEST_REASON = 500  # characters


def attempt(
    compose: Composer, overrides: list[str], folder: Path, seconds: float | None, now: Progress
) -> Result | Outcome:
    """Train the run that `overrides` describe.

    Args:
        compose: makes the run's configuration.
        overrides: of the run.
        folder: for the run's files.
        seconds: that the training may take.
        now: kept up to date with how far the run is.

    Returns:
        the run's result, or the outcome of its trial where the run has none.
    """
    try:
        with logged_to(RunFolder(folder).log):
            return _train(compose, overrides, folder, seconds, now)
    except OSError as error:  # the folder or its log cannot be made
        return Outcome(halted=True, machine=error)


def _train(
    compose: Composer, overrides: list[str], folder: Path, seconds: float | None, now: Progress
) -> Result | Outcome:
    """As `attempt`; the traceback of an error is in the run's log."""

    def report(row: dict[str, float]) -> None:
        now.update(
            step=row["step"], distortion=row["val/distortion"], rate=row["val/rate"],
            steps=run.trainer.steps,
        )  # fmt: skip

    try:
        config = compose(overrides)
        save(config, folder)
        run = build(config)
        return fit(run, folder, report, halt=HALT.is_set, seconds=seconds)
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
        if isinstance(error, OSError) and error.errno in OF_MACHINE:
            return Outcome(halted=True, machine=error)
        kind = "out of memory" if out_of_memory(error) else "failed"
        reason = f"{kind}: {type(error).__name__}: {one_line(error)}"
        return Outcome(reason=reason[:LONGEST_REASON])


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Writes what is logged while the block runs to a file, too."""
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
