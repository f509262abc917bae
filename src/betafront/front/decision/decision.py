"""The decision: the advised points of a front, or none where the trials allow no decision."""

import pandas as pd

from betafront.front.decision.advice import Advice
from betafront.front.decision.asked import USUAL, Asked
from betafront.front.decision.points import points
from betafront.front.decision.refusal import reason_against
from betafront.front.table import Facts


def decide(
    table: pd.DataFrame,
    facts: Facts,
    runs: pd.DataFrame | None = None,
    asked: Asked = USUAL,
) -> list[Advice]:
    """The advised points, the decision first (`betafront.front.decision.points`); none where the
    trials allow no decision (`betafront.front.decision.refusal`).

    Args:
        table: finished trials.
        facts: of the study.
        runs: a row per run, with the columns `trial` and `replicate`, for the intervals.
        asked: for more points.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    found = points(table, facts, runs, asked)
    return [] if reason_against(found[0] if found else None, table, facts) else found
