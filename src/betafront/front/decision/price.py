"""What rate is worth along a front of rate and distortion: the exchange between neighbours."""

import math

import pandas as pd

from betafront.front.decision.picks import PLANE
from betafront.front.front import front
from betafront.front.table import DISTORTION, RATE


def exchange(members: pd.DataFrame, trial: int) -> tuple[float | None, float | None]:
    """The nats of distortion that one nat less of rate costs at a trial of the front, and those
    that one more buys: the slopes to its neighbours, which -β lies between where all have
    converged (`betafront.front.slope`).

    Args:
        members: of the front.
        trial: one of them, or another, which has none of the two.

    Returns:
        None on a side that has no neighbour of another rate.
    """
    members = members.sort_values(RATE)
    own = members[members["trial"] == trial]
    if own.empty:
        return None, None
    rate, distortion = float(own[RATE].iloc[0]), float(own[DISTORTION].iloc[0])
    less, more = members[members[RATE] < rate], members[members[RATE] > rate]

    def slope(row: "pd.Series[float]") -> float:
        return float((row[DISTORTION] - distortion) / (rate - row[RATE]))

    return (
        None if less.empty else slope(less.iloc[-1]),
        None if more.empty else slope(more.iloc[0]),
    )


def beta_at(table: pd.DataFrame, nats: float) -> float | None:
    """The β that comes to a rate, read between the front's trials on both sides of it: log β is
    taken to be straight in R.

    Returns:
        None where the front does not reach to both sides, or a β there is 0.
    """
    members = front(table, PLANE)
    below, above = members[members[RATE] <= nats], members[members[RATE] > nats]
    if below.empty or above.empty:
        return None
    a, b = below.iloc[-1], above.iloc[0]
    if min(a["beta"], b["beta"]) <= 0:
        return None
    share = (nats - a[RATE]) / (b[RATE] - a[RATE])
    return float(math.exp((1 - share) * math.log(a["beta"]) + share * math.log(b["beta"])))
