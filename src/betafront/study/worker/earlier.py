"""What earlier attempts at a trial have left, so that nothing is trained twice."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.files import written_whole
from betafront.study.trials.ledger import RECORD, origin
from betafront.study.trials.replicates import Record, run_folder, runs_of
from betafront.training.folder import RunFolder
from betafront.training.result import Result

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


def runs_before(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> list[Record]:
    """The runs that a trial which only adds replicates need not repeat."""
    tops = origin(trial).tops
    if tops is None:
        return []
    known = [t for t in trials if t.state.name == "COMPLETE"]
    found = [t for t in known if t.number == tops or origin(t).tops == tops]
    return max((runs_of(t.user_attrs[RECORD]) for t in found), key=len)


def take_over(
    folder: Path, trial: "FrozenTrial", trials: "Sequence[FrozenTrial]", number: int
) -> Result | None:
    """What an earlier attempt at a run has left: its result, or a checkpoint to go on from.

    The checkpoint is copied to a folder of its own: the worker that was lost may only have slept,
    and go on writing in its own.

    Args:
        folder: of the study.
        trial: the attempt that begins.
        trials: of the study.
        number: of the replicate.
    """
    before = origin(trial).before
    while before is not None:
        left = RunFolder(folder / run_folder(before, number))
        if left.has_result:  # it was lost before it could tell
            log.info("trial %d has the result of trial %d", trial.number, before)
            return Result.load(left.path)
        if left.has_checkpoint:
            own = RunFolder(folder / run_folder(trial.number, number))
            own.path.mkdir(parents=True, exist_ok=True)
            with written_whole(own.checkpoint) as part:
                shutil.copyfile(left.checkpoint, part)
            log.info("trial %d goes on from the checkpoint of trial %d", trial.number, before)
            return None
        before = origin(trials[before]).before
    return None
