"""Between which β a point of the front lies, as far as the trials can tell."""

from dataclasses import dataclass

import pandas as pd

from betafront.front.attainment import common_replicates
from betafront.front.decision.picks import Pick


@dataclass(frozen=True)
class Interval:
    """An interval of β that contains the β of a point.

    Attributes:
        low, high: its ends.
        basis: what the interval was read from, in words: replicates, or neighbours on the front.
    """

    low: float
    high: float
    basis: str


def beta_interval(
    pick: Pick, beta: float, members: pd.DataFrame, table: pd.DataFrame, runs: pd.DataFrame | None
) -> Interval:
    """The interval of β around the trial that `pick` takes.

    With replicates: the range of the β that `pick` takes from each replicate. Without, or where all
    replicates pick the same trial: from the next smaller β on the front to the next greater, since
    no trial lies between.

    Args:
        pick: takes a trial of a table.
        beta: of the trial that `pick` takes from `table`.
        members: of the front.
        table: the trials that `pick` chooses from.
        runs: a row per run, with the columns `trial` and `replicate`; None where there are none.
    """
    picked = pd.DataFrame() if runs is None or runs.empty else _by_replicate(pick, table, runs)
    neighbours = _neighbours(beta, members)
    if len(picked) < 2:
        return Interval(*neighbours, "its neighbours")
    if picked["trial"].nunique() == 1:
        return Interval(*neighbours, f"its neighbours; {len(picked)} replicates agree")
    betas = [beta, *picked["beta"]]
    return Interval(float(min(betas)), float(max(betas)), f"{len(picked)} replicates")


def _by_replicate(pick: Pick, table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The run that `pick` takes from each replicate that every trial has."""
    kept = common_replicates(runs[runs["trial"].isin(table["trial"])])
    parts = [part for _, part in kept.groupby("replicate")]
    return pd.DataFrame([row for part in parts if (row := pick(part)) is not None])


def _neighbours(beta: float, members: pd.DataFrame) -> tuple[float, float]:
    """The next smaller and the next greater β on the front; `beta` itself where there is none."""
    betas = members["beta"]
    return (
        float(betas[betas < beta].max()) if (betas < beta).any() else beta,
        float(betas[betas > beta].min()) if (betas > beta).any() else beta,
    )
