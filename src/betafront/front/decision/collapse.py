"""Studies in which no run uses any latent, and where to search instead."""

import pandas as pd

from betafront.front.decision.commands import further
from betafront.front.table import MSE, RATE, STANDING, Facts
from betafront.training.standing import COLLAPSED

NO_RATE = 0.05  # nats: an example that carries less tells its reconstruction nothing


def collapsed(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which trials use no latent: their rate is about 0, or all latents were recorded as dead."""
    dead = table[RATE] < NO_RATE
    return dead | (table[STANDING] == COLLAPSED) if STANDING in table else dead


def all_collapsed(table: pd.DataFrame) -> bool:
    """Whether there are trials, and none of them uses a latent."""
    return bool(len(table) and collapsed(table).all())


def way_out_of_collapse(table: pd.DataFrame, facts: Facts) -> str:
    """What is known of a study in which every trial has collapsed, and the command that searches
    where latents are in use.

    Args:
        table: its trials.
        facts: of the study.
    """
    said = (
        f"all {len(table)} trials have collapsed: no latent is in use, and the rate is at most "
        f"{table[RATE].max():.2g} nats. Only β below {table['beta'].min():.3g}, the smallest of "
        f"them, can be alive{_first_latent(table, facts)}."
    )
    if facts.reach is None or not facts.reach.lower:
        return f"{said} Search smaller weights (objective.weight), in a study of another name."
    return f"{said} Search there: {further(facts, facts.reach.lower)}"


def _first_latent(table: pd.DataFrame, facts: Facts) -> str:
    """Between which β the first latent of a Gaussian comes alive, in a clause.

    A linear model uses a first latent below β = λ₁ / σ², with the greatest eigenvalue λ₁ of the
    data's covariance (Lucas et al. 2019). A collapsed model reconstructs the mean, so that N · MSE
    is the sum of all eigenvalues, and λ₁ lies between the sum and a share 1 / N of the sum.
    """
    if MSE not in table or "sigma" not in table:
        return ""
    least = table.loc[table["beta"].idxmin()]
    if not (pd.notna(least["sigma"]) and pd.notna(least[MSE]) and least["sigma"] > 0):
        return ""
    ratio = float(least[MSE]) / float(least["sigma"]) ** 2
    return (
        f" (the first latent of a linear model is in use below a β between {ratio:.3g} and "
        f"{ratio * facts.pixels:.3g}, from the variance of the data and σ = {least['sigma']:.3g})"
    )
