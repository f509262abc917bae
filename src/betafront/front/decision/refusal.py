"""When the trials allow no decision."""

import pandas as pd

from betafront.front.curves import points_or_trials
from betafront.front.decision.advice import Advice
from betafront.front.decision.collapse import all_collapsed, way_out_of_collapse
from betafront.front.decision.commands import again
from betafront.front.decision.noise.scatter import near, noise_of, replicated
from betafront.front.decision.points import each_point
from betafront.front.decision.standings import standings_of
from betafront.front.front import front
from betafront.front.table import ELBO, Facts, usable

TRIALS = 5  # the fewest that a decision is made from
POINTS = 3  # the fewest different points on a front; of two both are ends
REPLICATES = 3  # that are advised where single runs tell nothing apart


def refusal(table: pd.DataFrame, facts: Facts, runs: pd.DataFrame | None = None) -> str:
    """Why the trials allow no decision, in a sentence or two; empty where they do.

    Args:
        table: finished trials.
        facts: of the study.
        runs: a row per run, for the intervals of β.
    """
    return reason_against(next(each_point(table, facts, runs), None), table, facts)


def reason_against(first: Advice | None, table: pd.DataFrame, facts: Facts) -> str:
    """Why the first of the named points is no decision, in a sentence or two; empty where it is.

    Args:
        first: the first named point; None where the trials have none.
        table: finished trials.
        facts: of the study.
    """
    kept = usable(table)
    reason = _too_few(kept, table, facts)
    if not reason:
        reason = _uncertain(first, kept, facts) if first else _no_point(facts)
    return f"No decision: {reason}" if reason else ""


def _too_few(kept: pd.DataFrame, table: pd.DataFrame, facts: Facts) -> str:
    if len(kept) < TRIALS:
        held = "" if len(kept) == len(table) else " of those that came to what they were held to"
        what = "finished trials" if points_or_trials(kept) == "trials" else "points"
        return f"the study has {len(kept)} {what}{held}; it takes {TRIALS}."
    if all_collapsed(kept):
        return way_out_of_collapse(kept, facts)
    values = front(kept, facts.objectives)[list(facts.objectives)]
    if (count := len(values.drop_duplicates())) < POINTS:
        points = "one point" if count == 1 else f"{count} different points"
        return f"the front has {points}, and it takes {POINTS}."
    return ""


def _no_point(facts: Facts) -> str:
    knee = "it has no knee: no point lies below the line between its ends"
    if len(facts.objectives) > 2:
        knee = "none of three objectives is maximised"
    return f"distortions do not compare along the front, and {knee}."


def _uncertain(first: Advice, kept: pd.DataFrame, facts: Facts) -> str:
    return _unsettled(first, kept, facts) or _noise(first, kept, facts)


def _unsettled(point: Advice, table: pd.DataFrame, facts: Facts) -> str:
    found = standings_of(point, table)
    if not found.undecided:
        return ""
    return f"of the trials that matter ({found.who}) {found.counted}. {found.mended(facts)}"


def _noise(point: Advice, table: pd.DataFrame, facts: Facts) -> str:
    """Where chance alone may put a point at any β that was searched."""
    if not point.anywhere:
        return ""
    betas = table["beta"][table["beta"] > 0]
    what = "the trials differ by no more than noise"
    if point.name == "best ELBO":
        noise = noise_of(near(table, point.beta), ELBO)
        what = f"D + R differs by no more than noise ({noise:.2g} nats, standard deviation)"
    more = max(REPLICATES, 2 * replicated(table))
    return (
        f"{what}, so that {point.name} may lie anywhere from β = {betas.min():.3g} to "
        f"{betas.max():.3g}. More runs of each trial tell more: "
        f"{again(facts, {'study.replicates': str(more)})}"
    )
