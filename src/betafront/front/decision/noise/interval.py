"""Between which β a point of the front lies, as far as the trials can tell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.front.attainment import common_replicates
from betafront.front.decision.noise.scatter import (
    KNOWN,
    SURE,
    by_beta,
    curve_of,
    log_beta,
    near,
    pooled,
    replicated,
    thinned,
)
from betafront.front.decision.picks import Rule
from betafront.front.table import DISTORTION, ELBO, RATE

MIDDLE = 0.95  # of the values of β that chance allows: the interval
MOST_OF_THEM = 0.9  # where so many reach from end to end, chance alone decides
CURVES, TABLES = 400, 40  # drawn, of which the least is taken; drawn, from which is picked again
PLACES = 61  # of ln β at which a curve is looked at
ALIKE = 7  # trials of the nearest β, whose scatter counts as the same
END = 0.05  # the share of all ln β within which an interval reaches an end

Shifts = Callable[[np.random.Generator], NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """An interval of β that contains the β of a point.

    Attributes:
        low, high: its ends.
        basis: what the interval was read from, in words: replicates, the scatter of trials, or
            neighbours on the front.
        anywhere: whether by chance alone the point may lie anywhere among the trials' β.
    """

    low: float
    high: float
    basis: str
    anywhere: bool = False


def beta_interval(
    rule: Rule,
    row: "pd.Series[float]",
    members: pd.DataFrame,
    table: pd.DataFrame,
    runs: pd.DataFrame | None,
) -> Interval:
    """The interval of β around the trial that `rule` picks: where chance may move it, and at least
    from the next smaller β on the front to the next greater, since no trial lies between.

    Where the trial is picked for one metric, chance is read from the curve of that metric over ln β
    (`betafront.front.decision.noise.curve`): the middle 95 % of the places at which curves that are
    likely, given the trials and their noise, are least. Any other point is picked again from tables
    in which every trial is shifted by chance.

    Args:
        rule: that picks a trial of a table.
        row: the trial that it picks from `table`.
        members: of the front.
        table: the trials that it picks from.
        runs: a row per run, with the columns `trial` and `replicate`; None where there are none.
    """
    beta = float(row["beta"])
    below, above = _neighbours(beta, members)
    moved = _on_the_curve(rule, table, beta) if rule.metric else _picked_again(rule, table, runs)
    if moved is None:
        return Interval(below, above, "its neighbours")
    low, high = _middle(moved, MIDDLE)
    count = replicated(table)
    told = f"{count} replicates" if count > 1 else f"the scatter of {len(near(table, beta))} trials"
    if below <= low and high <= above:
        agree = "agree" if count > 1 else "stays within"
        told = f"its neighbours; {told} {agree}"
    anywhere = _at_both_ends(moved, table) and not _ends_are_behind(rule, row, table)
    return Interval(min(low, below), max(high, above), told, anywhere)


def _middle(moved: NDArray[np.float64], share: float) -> tuple[float, float]:
    """The ends of the middle `share` of values."""
    out = (1 - share) / 2
    low, high = np.quantile(moved, [out, 1 - out], method="inverted_cdf")
    return float(low), float(high)


def _at_both_ends(moved: NDArray[np.float64], table: pd.DataFrame) -> bool:
    """Whether most of the values that chance allows reach from one end of the trials' β to the
    other."""
    every = log_beta(by_beta(table))
    low, high = np.log(_middle(moved, MOST_OF_THEM))
    margin = END * np.ptp(every)
    return bool(margin > 0 and low <= every.min() + margin and high >= every.max() - margin)


def _ends_are_behind(rule: Rule, row: "pd.Series[float]", table: pd.DataFrame) -> bool:
    """Whether replicates show that the trials of the smallest and the greatest β are worse than the
    picked one. Few trials leave the smoothness of a curve open, and then curves alone exclude no
    end."""
    deviation, freedom = pooled(table, rule.metric) if rule.metric else (0.0, 0.0)
    if freedom < KNOWN:
        return False
    ends = by_beta(table)[rule.metric].to_numpy(float)[[0, -1]]
    behind = rule.sign * (ends - float(row[rule.metric]))
    return bool((behind > SURE * np.sqrt(2.0) * deviation).all())


def _on_the_curve(rule: Rule, table: pd.DataFrame, beta: float) -> NDArray[np.float64] | None:
    """The β at which curves of the rule's metric that are likely are least: of the nearer trials,
    or where these do not hold them, of all."""
    every = by_beta(table)
    for around in (near(table, beta), thinned(every)):
        found = curve_of(around, rule.metric, rule.sign)
        if found is None:
            return None
        ends = log_beta(around)[[0, -1]]
        places = found.least(np.linspace(ends[0], ends[1], PLACES), CURVES)
        low, high = _middle(places, MIDDLE)
        inner = END * np.ptp(ends)
        left_out = log_beta(every)[[0, -1]] != ends
        if not (
            (left_out[0] and low < ends[0] + inner) or (left_out[1] and high > ends[1] - inner)
        ):
            break
    moved: NDArray[np.float64] = np.exp(places)
    return moved


def _picked_again(
    rule: Rule, table: pd.DataFrame, runs: pd.DataFrame | None
) -> NDArray[np.float64] | None:
    """The β that the rule picks from tables shifted by chance."""
    metrics = [m for m in dict.fromkeys([*rule.metrics, RATE, DISTORTION]) if m in table]
    shifts = _shifts_of_runs(table, runs, metrics)
    if shifts is None:
        shifts = _shifts_of_neighbours(table, metrics)
    if shifts is None:
        return None
    random = np.random.default_rng(0)
    kept = table[list(dict.fromkeys(["trial", "beta", *metrics, ELBO]))]
    values, chosen = kept[metrics].to_numpy(float), []
    for _ in range(TABLES):
        moved = values + shifts(random)
        drawn = kept.assign(**dict(zip(metrics, moved.T, strict=True)))
        drawn = drawn.assign(**{ELBO: drawn[RATE] + drawn[DISTORTION]})
        if (again := rule.pick(drawn)) is not None and again["beta"] > 0:
            chosen.append(float(again["beta"]))
    return np.array(chosen) if chosen else None


def _shifts_of_runs(
    table: pd.DataFrame, runs: pd.DataFrame | None, metrics: Sequence[str]
) -> Shifts | None:
    """Shifts of the trials' means as far as the replicates of one trial, or of one of nearly the
    same β, differ; None where there are no replicates."""
    if runs is None or runs.empty or not set(metrics) <= set(runs):
        return None
    kept = common_replicates(runs[runs["trial"].isin(table["trial"])])
    count = kept["replicate"].nunique()
    if count < 2 or len(kept) != count * len(table):
        return None
    # The points of a curve are in rising β; those of the runs of a controller may differ in β.
    place = kept.groupby(["trial", "replicate"]).cumcount()
    ordered = kept.assign(place=place).sort_values(["trial", "place", "replicate"])
    values = ordered[list(metrics)].to_numpy(float).reshape(len(table), count, len(metrics))
    apart = (values - values.mean(1, keepdims=True)) / np.sqrt(count - 1)
    order = np.lexsort((table["beta"], table["trial"]))
    own = table.iloc[order]
    alike = _nearest(own, own)[np.argsort(order)]
    return _drawer(alike, apart)


def _shifts_of_neighbours(table: pd.DataFrame, metrics: Sequence[str]) -> Shifts | None:
    """Shifts of the trials as far as trials of nearly the same β lie off their curves."""
    finite = np.isfinite(table[list(metrics)].to_numpy(float)).all(1)
    around = thinned(by_beta(table[finite]))
    curves = [curve_of(around, metric) for metric in metrics]
    if not any(curves):
        return None
    apart = np.stack([c.residuals if c else np.zeros(len(around)) for c in curves], axis=1)
    return _drawer(_nearest(table, around), apart[:, None])


def _nearest(table: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.intp]:
    """(n, k) the places in `others` of those with the nearest ln β to each trial of `table`."""
    least = others["beta"][others["beta"] > 0].min()
    own, theirs = (np.log(np.maximum(t["beta"].to_numpy(float), least)) for t in (table, others))
    found: NDArray[np.intp] = np.abs(own[:, None] - theirs).argsort(1, kind="stable")[:, :ALIKE]
    return found


def _drawer(alike: NDArray[np.intp], apart: NDArray[np.float64]) -> Shifts:
    """Draws (n, metrics) shifts, of a random one of the alike trials and runs, of either sign.

    Args:
        alike: (n, k) for each trial those trials whose differences it may have.
        apart: (trials, runs, metrics) differences.
    """

    def draw(random: np.random.Generator) -> NDArray[np.float64]:
        rows = np.arange(len(alike))
        trial = alike[rows, random.integers(alike.shape[1], size=len(alike))]
        run = random.integers(apart.shape[1], size=len(alike))
        sign = random.choice([-1.0, 1.0], size=(len(alike), 1))
        shifts: NDArray[np.float64] = sign * apart[trial, run]
        return shifts

    return draw


def _neighbours(beta: float, members: pd.DataFrame) -> tuple[float, float]:
    """The next smaller and the next greater β on the front; `beta` itself where there is none."""
    betas = members["beta"]
    return (
        float(betas[betas < beta].max()) if (betas < beta).any() else beta,
        float(betas[betas > beta].min()) if (betas > beta).any() else beta,
    )
