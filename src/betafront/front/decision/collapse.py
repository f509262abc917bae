"""Runs that use no latent: why they do not, and where to search instead."""

from collections.abc import Iterator

import pandas as pd

from betafront.front.curves import trials_of
from betafront.front.decision.commands import further, new_study
from betafront.front.table import CAUSE, MSE, RATE, STANDING, Facts
from betafront.training.cause import (
    BETTER_TRAINING,
    CAUSES,
    OPTIMISATION,
    WEIGHT,
    between,
    where,
)
from betafront.training.standing import COLLAPSED, DEAD_RATE

LISTED = 8  # trials of one cause


def collapsed(table: pd.DataFrame) -> "pd.Series[bool]":
    """Which trials use no latent: their rate is about 0, or all latents were recorded as dead."""
    dead = table[RATE] < DEAD_RATE
    return dead | (table[STANDING] == COLLAPSED) if STANDING in table else dead


def all_collapsed(table: pd.DataFrame) -> bool:
    """Whether there are trials, and none of them uses a latent."""
    return bool(len(table) and collapsed(table).all())


def causes(table: pd.DataFrame) -> dict[str, str]:
    """Why trials have collapsed, a sentence for each cause (`betafront.training.cause.CAUSES`) that
    occurs; empty where none has collapsed, or it was not recorded why.

    Args:
        table: trials.
    """
    return {cause: _by(cause, rows) for cause, rows in trials_of_causes(table)}


def trials_of_causes(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The trials that have collapsed by each cause that occurs."""
    for cause in CAUSES if CAUSE in table else ():
        if len(rows := table[table[CAUSE] == cause]):
            yield cause, rows


def _by(cause: str, rows: pd.DataFrame) -> str:
    trials = "1 trial has" if len(rows) == 1 else f"{len(rows)} trials have"
    at, beta_c, beta_live = (_ends(rows[key]) for key in ("beta", "beta_c", "beta_live"))
    low, high = at
    betas = f"β = {low:.4g}" if low == high else f"β from {low:.4g} to {high:.4g}"
    said = f"{trials} collapsed {CAUSES[cause]}{_listed(cause, rows)}: "
    said += where(cause, betas, beta_c, beta_live)
    if cause != OPTIMISATION:
        return said
    return f"{said}. {BETTER_TRAINING[0].upper()}{BETTER_TRAINING[1:]}"


def _listed(cause: str, rows: pd.DataFrame) -> str:
    """Which trials, where something is to be done about them."""
    if cause == WEIGHT:
        return ""
    numbers = [str(number) for number in rows["trial"]]
    more = f" and {len(numbers) - LISTED} more" if len(numbers) > LISTED else ""
    return f" ({', '.join(numbers[:LISTED])}{more})"


def _ends(values: "pd.Series[float]") -> tuple[float, float]:
    return float(values.min()), float(values.max())


def way_out_of_collapse(table: pd.DataFrame, facts: Facts) -> str:
    """What is known of a study in which every trial has collapsed, and the command that searches
    where latents are in use.

    Args:
        table: its trials.
        facts: of the study.
    """
    said = (
        f"all {len(trials_of(table))} trials have collapsed: no latent is in use, and the rate is "
        f"at most {table[RATE].max():.2g} nats."
    )
    found = causes(table)
    if OPTIMISATION in found:
        annealed = new_study(facts, "annealed", {"schedule": "linear"}, imported=False)
        return f"{said} {found[OPTIMISATION]}: {annealed}"
    said = f"{said} {_alive_below(table, facts)}."
    if facts.reach is None or not facts.reach.lower:
        return f"{said} Search smaller weights (objective.weight), in a study of another name."
    return f"{said} Search there: {further(facts, facts.reach.lower)}"


def _alive_below(table: pd.DataFrame, facts: Facts) -> str:
    """Which β can be alive: that which was forecast, or what the smallest one says."""
    if CAUSE in table and trials_of(table)[CAUSE].notna().all():
        return f"Latents are alive below β = {between(*_ends(table['beta_live']))}"
    smallest = f"Only β below {table['beta'].min():.3g}, the smallest of them, can be alive"
    return smallest + _first_latent(table, facts)


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
