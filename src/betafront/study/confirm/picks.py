"""The picks of a study that further runs can confirm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from betafront.front import Advice, Facts, front
from betafront.front.curves import are_among
from betafront.front.decision.commands import separately
from betafront.front.table import DISTORTION, PLANE, RATE, usable

FACTORS = (0.5, 2.0)  # of β, at the neighbours of a pick


@dataclass(frozen=True)
class Picked:
    """A pick, and by what it is compared with its neighbours in β.

    Attributes:
        name: of the pick.
        trial: the number of its trial.
        beta: of the trial.
        slope: λ, of D + λR, which the pick's rule makes least: 1 for the best ELBO. For the knee it
            is the slope of the line between the front's ends, since the point farthest below that
            line is the one with the least D + λR.
    """

    name: str
    trial: int
    beta: float
    slope: float

    @property
    def compared(self) -> str:
        """What is compared, in words."""
        return "D + R" if self.slope == 1 else f"D + {self.slope:.3g} R"

    @property
    def neighbours(self) -> tuple[float, ...]:
        """Half and double β."""
        return tuple(factor * self.beta for factor in FACTORS)


def picked(
    table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]
) -> tuple[list[Picked], list[str]]:
    """The picks that can be compared with their neighbours in β, the decision first, and the others
    with the reason.

    Args:
        table: finished trials.
        facts: of the study.
        advice: of the study, the decision first.
    """
    found, left_out = [], []
    for one in advice:
        slope = _slope(one.name, table, facts)
        (_, row), *_ = table[are_among(table, {one.point})].iterrows()
        if why := _why_not(one, row, slope, facts):
            left_out.append(f"{one.name} (trial {one.trial}): {why}")
        else:
            found.append(Picked(one.name, one.trial, one.beta, slope or 1.0))
    return found, left_out


def _why_not(one: Advice, row: "pd.Series[float]", slope: float | None, facts: Facts) -> str:
    """Why a pick cannot be compared with its neighbours in β; empty where it can."""
    if one.of_curve:
        command = "" if one.weight is None else separately(facts, one.weight)
        said = "it was read off one model conditioned on β, and is no run of its own"
        return f"{said}. Separate runs tell: {command}" if command else said
    if slope is None:
        return "only D and R of its neighbours could be compared, which its rule does not read"
    if row.get("holds"):
        return "its β follows from what its run is held to, so it has no neighbours in β"
    if pd.notna(row.get("beta_spread")):
        return "its β is read from the trained model, so it has no neighbours in β"
    return "" if one.beta > 0 else "β = 0 has no half and no double"


def _slope(name: str, table: pd.DataFrame, facts: Facts) -> float | None:
    """λ of the D + λR that a pick's rule makes least; None where it has no such rule."""
    if name == "best ELBO":
        return 1.0
    if name != "knee" or not facts.rate_distortion:
        return None
    members = front(usable(table), PLANE)
    d, r = (np.ptp(members[key].to_numpy(float)) for key in (DISTORTION, RATE))
    return float(d / r)
