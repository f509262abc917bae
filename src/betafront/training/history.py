"""The history of a run: one row per validated epoch, and the names of its values.

Validation in between draws z once per example. The values of a finished run (`val/distortion`, …)
are means over several draws, so the history has a group of its own for what it validates.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from betafront.damage import read_json
from betafront.errors import one_line
from betafront.training.folder import RunFolder

log = logging.getLogger(__name__)

Row = dict[str, float]

STEP = "step"
TRAIN_DISTORTION, TRAIN_RATE, TRAIN_LOSS = "train/distortion", "train/rate", "train/loss"
TRAIN_BETA = "train/beta"
VAL_DISTORTION, VAL_RATE = "val_one_draw/distortion", "val_one_draw/rate"
VAL_NEGATIVE_ELBO = "val_one_draw/negative_elbo"
VAL_ACTIVE_UNITS = "val_one_draw/active_units"  # as `betafront.metrics.evaluate` counts them
VAL_BOUND = "val_draws/bound"  # of a run that is trained with several draws of each example
VAL_RANGE = "val_range/loss"  # of a family: the mean of D + βR over the range, as it is trained

FORMER_NAMES = {  # in run folders of betafront before 2
    "val/distortion": VAL_DISTORTION,
    "val/rate": VAL_RATE,
    "val/negative_elbo": VAL_NEGATIVE_ELBO,
}


def history_row(
    step: int,
    train: Mapping[str, float],
    beta: float,
    distortion: float,
    rate: float,
    active_units: int,
    further: Mapping[str, float],
) -> Row:
    """One row of the history; all but the step, β and the active units in nats per example.

    Args:
        step: optimiser steps taken.
        train: means of `distortion`, `rate` and `loss` over the steps since the row before.
        beta: the canonical β in force at the last step.
        distortion: of the validation split, with one draw of z per example.
        rate: of the validation split.
        active_units: of the validation split.
        further: what the run is judged by on the validation split, where that is not D + βR.
    """
    return {
        STEP: step,
        TRAIN_DISTORTION: train["distortion"],
        TRAIN_RATE: train["rate"],
        TRAIN_LOSS: train["loss"],
        VAL_DISTORTION: distortion,
        VAL_RATE: rate,
        VAL_NEGATIVE_ELBO: distortion + rate,
        VAL_ACTIVE_UNITS: active_units,
        TRAIN_BETA: beta,
        **further,
    }


def validated(row: Mapping[str, float], beta: float) -> float:
    """What a validation found of what the run is judged by, D + βR of most, in nats.

    Args:
        row: of the history.
        beta: the final β.
    """
    otherwise = row.get(VAL_BOUND, row.get(VAL_RANGE))
    return row[VAL_DISTORTION] + beta * row[VAL_RATE] if otherwise is None else otherwise


def renamed(rows: Iterable[Mapping[str, float]]) -> list[Row]:
    """Rows of a history under the names of today."""
    return [{FORMER_NAMES.get(name, name): value for name, value in row.items()} for row in rows]


def read_history(folder: Path) -> list[Row]:
    """The history in a run's folder; empty where there is none, or none that can be read: whoever
    reads it has the run's final values from elsewhere."""
    path = RunFolder(folder).history
    if not path.is_file():
        return []
    try:
        return renamed(read_json(path))
    except Exception as error:  # a damaged file makes its reader raise almost anything
        log.warning("%s is left out: it cannot be read (%s)", path, one_line(error)[:200])
        return []
