"""Attempts at runs: compose them, train them together, and turn what goes wrong into reasons."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from betafront.training import Attempt

log = logging.getLogger(__name__)
FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"

Compose = Callable[[list[str]], DictConfig]


@dataclass(frozen=True)
class Asked:
    """A run that is to be trained.

    Attributes:
        overrides: of the run.
        folder: for the run's files.
        seconds: that the training may take.
        now: kept up to date with how far the run is.
        dropped: whether another worker has the trial by now.
        pruner: judges the run at its rungs; None where it is trained to its end. It is stopped as
            where the study is asked to stop: with a checkpoint, at the end of an epoch.
    """

    overrides: list[str]
    folder: Path
    seconds: float | None
    now: Progress
    dropped: Callable[[], bool]
    pruner: Pruner | None = None


def attempt(compose: Compose, runs: Sequence[Asked]) -> list[Result | Outcome]:
    """Train runs, as one program where they can be stacked (`betafront.training.fit`).

    Args:
        compose: makes the configuration of a run.
        runs: to be trained.

    Returns:
        In the order of `runs`, the result of each, or the outcome of its trial where it has none.
    """
    # With Lightning, which a command that only launches workers does without.
    from betafront.training import fit

    made = [_made(compose, asked) for asked in runs]
    with ExitStack() as logs:
        # What is logged meanwhile is of all of them: those that are not made have their reason.
        ready = [(a, m) for a, m in zip(runs, made, strict=True) if not isinstance(m, Outcome)]
        for asked, _ in ready:
            logs.enter_context(logged_to(RunFolder(asked.folder).log))
        trained = iter(fit([one for _, one in ready]))
    return [
        one if isinstance(one, Outcome) else _outcome(asked, next(trained))
        for asked, one in zip(runs, made, strict=True)
    ]


def _made(compose: Compose, asked: Asked) -> "Attempt | Outcome":
    """An attempt at a run, or the outcome of its trial where the run cannot be made."""
    from betafront.training import Attempt

    now, pruner = asked.now, asked.pruner

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
        with logged_to(RunFolder(asked.folder).log):  # the traceback of an error, too
            try:
                config = compose(asked.overrides)
                save(config, asked.folder)
                run = build_to_train(config)
            except Exception as error:
                return _failed(Failure.of(error))
    except OSError as error:  # the folder or its log cannot be made
        return Outcome(halted=True, machine=error)
    return Attempt(run, asked.folder, report, halt, asked.seconds, dropped=asked.dropped)


def _outcome(asked: Asked, found: Result | Failure) -> Result | Outcome:
    """What came of a run that was trained, written into its own log where it has no result."""
    if isinstance(found, Result):
        return found
    steps = max(int(asked.now.get(STEP, 0)), found.step or 0)
    with logged_to(RunFolder(asked.folder).log):
        why = None if asked.pruner is None else asked.pruner.reason
        if found.kind == "halted" and why is not None:
            log.info("%s", why)
            return Outcome(reason=why, pruned=True, steps=steps)
        return replace(_failed(found), steps=steps)


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
