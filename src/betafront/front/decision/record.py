"""All that is said of a decision: for programs, and as sentences."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from betafront.front.decision.advice import Advice, each_once, trades
from betafront.front.decision.asked import USUAL, Asked
from betafront.front.decision.capacity import end_of_capacity
from betafront.front.decision.cautions import cautions
from betafront.front.decision.noise.scatter import near, noise_of, replicated
from betafront.front.decision.points import points
from betafront.front.decision.refusal import reason_against
from betafront.front.slope import fitted_slope
from betafront.front.table import ELBO, Facts, usable


def decision_record(
    table: pd.DataFrame, facts: Facts, runs: pd.DataFrame | None = None, asked: Asked = USUAL
) -> dict[str, Any]:
    """For programs: the decision or why there is none, the advised points (none without a
    decision), and the cautions."""
    found = points(table, facts, runs, asked)
    why = reason_against(found[0] if found else None, table, facts)
    advice = [] if why else found
    return {
        "decision": advice[0].record if advice else None,
        "refused": why,
        "points": [one.record for one in advice],
        "cautions": cautions(table, facts, advice),
    }


def notes(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> list[str]:
    """The noise of D + R, the price of rate at each point, what changes between points, the slope
    of the hull, and the end of a capacity schedule, a sentence each."""
    worth = [one.price for one in each_once(advice)]
    fitted = fitted_slope(usable(table)) if facts.rate_distortion and advice else ""
    end = end_of_capacity(table, facts, advice)
    noise = _noise(usable(table), advice) if facts.one_scale else ""
    return [line for line in [noise, *worth, *trades(advice), fitted, end] if line]


def _noise(table: pd.DataFrame, advice: Sequence[Advice]) -> str:
    """The noise of D + R near the decision; empty where it is not known."""
    around = near(table, advice[0].beta) if advice else table.head(0)
    noise = noise_of(around, ELBO)
    if not noise:
        return ""
    count = replicated(around)
    source = f"the scatter about a curve over log β of the {len(around)} trials nearest"
    if count > 1:
        source = f"{count} replicates, of their mean"
    return f"Noise: {noise:.2g} nats of D + R (standard deviation), by {source}."
