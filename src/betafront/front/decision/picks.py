"""Ways to pick one trial of a table: each gives the same answer for trials as for the runs of one
replicate, so what replicates pick says how sure a pick is."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from betafront.front.front import front, knee, maximised
from betafront.front.table import DISTORTION, ELBO, RATE

Pick = Callable[[pd.DataFrame], "pd.Series[float] | None"]
PLANE = {RATE: "minimize", DISTORTION: "minimize"}


def least_elbo(table: pd.DataFrame) -> "pd.Series[float] | None":
    """The least D + R."""
    return _at_least(table, ELBO)


def most(metric: str) -> Pick:
    """The most of a metric, whatever it costs."""
    return lambda table: _at_least(table, metric, -1.0)


def corner(objectives: Mapping[str, str]) -> Pick:
    """The knee of a front of two objectives; none where it has none."""
    signs = np.where(maximised(objectives), -1.0, 1.0)

    def pick(table: pd.DataFrame) -> "pd.Series[float] | None":
        members = front(table, objectives)
        at = knee(members[list(objectives)].to_numpy(float) * signs)
        return None if at is None else members.loc[at]

    return pick


def at_rate(nats: float) -> Pick:
    """The least distortion with at most so much rate; none where all have more."""
    return lambda table: _at_least(table[table[RATE] <= nats], DISTORTION)


def affordable(metric: str, percent: float) -> Pick:
    """The most of a metric with a distortion of at most `allowance`."""
    return lambda table: most(metric)(table[table[DISTORTION] <= allowance(table, percent)])


def allowance(table: pd.DataFrame, percent: float) -> float:
    """The distortion, in nats, at which `percent` of what rate buys is given up.

    What rate buys is the length of the front of rate and distortion along D. A percentage of D
    itself says nothing: that of a density has no zero, and is negative as often as not.
    """
    bought = front(table, PLANE)[DISTORTION]
    return float(bought.min() + percent / 100 * (bought.max() - bought.min()))


def _at_least(table: pd.DataFrame, metric: str, sign: float = 1.0) -> "pd.Series[float] | None":
    """The row where `sign` times the metric is least; none where no row has a value."""
    values = sign * table[metric].dropna()
    return None if values.empty else table.loc[values.idxmin()]
