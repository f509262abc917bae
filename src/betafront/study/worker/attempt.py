"""One attempt at a run: compose it, train it, and turn what goes wrong into a reason."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig

from betafront.config.begun import build_to_train
from betafront.config.saved import save
from betafront.errors import machine_fault
from betafront.study.signals import HALT
from betafront.study.trials.ending import Outcome
from betafront.study.trials.lease import Progress
from betafront.study.worker.pruner import Pruner
from betafront.training.failure import Failure
from betafront.training.folder import RunFolder
from betafront.training.history import STEP, VAL_DISTORTION, VAL_RATE, Row
from betafront.training.result import Result

log = logging.getLogger(__name__)
FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"


def attempt(
    compose: Callable[[list[str]], DictConfig],
    overrides: list[str],
    folder: Path,
    seconds: float | None,
    now: Progress,
    dropped: Callable[[], bool],
    pruner: Pruner | None = None,
) -> Result | Outcome:
    """Train the run that `overrides` describe.

    Args:
        compose: makes the run's configuration.
        overrides: of the run.
        folder: for the run's files.
        seconds: that the training may take.
        now: kept up to date with how far the run is.
        dropped: whether another worker has the trial by now.
        pruner: judges the run at its rungs; None where it is trained to its end. It is stopped as
            where the study is asked to stop: with a checkpoint, at the end of an epoch.

    Returns:
        the run's result, or the outcome of its trial where the run has none.
    """
    # With Lightning, which a command that only launches workers does without.
    from betafront.training import Attempt, fit

    def report(row: Row) -> None:
        now.update(
            step=row[STEP], distortion=row[VAL_DISTORTION], rate=row[VAL_RATE],
            steps=run.trainer.steps,
        )  # fmt: skip
        if pruner is not None:
            pruner.look(row, run)

    def halt() -> bool:
        return HALT.is_set() or (pruner is not None and pruner.stops())

    try:
        with logged_to(RunFolder(folder).log):  # the traceback of an error, too
            try:
                config = compose(overrides)
                save(config, folder)
                run = build_to_train(config)
            except Exception as error:
                return _failed(Failure.of(error))
            made = Attempt(run, folder, report, halt, seconds, dropped=dropped)
            (outcome,) = fit([made])
            if isinstance(outcome, Result):
                return outcome
            why = None if pruner is None else pruner.reason
            if outcome.kind == "halted" and why is not None:
                log.info("%s", why)
                return Outcome(reason=why, pruned=True)
            return _failed(outcome)
    except OSError as error:  # the folder or its log cannot be made
        return Outcome(halted=True, machine=error)


def _failed(failure: Failure) -> Outcome:
    """What a failure means for the trial."""
    match failure:
        case Failure(kind="halted" | "dropped"):
            log.warning("%s", failure.reason)
            return Outcome(halted=True)
        case Failure(kind="diverged" | "timed out"):
            log.warning("%s at step %d", failure.kind, failure.step)
        case _:
            log.error("the trial failed", exc_info=failure.error)
            if (fault := machine_fault(failure.error)) is not None:
                return Outcome(halted=True, machine=fault)
    return Outcome(reason=failure.reason)


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Writes what is logged while the block runs to a file, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
