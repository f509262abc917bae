"""All that is said of a decision: for programs, and as sentences."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from betafront.front.decision.capacity import end_of_capacity
from betafront.front.decision.cautions import cautions
from betafront.front.decision.decision import USUAL, Advice, Asked, decide, trades
from betafront.front.decision.refusal import refusal
from betafront.front.slope import fitted_slope
from betafront.front.table import Facts, usable


def decision_record(
    table: pd.DataFrame, facts: Facts, runs: pd.DataFrame | None = None, asked: Asked = USUAL
) -> dict[str, Any]:
    """For programs: the decision or why there is none, the advised points, and the cautions."""
    advice = decide(table, facts, runs, asked)
    why = refusal(table, facts)
    return {
        "decision": None if why or not advice else advice[0].record,
        "refused": why,
        "points": [one.record for one in advice],
        "cautions": [] if why else cautions(table, facts, advice),
    }


def notes(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> list[str]:
    """The price of rate at each point, what changes between points, the slope of the hull, and the
    end of a capacity schedule, a sentence each."""
    prices = {a.trial: a.price for a in reversed(advice)}  # with the first of a trial's names
    worth = [prices[trial] for trial in dict.fromkeys(a.trial for a in advice)]
    fitted = fitted_slope(usable(table)) if facts.rate_distortion and advice else ""
    end = end_of_capacity(table, facts, advice)
    return [line for line in [*worth, *trades(advice), fitted, end] if line]
