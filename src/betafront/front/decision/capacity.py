"""Where to end a capacity schedule."""

from collections.abc import Sequence

import pandas as pd

from betafront.front.decision.decision import Advice
from betafront.front.decision.picks import PLANE
from betafront.front.front import front
from betafront.front.slope import NAT
from betafront.front.table import RATE, Facts, usable


def capacity(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> str:
    """What to take for the end of a capacity schedule, in one sentence: the rate of a run that is
    free to spend it, which is one with a small β (Burgess et al. 2018, section 5).

    Empty where the front is not of rate and distortion, or nothing below the best β was trained.
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
