"""Replicates that make whole fronts."""

import pandas as pd


def whole(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of those replicates that every trial has: one that some trials lack, as where more
    are being added, is a front of other trials, and says nothing of chance.

    Args:
        runs: a row per run, with the columns `trial` and `replicate`.
    """
    if runs.empty:
        return runs
    have = runs.groupby("replicate")["trial"].transform("nunique")
    return runs[have == runs["trial"].nunique()]
