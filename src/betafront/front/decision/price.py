"""The price of rate along a front of rate and distortion: the slopes between trials that differ by
more than noise."""

import math
from dataclasses import dataclass

import pandas as pd

from betafront.front.curves import Point, are_among
from betafront.front.decision.noise.scatter import SURE, near, noise_of
from betafront.front.front import front
from betafront.front.table import DISTORTION, PLANE, RATE


@dataclass(frozen=True)
class Noise:
    """The nats that two trials of nearly the same β may differ by chance.

    Attributes:
        rate, distortion: the differences.
    """

    rate: float = 0.0
    distortion: float = 0.0


def noise_of_a_price(table: pd.DataFrame, beta: float) -> Noise:
    """The differences that chance makes between trials near a β, in rate and in distortion.

    Args:
        table: finished trials.
        beta: of one of them.
    """
    around = near(table, beta)
    of_two = SURE * math.sqrt(2)
    return Noise(*(of_two * noise_of(around, metric) for metric in (RATE, DISTORTION)))


def exchange(
    members: pd.DataFrame, point: Point, noise: Noise
) -> tuple[float | None, float | None]:
    """The nats of distortion that one nat less of rate costs at a point of the front, and those
    that one more nat buys: the slopes to the nearest trials on both sides that differ by more than
    noise in rate and in distortion. Between the two lies β, where all runs have converged
    (`betafront.front.slope`).

    Args:
        members: of the front.
        point: one of them; for one that is not on the front both are None.
        noise: what differs by less says nothing.

    Returns:
        None on a side that has no trial so different.
    """
    members = members.sort_values(RATE)
    own = members[are_among(members, {point})]
    if own.empty:
        return None, None
    rate, distortion = float(own[RATE].iloc[0]), float(own[DISTORTION].iloc[0])
    apart = (members[RATE] - rate).abs() > noise.rate
    members = members[apart & ((members[DISTORTION] - distortion).abs() > noise.distortion)]
    less, more = members[members[RATE] < rate], members[members[RATE] > rate]

    def slope(row: "pd.Series[float]") -> float:
        return float((row[DISTORTION] - distortion) / (rate - row[RATE]))

    return (
        None if less.empty else slope(less.iloc[-1]),
        None if more.empty else slope(more.iloc[0]),
    )


def beta_at(table: pd.DataFrame, nats: float) -> float | None:
    """The β at which the rate is `nats`, interpolated between the neighbouring trials of the front,
    with log β linear in R.

    Returns:
        None where the front has no trial on one side, or a β there is 0.
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
