"""`betafront train --trial N`: a trial of a study again, and whether the numbers are the same; one
that was pruned goes on to its end, and one that failed is tried again."""

import math
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.addresses import runs_folder
from betafront.api.watched import train_and_show
from betafront.config.build import check
from betafront.config.saved import build_saved, save, saved_config
from betafront.errors import UserError
from betafront.study.lookup import find_study
from betafront.study.trials.origin import WEIGHTS, existing, numbered, origin
from betafront.study.trials.replicates import Record, every_run, run_folder, runs_begun
from betafront.study.trials.status import Status, reason, status
from betafront.study.worker.earlier_attempts import begin_with
from betafront.terminal import console
from betafront.training.folder import RunFolder
from betafront.training.result import STACKED, Result

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from betafront.study.spec import Spec

ROUND_OFF = 0.01  # of a number: what the order of sums changes grows with the steps


def rerun(name: str | None, number: int, replicate: int = 0) -> None:
    """Train a run of trial `number` once more, beside the study, and compare what came of it. One
    that was pruned goes on from the step at which it was stopped; one that failed is trained from
    its start, to see whether it fails again.

    Args:
        name: of the study; None for the newest.
        number: of the trial.
        replicate: which of its runs.

    Raises:
        UserError: there is no such run, its configuration is gone, it fails, or the numbers differ
            from those of the study.
    """
    study, spec = find_study(name)
    trials = study.get_trials(deepcopy=False)
    trial = numbered(trials, number)
    if trial is not None and status(trial) is Status.PRUNED:
        _go_on(spec, trial)
        return
    if trial is not None and status(trial).failed:
        _try_again(spec, trial, replicate)
        return
    run = _run(trials, spec, number, replicate)
    stored, kept = run.metrics, Path(spec.folder) / run.folder
    left = Result.load(kept).settings if RunFolder(kept).has_result else {}
    stacked = int(left.get(STACKED, 1))
    result = _trained(kept)
    other = [name for name in stored if result.metrics.get(name) != stored[name]]
    most = max((_apart(result.metrics.get(name), stored[name]) for name in other), default=0.0)
    if other and stacked > 1 and most <= ROUND_OFF:
        console().print(
            f"The numbers are those of trial {number} of {spec.name} but for {most:.1g} of their "
            f"size: it was trained in a stack of {stacked} runs, and here alone.",
            markup=False,
            soft_wrap=True,
        )
        return
    if other:
        name, source = other[0], origin(existing(trials, number)).source
        why = "another machine, device, version of torch or number of threads?"
        if stacked > 1:
            why = f"it was trained in a stack of {stacked} runs, and here alone"
        if source is not None and source.takes == WEIGHTS:
            why = f"it went on from step {source.steps} of {source}, and here from its start"
        raise UserError(
            f"{len(other)} of {len(stored)} numbers differ from those of trial {number}, as "
            f"{name}: {stored[name]!r} then, {result.metrics.get(name)!r} now ({why})"
        )
    console().print(
        f"All {len(stored)} numbers are those of trial {number} of {spec.name}, bit for bit."
    )


def _apart(one: float | None, other: float) -> float:
    """How far two numbers are apart, as a part of their size, or of 1 where that is more."""
    return math.inf if one is None else abs(one - other) / max(abs(other), 1.0)


def _go_on(spec: "Spec", trial: "FrozenTrial") -> None:
    """Train a pruned trial, which has one run, to its end, from its checkpoint, in a folder of its
    own: in the study it stays what it is, of which the others were told."""
    kept = RunFolder(Path(spec.folder) / run_folder(trial.number, 0))
    result = _trained(kept.path, kept.checkpoint if kept.has_checkpoint else None)
    where = " from its checkpoint" if kept.has_checkpoint else ""
    console().print(
        f"Trial {trial.number} of {spec.name}, which was pruned, has gone on{where} to its end in "
        f"{result.folder}; in the study it stays pruned.",
        markup=False,
        soft_wrap=True,
    )


def _try_again(spec: "Spec", trial: "FrozenTrial", replicate: int) -> None:
    """Train the run at which a trial failed, the last that it began or the replicate that is asked
    for, from its start, in a folder of its own."""
    folder = Path(spec.folder)
    runs = runs_begun(folder, trial.number)
    if replicate:
        runs = [RunFolder(folder / run_folder(trial.number, replicate))]
    begun = [run for run in runs if run.config.is_file()]
    if not begun:
        raise UserError(
            f"trial {trial.number} of {spec.name} has no such run to repeat: it ended before that "
            f"began ({reason(trial)})"
        )
    result = _trained(begun[-1].path)
    console().print(
        f"Trial {trial.number} of {spec.name}, which failed then ({reason(trial)}), has come to "
        f"its end now, in {result.folder}; in the study it stays failed.",
        markup=False,
        soft_wrap=True,
    )


def _trained(kept: Path, checkpoint: Path | None = None) -> Result:
    """Train the run whose configuration is kept in a folder, in a new one.

    Args:
        kept: the folder.
        checkpoint: from which it goes on; None from its start.
    """
    config = saved_config(kept)
    made = build_saved(config, kept)
    if made.callbacks:  # of which some ask for a logger, and those of a run are not kept
        from betafront.training.lightning.loggers import SILENT

        made = replace(made, loggers={"silent": SILENT})
    check(made)
    folder = runs_folder() / "train" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
    save(config, folder)
    if checkpoint is not None:
        begin_with(checkpoint, RunFolder(folder))
    return train_and_show(made, folder)


def _run(trials: "list[FrozenTrial]", spec: "Spec", number: int, replicate: int) -> Record:
    trial = numbered(trials, number)
    if trial is None:
        last = trials[-1].number if trials else -1
        why = "it was deleted" if 0 <= number <= last else f"they go from 0 to {last}"
        raise UserError(f"{spec.name} has no trial {number}: {why}")
    now = status(trial, time.time())
    if now is Status.FOREIGN:
        raise UserError(
            f"trial {number} of {spec.name} is another program's, and has no run to repeat"
        )
    if now is not Status.COMPLETE:
        what = now.word or "no trial of its own"
        raise UserError(f"trial {number} of {spec.name} is not complete, but {what}")
    runs = every_run(trial, trials)
    if not 0 <= replicate < len(runs):
        raise UserError(
            f"trial {number} of {spec.name} has no replicate {replicate}: they go from 0 to "
            f"{len(runs) - 1}"
        )
    return runs[replicate]
