"""How much the runs of a study differ by their seeds alone."""

import math

import numpy as np
import pandas as pd

from betafront.front.decision.confirmation import Noise
from betafront.front.table import DISTORTION, RATE, usable

FEWEST = 3  # differences from which a scatter is taken


def seed_noise(table: pd.DataFrame, runs: pd.DataFrame, slope: float) -> Noise:
    """The standard deviation of D + λR between runs that differ by their seeds: from the replicates
    of the trials where they have any, else from how far trials lie from the line between their
    neighbours in β, which holds other differences of their settings too.

    Args:
        table: finished trials.
        runs: a row per run, with the columns `trial` and `replicate`.
        slope: λ.
    """
    table = usable(table)
    own = runs[runs["trial"].isin(table["trial"])]
    values = own[DISTORTION] + slope * own[RATE]
    several = values.groupby(own["trial"]).agg(["var", "size"])
    several = several[several["size"] > 1]
    if len(several):
        degrees = float((several["size"] - 1).sum())
        variance = float((several["var"] * (several["size"] - 1)).sum() / degrees)
        return Noise(math.sqrt(variance), degrees, "the replicates of the trials")
    return _scatter(table, slope)


def _scatter(table: pd.DataFrame, slope: float) -> Noise:
    """From the second differences of D + λR over log β. Their median leaves out the ends, where the
    curve is steep, and runs that came to something else."""
    table = table[table["beta"] > 0].sort_values("beta")
    x = np.log(table["beta"].to_numpy(float))
    y = (table[DISTORTION] + slope * table[RATE]).to_numpy(float)
    keep = np.append(True, np.diff(x) > 0)
    x, y = x[keep], y[keep]
    if len(x) < FEWEST + 2:
        return Noise()
    share = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    off = y[1:-1] - (1 - share) * y[:-2] - share * y[2:]
    spread = np.abs(off) / np.sqrt(1 + share**2 + (1 - share) ** 2)
    sd = float(np.median(spread) / 0.6745)  # of a normal distribution
    return Noise(sd, float(len(off)) / 2, "how trials scatter about their neighbours in β")
