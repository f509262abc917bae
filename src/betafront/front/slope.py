"""Whether runs have converged: along the lowest curve of D over R the slope is -β.

A run trained to the end with weight β sits where the line D + βR = c touches the curve (Alemi et
al. 2018, section 3). So no other run may lie below that line: one that does is a better end of the
same objective, and says by how many nats the run was not converged, or its schedule worse.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.front.decision.picks import PLANE
from betafront.front.front import front
from betafront.front.table import DISTORTION, GROUP, RATE

NAT = 1.0  # less is not worth a word
CORNERS = 3  # of the hull; fewer fit no slope


def shortfall(table: pd.DataFrame) -> NDArray[np.float64]:
    """For each trial, by how many nats another one is better in the trial's own objective, D + βR;
    0 where none is.

    Args:
        table: finished trials whose distortions compare.
    """
    d, r, beta = (table[key].to_numpy(float) for key in (DISTORTION, RATE, "beta"))
    return np.array([di + b * ri - (d + b * r).min() for di, ri, b in zip(d, r, beta, strict=True)])


def off_line(table: pd.DataFrame) -> NDArray[np.float64]:
    """For each trial, how far it lies from its own line, which the best of the others touches: the
    `shortfall` as a distance in the plane of R and D, in nats, so that a large β does not make
    much of a little rate.

    Args:
        table: finished trials whose distortions compare.
    """
    beta = table["beta"].to_numpy(float)
    distances: NDArray[np.float64] = shortfall(table) / np.hypot(1.0, beta)
    return distances


def far_off(table: pd.DataFrame) -> "pd.Series[float]":
    """How far the trials lie off their own lines that lie farther off than noise, by their index.

    Args:
        table: finished trials whose distortions compare.
    """
    off = pd.Series(off_line(table), table.index)
    return off[off > tolerance(table)]


def off_their_lines(table: pd.DataFrame, group: str | None = None) -> str:
    """Which trials lie off their own line D + βR, in one sentence; empty where none does.

    A nat is little where there are thousands, so it is at least 1 % of what rate buys.

    Args:
        table: finished trials whose distortions compare.
        group: whose trials are meant, where the table has those of several; the lines are
            touched by the best of all of them.
    """
    own = table.index if group is None else table.index[table[GROUP] == group]
    far = far_off(table)
    far = far[far.index.isin(own)].sort_values(ascending=False)
    if far.empty:
        return ""
    limit = tolerance(table)
    nats = f"{limit:.3g} nat{'s' if limit > 1 else ''}"
    worst = (f"{table.loc[at, 'trial']} by {by:.3g}" for at, by in far.head(3).items())
    return (
        f"{len(far)} of {len(own)} trials{f' of {group}' if group else ''} lie more than "
        f"{nats} off their own line D + βR (trial {', '.join(worst)}): not "
        "converged, or what else differs is worse there."
    )


def tolerance(table: pd.DataFrame) -> float:
    """How many nats off its own line a trial may lie, for noise."""
    return max(NAT, 0.01 * float(np.ptp(front(table, PLANE)[DISTORTION].to_numpy(float))))


def hull_slopes(table: pd.DataFrame) -> pd.DataFrame:
    """How steep the lower convex hull of all trials is at each of its corners but the two ends.

    Args:
        table: finished trials whose distortions compare.

    Returns:
        `trial`, its `beta`, and -dD/dR: `flatter` and `steeper`, of the hull on both sides, and
        their geometric mean `slope`. Where all have converged β lies between the two.
    """
    if table.empty:
        return pd.DataFrame(columns=["trial", "beta", "flatter", "steeper", "slope"], dtype=float)
    points = table[[RATE, DISTORTION]].to_numpy(float)
    hull = lower_hull(points)
    steps = -np.diff(hull[:, 1]) / np.diff(hull[:, 0])
    at = [int(np.flatnonzero((points == corner).all(1))[0]) for corner in hull[1:-1]]
    found = table.iloc[at][["trial", "beta"]].reset_index(drop=True)
    flatter, steeper = steps[1:], steps[:-1]
    return found.assign(flatter=flatter, steeper=steeper, slope=np.sqrt(flatter * steeper))


def fitted_slope(table: pd.DataFrame) -> str:
    """The slope of the lower hull beside the trials' β, in one sentence; empty of fewer than three
    corners.

    Args:
        table: finished trials whose distortions compare.
    """
    found = hull_slopes(table)
    found = found[found["beta"] > 0]
    if len(found) < CORNERS:
        return ""
    ratio = float((found["slope"] / found["beta"]).median())
    return (
        f"Slope: along the lower hull dD/dR is -{ratio:.2f} β (median of {len(found)} trials); it "
        "is -β where runs have converged and new images do as those of training."
    )


def lower_hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lower convex hull of points (n, 2), from left to right, falling parts only (Andrew
    1979)."""
    hull: list[NDArray[np.float64]] = []
    for point in points[np.lexsort(points.T[::-1])]:
        while len(hull) > 1 and _turns_right(hull[-2], hull[-1], point):
            hull.pop()
        if not hull or point[0] > hull[-1][0]:
            hull.append(point)
    found = np.array(hull)
    return found[: int(found[:, 1].argmin()) + 1]


def _turns_right(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> bool:
    return bool((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0)
