"""What was predicted of a study before its first trial: by the forecast of its data, and by the
scout, one run of a model conditioned on β; beside what the trials found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from betafront.front.decision.picks import knee_of, least_elbo
from betafront.front.table import DISTORTION, PLANE, RATE
from betafront.training.standing import DEAD_RATE

BEST, KNEE, COLLAPSE = "best ELBO", "knee", "collapse"
POINTS = (BEST, KNEE, COLLAPSE)


@dataclass(frozen=True)
class At:
    """A point of a curve.

    Attributes:
        beta: the canonical β.
        distortion, rate: D and R on the validation split, in nats; None where they are not known.
    """

    beta: float
    distortion: float | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Scout:
    """What was predicted of a study.

    Attributes:
        forecast: points by name, of the linear-Gaussian front; of other likelihoods collapse alone.
        scout: points by name, of the model conditioned on β.
        seconds: by the wall clock, that the scout took.
        steps: its optimiser steps.
        low, high: the range of β that it was trained for.
        failed: why there was no scout; empty where there was one.
    """

    forecast: Mapping[str, At]
    scout: Mapping[str, At]
    seconds: float = 0.0
    steps: int = 0
    low: float = 0.0
    high: float = 0.0
    failed: str = ""

    @property
    def text(self) -> str:
        """What the scout was, in a sentence."""
        if self.failed:
            return f"The scout has no result: it {self.failed}."
        return (
            f"The scout is one run of a model conditioned on β, from {self.low:.3g} to "
            f"{self.high:.3g}: {self.steps:,} steps in {self.seconds:.0f} s, beside the budget. "
            "The trials began at its points."
        )


def found_by(table: pd.DataFrame) -> dict[str, At]:
    """The same points of finished trials: the best ELBO, the knee of rate and distortion, and the
    least β of a collapsed trial."""
    picks = {BEST: least_elbo, KNEE: knee_of(PLANE)}
    rows = {name: pick(table) for name, pick in picks.items()}
    dead = table[table[RATE] < DEAD_RATE]
    rows[COLLAPSE] = None if dead.empty else dead.loc[dead["beta"].idxmin()]
    return {
        name: At(float(row["beta"]), float(row[DISTORTION]), float(row[RATE]))
        for name, row in rows.items()
        if row is not None
    }


def beside(scout: Scout, table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The head and the cells of the table of predictions beside what the trials found."""
    sources = {"forecast": scout.forecast, "scout": scout.scout, "trials": found_by(table)}
    rows = []
    for name in POINTS:
        for i, (source, points) in enumerate(sources.items()):
            at = points.get(name)
            cells = ["-"] * 3
            if at is not None:
                cells = [f"{at.beta:.3g}", _nats(at.distortion), _nats(at.rate)]
            rows.append(["" if i else name, source, *cells])
    return ["", "by", "β", "D", "R"], rows


def _nats(value: Any) -> str:
    return "-" if value is None else f"{value:.2f}"
