"""An attempt at a run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from betafront.metrics.registry import Announce, silent
from betafront.training.history import Row
from betafront.training.lightning.checkpoint import Halt
from betafront.training.lightning.trained import ignore
from betafront.training.run import Run


@dataclass(frozen=True)
class Attempt:
    """An attempt at a run, which may end before the run does.

    Attributes:
        run: its parts.
        folder: for its files. Where it holds the checkpoint of a run that was stopped, the attempt
            goes on from there, and ends with the bits that the run would have had.
        report: called with each row of the history as it is made.
        halt: asked at the end of every validated epoch but the last, whether to stop with a
            checkpoint.
        seconds: the most that training may take in this attempt, by the wall clock.
        announce: called with the split and the name of each further metric as it begins.
        dropped: asked after every step, and before each further metric, whether nobody waits for
            the run any more: it ends there, without a checkpoint.
    """

    run: Run
    folder: Path
    report: Callable[[Row], None] = ignore
    halt: Halt | None = None
    seconds: float | None = None
    announce: Announce = silent
    dropped: Callable[[], bool] | None = None
