"""What earlier attempts at a trial have left, so that nothing is trained twice."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.files import written_whole
from betafront.study.trials.origin import origin
from betafront.study.trials.replicates import Record, every_run, run_folder
from betafront.training.folder import RunFolder
from betafront.training.result import Result

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


def runs_to_add_to(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> list[Record]:
    """The runs of the complete trial to which `trial` adds replicates; none where it adds to none.

    Args:
        trial: that begins.
        trials: all of the study.
    """
    number = origin(trial).adds_to
    return [] if number is None else list(every_run(trials[number], trials))


def take_over(
    folder: Path, trial: "FrozenTrial", trials: "Sequence[FrozenTrial]", replicate: int
) -> Result | None:
    """Take over what the last of the earlier attempts at a run has left: its result, or a
    checkpoint to go on from.

    The checkpoint is copied to the folder of the new attempt: the earlier worker may have been
    suspended only, and write on in its own folder.

    Args:
        folder: of the study.
        trial: the attempt that begins.
        trials: all of the study.
        replicate: which run of the trial.

    Returns:
        the result, where there is one.
    """
    before = origin(trial).before
    while before is not None:
        left = RunFolder(folder / run_folder(before, replicate))
        if left.has_result:  # its worker was lost before it could tell
            log.info("trial %d has the result of trial %d", trial.number, before)
            return Result.load(left.path)
        if left.has_checkpoint:
            own = RunFolder(folder / run_folder(trial.number, replicate))
            own.path.mkdir(parents=True, exist_ok=True)
            with written_whole(own.checkpoint) as part:
                shutil.copyfile(left.checkpoint, part)
            log.info("trial %d goes on from the checkpoint of trial %d", trial.number, before)
            return None
        before = origin(trials[before]).before
    return None
