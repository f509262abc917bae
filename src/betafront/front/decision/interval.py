"""Between which β a point of the front lies, as far as the trials can tell."""

from dataclasses import dataclass

import pandas as pd

from betafront.front.decision.picks import Pick
from betafront.front.whole import whole


@dataclass(frozen=True)
class Between:
    """An interval of β.

    Attributes:
        low, high: its ends, which the point's own β lies between.
        basis: what says so: replicates, or the point's neighbours.
    """

    low: float
    high: float
    basis: str


def between(
    pick: Pick, beta: float, members: pd.DataFrame, table: pd.DataFrame, runs: pd.DataFrame | None
) -> Between:
    """Between which β the point lies that `pick` takes.

    Where there are replicates it is the range of what each of them picks. Where they all pick the
    same trial, the answer is as coarse as the trials lie: between the next ones on the front.

    Args:
        pick: takes a trial of a table.
        beta: of the trial that it took.
        members: of the front.
        table: the trials that were to be picked from.
        runs: a row per run, with the columns `trial` and `replicate`; None where they are not
            known.
    """
    picked = pd.DataFrame() if runs is None or runs.empty else _picked(pick, table, runs)
    beside = _beside(beta, members)
    if len(picked) < 2:
        return Between(*beside, "its neighbours")
    if picked["trial"].nunique() == 1:
        return Between(*beside, f"its neighbours; {len(picked)} replicates agree")
    every = [beta, *picked["beta"]]
    return Between(float(min(every)), float(max(every)), f"{len(picked)} replicates")


def _picked(pick: Pick, table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """What each replicate picks, of those that every trial has."""
    kept = whole(runs[runs["trial"].isin(table["trial"])])
    parts = [part for _, part in kept.groupby("replicate")]
    return pd.DataFrame([row for part in parts if (row := pick(part)) is not None])


def _beside(beta: float, members: pd.DataFrame) -> tuple[float, float]:
    """The next smaller and the next greater β on the front; its own where there is none."""
    every = members["beta"]
    return (
        float(every[every < beta].max()) if (every < beta).any() else beta,
        float(every[every > beta].min()) if (every > beta).any() else beta,
    )
