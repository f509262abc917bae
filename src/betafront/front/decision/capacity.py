"""The C at which a capacity schedule should end."""

from collections.abc import Sequence

import pandas as pd

from betafront.front.decision.advice import Advice
from betafront.front.front import front
from betafront.front.slope import NAT
from betafront.front.table import PLANE, RATE, Facts, usable


def end_of_capacity(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> str:
    """The C at which a capacity schedule should end, in one sentence: the rate of the trial with
    the front's smallest β, which spends as much rate as the model can use (Burgess et al. 2018,
    section 5).

    Empty where the front is not of rate and distortion, or no trial has a β below the best.
    """
    if not facts.rate_distortion or not advice:
        return ""
    members = front(usable(table), PLANE)
    free = members.loc[members["beta"].idxmin()]
    if free["beta"] >= advice[0].beta or free[RATE] < NAT:
        return ""
    return (
        f"Capacity: the front's smallest β, {free['beta']:.3g} (trial {free['trial']}), comes to "
        f"R = {free[RATE]:.3g} nats: a capacity schedule ends there, shaping=capacity "
        f"shaping.nats={free[RATE]:.0f}."
    )
