"""Whether runs have converged: along the lowest curve of D over R the slope is -β.

A run that has converged with weight β lies where the line D + βR = c touches the curve (Alemi et
al. 2018, section 3), so no other run lies below that line. A run below it is a better optimum of
the same objective: the first run had not converged, or was trained in a worse way. A run that was
trained with several draws of each example has another objective, and no such line.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.front.curves import is_of_curve, of_curves, points_or_trials
from betafront.front.front import front
from betafront.front.table import DISTORTION, GROUP, PLANE, RATE, STANDING
from betafront.training.standing import SETTLED, UNSETTLED

NAT = 1.0  # a smaller difference is not reported
CORNERS = 3  # of the hull, the fewest that a slope is fitted to


def shortfall(table: pd.DataFrame) -> NDArray[np.float64]:
    """For each trial, the nats by which the best trial is better in the first one's own objective,
    D + βR; 0 where none is better.

    Args:
        table: finished trials whose distortions compare.
    """
    d, r, beta = (table[key].to_numpy(float) for key in (DISTORTION, RATE, "beta"))
    return np.array([di + b * ri - (d + b * r).min() for di, ri, b in zip(d, r, beta, strict=True)])


def off_line(table: pd.DataFrame) -> NDArray[np.float64]:
    """For each trial, the distance in nats to its own line D + βR = c that the best trial touches:
    the `shortfall` as a distance in the plane of R and D, in which a large β does not magnify a
    small difference in rate.

    Args:
        table: finished trials whose distortions compare.
    """
    beta = table["beta"].to_numpy(float)
    distances: NDArray[np.float64] = shortfall(table) / np.hypot(1.0, beta)
    return distances


def far_off(table: pd.DataFrame) -> "pd.Series[float]":
    """The distances to their own lines of those trials that are farther off than `tolerance`, by
    the table's index.

    Args:
        table: finished trials whose distortions compare.
    """
    off = pd.Series(off_line(table), table.index)
    return off[(off > tolerance(table)) & has_line(table)]


def has_line(table: pd.DataFrame) -> "pd.Series[bool]":
    """Whether D + βR is what a trial was trained for, by the table's index."""
    if "draws" not in table:  # an earlier version recorded none
        return pd.Series(data=True, index=table.index)
    return ~(table["draws"].astype(float) > 1)


def off_their_lines(table: pd.DataFrame, group: str | None = None) -> str:
    """Which trials lie off their own line D + βR, in one sentence; empty where none does.

    Args:
        table: finished trials whose distortions compare.
        group: whose trials are reported, where the table has several groups; the lines are those
            that the best trial of all groups touches.
    """
    own = table.index[has_line(table) & (True if group is None else table[GROUP] == group)]
    far = far_off(table)
    far = far[far.index.isin(own)].sort_values(ascending=False)
    if far.empty:
        return ""
    limit = tolerance(table)
    nats = f"{limit:.3g} nat{'s' if limit > 1 else ''}"
    worst = (f"{_place(table.loc[at])} by {by:.3g}" for at, by in far.head(3).items())
    cause = _cause(table.loc[far.index])
    what = points_or_trials(table.loc[own])
    return (
        f"{len(far)} of {len(own)} {what}{f' of {group}' if group else ''} lie more than "
        f"{nats} off their own line D + βR (trial {', '.join(worst)}): {cause}."
    )


def _place(row: "pd.Series[float]") -> str:
    """The number of a trial, and of a point of its curve where that is."""
    at = f" at β = {row['beta']:.3g}" if is_of_curve(row) else ""
    return f"{row['trial']:.0f}{at}"


def _cause(far: pd.DataFrame) -> str:
    """Why trials lie off their own lines, as far as it is known how they stand."""
    states = far[STANDING].dropna() if STANDING in far else pd.Series(dtype=object)
    named = states[states.isin(UNSETTLED)].value_counts()
    rest = len(far) - int(named.sum())
    settled = int((states == SETTLED).sum())
    if of_curves(far).all() and named.empty:
        return "one model serves all β, and runs of their own may do better there"
    others = (
        "what else differs is worse there"
        if rest and rest == settled
        else "not converged, overfitted, or what else differs is worse there"
    )
    if named.empty:
        return others
    said = ", ".join(f"{count} of them {state}" for state, count in named.items())
    return f"{said}; of the other {rest}, {others}" if rest else said


def tolerance(table: pd.DataFrame) -> float:
    """The nats that a trial may lie off its own line by noise: one, or 1 % of the distortion that
    rate buys where that is more."""
    return max(NAT, 0.01 * float(np.ptp(front(table, PLANE)[DISTORTION].to_numpy(float))))


def hull_slopes(table: pd.DataFrame) -> pd.DataFrame:
    """The slopes of the lower convex hull of all trials at its corners, without the two ends and
    without trials of several draws.

    Args:
        table: finished trials whose distortions compare.

    Returns:
        `trial`, its `beta`, and -dD/dR: `flatter` and `steeper`, of the hull on both sides, and
        their geometric mean `slope`. Where all trials have converged, β lies between the two.
    """
    if table.empty:
        return pd.DataFrame(columns=["trial", "beta", "flatter", "steeper", "slope"], dtype=float)
    points = table[[RATE, DISTORTION]].to_numpy(float)
    hull = lower_hull(points)
    steps = -np.diff(hull[:, 1]) / np.diff(hull[:, 0])
    at = [int(np.flatnonzero((points == corner).all(1))[0]) for corner in hull[1:-1]]
    found = table.iloc[at][["trial", "beta"]]
    flatter, steeper = steps[1:], steps[:-1]
    found = found.assign(flatter=flatter, steeper=steeper, slope=np.sqrt(flatter * steeper))
    return found[has_line(table.iloc[at])].reset_index(drop=True)


def fitted_slope(table: pd.DataFrame) -> str:
    """The slope of the lower hull beside the trials' β, in one sentence; empty for fewer than
    CORNERS corners.

    Args:
        table: finished trials whose distortions compare.
    """
    found = hull_slopes(table)
    found = found[found["beta"] > 0]
    if len(found) < CORNERS:
        return ""
    ratio = float((found["slope"] / found["beta"]).median())
    return (
        f"Slope: along the lower hull dD/dR is -{ratio:.2f} β (median of {len(found)} "
        f"{points_or_trials(table)}); it is -β where runs have converged and new examples do as "
        "those of training."
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
