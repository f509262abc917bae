"""What earlier attempts at a trial, or another study, have left: nothing is trained twice."""

import itertools
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.errors import UserError
from betafront.files import link_or_copy, written_whole
from betafront.study.trials.origin import RESULTS, WEIGHTS, numbered, origin
from betafront.study.trials.replicates import Record, every_run, run_folder
from betafront.training.folder import RunFolder
from betafront.training.result import Result

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)
LARGE = (".safetensors", ".ckpt", ".npz")


def runs_to_add_to(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> list[Record]:
    """The runs of the complete trial to which `trial` adds replicates; none where it adds to none.

    Args:
        trial: that begins.
        trials: all of the study.
    """
    number = origin(trial).adds_to
    finished = None if number is None else numbered(trials, number)
    return [] if finished is None else list(every_run(finished, trials))


def set_aside(folder: Path) -> None:
    """Move away what lies where a new trial is to write: the files of a trial of the same number
    that was deleted from the storage. A run would go on from its checkpoint."""
    if not folder.exists():
        return
    place = next(
        place for n in itertools.count(1)
        if not (place := folder.with_name(f"deleted-{folder.name}-{n}")).exists()
    )  # fmt: skip
    folder.rename(place)
    log.warning("the files of a trial that was deleted from the storage are now %s", place)


def take_over(
    folder: Path, trial: "FrozenTrial", trials: "Sequence[FrozenTrial]", replicate: int
) -> Result | None:
    """Take over what the last of the earlier attempts at a run has left, or else the run of another
    study for which the trial stands: a result, or a checkpoint to go on from.

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
        if result := result_of(left):  # its worker was lost before it could tell
            log.info("trial %d has the result of trial %d", trial.number, before)
            return result
        if left.has_checkpoint:
            own = RunFolder(folder / run_folder(trial.number, replicate))
            begin_with(left.checkpoint, own)
            log.info("trial %d goes on from the checkpoint of trial %d", trial.number, before)
            return None
        earlier = numbered(trials, before)
        before = None if earlier is None else origin(earlier).before
    return _of_other_study(folder, trial, replicate)


def _of_other_study(folder: Path, trial: "FrozenTrial", replicate: int) -> Result | None:
    """Take over the run of another study for which a trial stands, as far as its files are there;
    what is not there is trained, with the same seed.

    Args:
        folder: of the study, beside that of the other one.
        trial: the attempt that begins.
        replicate: which run of the trial.

    Returns:
        the result, where the run is complete as it is.
    """
    source = origin(trial).source
    if source is None or replicate >= len(source.runs):
        return None
    left = RunFolder(folder.parent / source.study / source.runs[replicate])
    own = RunFolder(folder / run_folder(trial.number, replicate))
    if source.takes == RESULTS and result_of(left):
        take_files(left, own)
        log.info("trial %d is %s", trial.number, source)
        return Result.load(own.path)
    if source.takes == WEIGHTS and left.last.is_file():
        begin_with(left.last, own)
        log.info("trial %d goes on from step %d of %s", trial.number, source.steps, source)
    elif source.takes in (RESULTS, WEIGHTS):
        log.warning("%s has lost its files: it is trained from the start", source)
    return None


def result_of(run: RunFolder) -> Result | None:
    """The result of a run; None where it has none, or none that can be read: then it is trained."""
    if not run.has_result:
        return None
    try:
        return Result.load(run.path)
    except UserError as error:
        log.warning("%s", error)
        return None


def take_files(left: RunFolder, own: RunFolder) -> None:
    """Have the files of a finished run in another folder too: the large ones, which are always
    written whole, as second names of the same bytes where the disk has such names.

    The result comes last: the run has finished where it is.
    """
    others = ("replicate-*", left.result.name, left.checkpoint.name, "*.part")
    ignored = shutil.ignore_patterns(*others)
    shutil.copytree(left.path, own.path, ignore=ignored, copy_function=_taken, dirs_exist_ok=True)
    with written_whole(own.result) as part:
        shutil.copyfile(left.result, part)


def _taken(source: str, target: str) -> None:
    copy = link_or_copy if Path(source).suffix in LARGE else shutil.copyfile
    copy(source, target)


def begin_with(checkpoint: Path, run: RunFolder) -> None:
    """Have a run go on from a checkpoint, of which it gets a copy."""
    run.path.mkdir(parents=True, exist_ok=True)
    with written_whole(run.checkpoint) as part:
        shutil.copyfile(checkpoint, part)
