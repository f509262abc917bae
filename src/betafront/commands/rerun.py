"""`betafront train --trial N`: a trial of a study again, and whether the numbers are the same."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.addresses import runs_folder
from betafront.api.watched import train_and_show
from betafront.config.build import check
from betafront.config.saved import build_saved, save, saved_config
from betafront.errors import UserError
from betafront.study.lookup import find_study
from betafront.study.trials.origin import WEIGHTS, existing, numbered, origin
from betafront.study.trials.replicates import Record, every_run
from betafront.study.trials.status import Status, status
from betafront.terminal import console

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.spec import Spec


def rerun(name: str | None, number: int, replicate: int = 0) -> None:
    """Train a run of trial `number` once more, beside the study, and compare what came of it.

    Args:
        name: of the study; None for the newest.
        number: of the trial.
        replicate: which of its runs.

    Raises:
        UserError: there is no such finished run, its configuration is gone, or the numbers differ
            from those of the study.
    """
    study, spec = find_study(name)
    run = _run(study, spec, number, replicate)
    stored = run.metrics
    kept = Path(spec.folder) / run.folder
    config = saved_config(kept)
    made = build_saved(config, kept)
    if made.callbacks:  # of which some ask for a logger, and those of a run are not kept
        from betafront.training.lightning.loggers import SILENT

        made = replace(made, loggers={"silent": SILENT})
    check(made)
    folder = runs_folder() / "train" / time.strftime("%Y-%m-%d_%H-%M-%S")
    save(config, folder)
    result = train_and_show(made, folder)
    other = [name for name in stored if result.metrics.get(name) != stored[name]]
    if other:
        name, source = other[0], origin(existing(study.get_trials(deepcopy=False), number)).source
        why = "another machine, device, version of torch or number of threads?"
        if source is not None and source.takes == WEIGHTS:
            why = f"it went on from step {source.steps} of {source}, and here from its start"
        raise UserError(
            f"{len(other)} of {len(stored)} numbers differ from those of trial {number}, as "
            f"{name}: {stored[name]!r} then, {result.metrics.get(name)!r} now ({why})"
        )
    console().print(
        f"All {len(stored)} numbers are those of trial {number} of {spec.name}, bit for bit."
    )


def _run(study: "Study", spec: "Spec", number: int, replicate: int) -> Record:
    trials = study.get_trials(deepcopy=False)
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
