"""How much the runs of a study differ by their seeds alone."""

import math

import pandas as pd

from betafront.front.decision.confirmation.levels import Noise
from betafront.front.decision.noise.scatter import curve_of, near
from betafront.front.table import DISTORTION, RATE, usable
from betafront.study.confirm.picks import Picked

VALUE = "value"  # the column of D + λR


def seed_noise(table: pd.DataFrame, runs: pd.DataFrame, pick: Picked) -> Noise:
    """The standard deviation of D + λR between runs that differ by their seeds: from the replicates
    of the trials where they have any, else from the scatter of the trials nearest in β about a
    curve, to which other differences of their settings add.

    Args:
        table: finished trials.
        runs: a row per run, with the columns `trial` and `replicate`.
        pick: whose λ is meant, and near to which trials are looked at.
    """
    table = usable(table)
    own = runs[runs["trial"].isin(table["trial"])]
    values = own[DISTORTION] + pick.slope * own[RATE]
    place = own.groupby(["trial", "replicate"]).cumcount()  # of a point on its curve
    several = values.groupby([own["trial"], place]).agg(["var", "size"])
    several = several[several["size"] > 1]
    if len(several):
        degrees = several["size"] - 1
        variance = float((several["var"] * degrees).sum() / degrees.sum())
        return Noise(math.sqrt(variance), float(degrees.sum()), "the replicates of the trials")
    around = near(table.assign(**{VALUE: table[DISTORTION] + pick.slope * table[RATE]}), pick.beta)
    found = curve_of(around, VALUE)
    if found is None:
        return Noise()
    # A curve takes about half of the degrees of freedom that its trials have.
    basis = f"the scatter about a curve over log β of the {len(around)} trials nearest"
    return Noise(found.noise, len(around) / 2, basis)
