"""A run that confirms a decision: its configuration, and the shorter run that it goes on from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.config.build import build, with_steps
from betafront.config.compose import Composer
from betafront.study.trials.origin import Confirms, origin
from betafront.study.trials.replicates import Record, record_of
from betafront.study.trials.status import Status, status
from betafront.training.folder import RunFolder
from betafront.training.history import TRAIN_BETA, read_history

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


OF_PROGRESS = {"warmup": -1, "centre": -1, "steepness": 1}
"""The settings of a schedule that go by the part of the run that is done, and the power of the
number of times the steps with which its curve over the steps stays the same."""


def confirming_overrides(compose: Composer, overrides: Sequence[str], run: Confirms) -> list[str]:
    """The overrides of a run that confirms a decision: those of the trial that was picked, with its
    weight and its optimiser steps multiplied. In every convention β is proportional to the weight.
    A warm-up takes the steps that it took: stretched to half of four times the steps, it would end
    where a model overfits already.

    Args:
        compose: makes the configurations of the study's trials.
        overrides: of the trial that was picked.
        run: what differs from it.
    """
    composed = compose(overrides)
    config = with_steps(composed)
    weight = float(config.objective.weight) * run.factor
    steps = int(config.trainer.steps) * int(run.times)  # a storage may say anything
    ramp = [
        f"schedule.{key}={float(config.schedule[key]) * run.times**power!r}"
        for key, power in OF_PROGRESS.items()
        if key in config.schedule and run.times > 1
    ]
    length = [f"trainer.steps={steps}"]
    if composed.trainer.get("epochs") is not None:
        length.append("trainer.epochs=null")
    return [*overrides, f"objective.weight={weight!r}", *length, *ramp]


def shorter_run(run: Confirms, trials: "Sequence[FrozenTrial]", study: Path) -> RunFolder | None:
    """The longest finished run that differs from `run` by fewer optimiser steps alone, where a
    longer one may go on from its last state as far as its β says, which was the same from the first
    row of its history to the last (`betafront.training.longer.reason_against`, `settled`).

    Args:
        run: to be trained.
        trials: all of the study.
        study: the folder of the study.
    """
    found: dict[int, Record] = {}
    for trial in trials:
        other = origin(trial).confirms
        shorter = other is not None and other[:3] == run[:3] and other.times < run.times
        if other and shorter and status(trial) is Status.CONFIRMS:
            found[other.times] = record_of(trial)
    for times in sorted(found, reverse=True):
        left = RunFolder(study / found[times].folder)
        betas = {row[TRAIN_BETA] for row in read_history(left.path)}
        if len(betas) == 1 and left.last.is_file():
            return left
    return None


def may_go_on(compose: Composer, overrides: Sequence[str]) -> bool:
    """Whether a run may go on from one that `shorter_run` has found. One that cannot be made may
    not: its attempt says why.

    Args:
        compose: makes the configurations of the study's trials.
        overrides: of the run.
    """
    from betafront.training.longer import reason_against

    try:
        return not reason_against(build(compose(overrides)), settled=True)
    except Exception:
        return False
