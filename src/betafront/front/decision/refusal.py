"""When the trials allow no decision."""

import pandas as pd

from betafront.front.decision.decision import decide
from betafront.front.front import front
from betafront.front.table import Facts, usable

TRIALS = 5  # the fewest that a decision is made from
POINTS = 3  # the fewest different points on a front; of two both are ends


def refusal(table: pd.DataFrame, facts: Facts) -> str:
    """Why the trials allow no decision, in one sentence; empty where they do."""
    kept = usable(table)
    if len(kept) < TRIALS:
        held = "" if len(kept) == len(table) else " of those that came to what they were held to"
        return f"No decision: the study has {len(kept)} finished trials{held}; it takes {TRIALS}."
    values = front(kept, facts.objectives)[list(facts.objectives)]
    if (points := len(values.drop_duplicates())) < POINTS:
        return f"No decision: the front has {points} different points, and it takes {POINTS}."
    if decide(table, facts):
        return ""
    knee = "it has no knee: no point lies below the line between its ends"
    if len(facts.objectives) > 2:
        knee = "none of three objectives is maximised"
    return f"No decision: distortions do not compare along the front, and {knee}."
