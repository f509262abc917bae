"""Rules that pick one trial of a table. A rule works on the runs of one replicate as on the trials,
so the trials that it picks from each replicate show how certain its choice is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from betafront.front.front import front, knee, maximised
from betafront.front.table import DISTORTION, ELBO, PLANE, RATE

Pick = Callable[[pd.DataFrame], "pd.Series[float] | None"]


@dataclass(frozen=True)
class Rule:
    """A rule that picks a trial, with its name.

    Attributes:
        name: of the point.
        method: the rule in words.
        pick: takes the trial of a table; None where the table has no such trial.
        metrics: that the rule looks at.
        metric: the one metric of which the point is the least of all trials, or with the `sign` −1
            the greatest; empty for any other rule.
    """

    name: str
    method: str
    pick: Pick
    metrics: tuple[str, ...]
    metric: str = ""
    sign: float = 1.0


def least_elbo(table: pd.DataFrame) -> "pd.Series[float] | None":
    """The trial with the least D + R."""
    return _least(table, ELBO)


def greatest(metric: str) -> Pick:
    """The trial with the greatest value of a metric."""
    return lambda table: _least(table, metric, -1.0)


def knee_of(objectives: Mapping[str, str]) -> Pick:
    """The knee of a front of two objectives; None where it has none."""
    signs = np.where(maximised(objectives), -1.0, 1.0)

    def pick(table: pd.DataFrame) -> "pd.Series[float] | None":
        members = front(table, objectives)
        at = knee(members[list(objectives)].to_numpy(float) * signs)
        return None if at is None else members.loc[at]

    return pick


def at_rate(nats: float) -> Pick:
    """The trial with the least distortion among those with at most so much rate; None where all
    have more."""
    return lambda table: _least(table[table[RATE] <= nats], DISTORTION)


def affordable(metric: str, percent: float) -> Pick:
    """The trial with the greatest value of a metric among those with a distortion of at most
    `allowance`."""
    return lambda table: greatest(metric)(table[table[DISTORTION] <= allowance(table, percent)])


def allowance(table: pd.DataFrame, percent: float) -> float:
    """The distortion, in nats, at which `percent` of the distortion that rate buys is given up.

    Rate buys the length of the front of rate and distortion along D. A percentage of D itself says
    nothing: the distortion of a density has no zero, and is negative as often as not.
    """
    bought = front(table, PLANE)[DISTORTION]
    return float(bought.min() + percent / 100 * (bought.max() - bought.min()))


def _least(table: pd.DataFrame, metric: str, sign: float = 1.0) -> "pd.Series[float] | None":
    """The row in which `sign` times the metric is least; None where no row has a value."""
    values = sign * table[metric].dropna()
    return None if values.empty else table.loc[values.idxmin()]
