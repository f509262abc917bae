"""How far trials of nearly the same β differ: by their seeds, and by whatever else was searched."""

import numpy as np
import pandas as pd

from betafront.front.curves import of_curves, trials_of
from betafront.front.decision.noise.curve import Array, Curve, curve

FEW, MOST = 24, 60  # trials: up to FEW all of them are near, of more the nearer half, up to MOST
KNOWN = 3.0  # degrees of freedom from which replicates alone say how large the noise is
SURE = 2.0  # standard errors that a difference must exceed


def by_beta(table: pd.DataFrame) -> pd.DataFrame:
    """The trials with a β above 0, in order of β."""
    return table[table["beta"] > 0].sort_values("beta")


def near(table: pd.DataFrame, beta: float) -> pd.DataFrame:
    """The trials nearest to `beta` in ln β, in order of β: all of FEW, or half of more, up to MOST.

    Args:
        table: finished trials.
        beta: where it is not above 0, no trial is near.
    """
    kept = by_beta(table)
    if beta <= 0:
        return kept.head(0)
    distance = np.abs(log_beta(kept) - np.log(beta))
    count = min(MOST, max(FEW, len(kept) // 2))
    return kept.iloc[np.sort(distance.argsort(kind="stable")[:count])]


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """At most MOST rows, evenly spread."""
    if len(table) <= MOST:
        return table
    return table.iloc[np.linspace(0, len(table) - 1, MOST).round().astype(int)]


def log_beta(table: pd.DataFrame) -> Array:
    """(n,) ln β of trials with a β above 0."""
    logarithm: Array = np.log(table["beta"].to_numpy(float))
    return logarithm


def curve_of(table: pd.DataFrame, metric: str, sign: float = 1.0) -> Curve | None:
    """The curve of a metric, times `sign`, over ln β; None where there is none.

    Points of one model without replicates have none: they are smooth over β whatever chance made of
    that model, so how they scatter says nothing of it.

    Args:
        table: trials that are `near`.
        metric: a column.
        sign: −1 for a metric whose greatest value is looked for.
    """
    table = table[np.isfinite(table[metric].to_numpy(float))]
    if of_curves(table).all() and len(trials_of(table)) < 2 and replicated(table) < 2:
        return None
    return curve(log_beta(table), sign * table[metric].to_numpy(float), *pooled(table, metric))


def noise_of(table: pd.DataFrame, metric: str) -> float:
    """The standard deviation of a trial's value by chance, in the metric's unit: of the mean of
    replicates where enough of them are known, else of the scatter about the curve over ln β; 0
    where neither is known.

    Args:
        table: trials that are `near`.
        metric: a column.
    """
    deviation, freedom = pooled(table, metric)
    if freedom >= KNOWN:
        return deviation
    found = curve_of(table, metric)
    return found.noise if found else deviation


def replicated(table: pd.DataFrame) -> int:
    """The replicates that every trial has; 1 where trials are single runs."""
    if table.empty or "replicates" not in table:
        return 1
    return int(table["replicates"].fillna(1).min())


def pooled(table: pd.DataFrame, metric: str) -> tuple[float, float]:
    """The standard deviation of the mean of a trial's replicates, pooled over the trials, and its
    degrees of freedom; zeros where there are no replicates.

    Args:
        table: trials.
        metric: a column.
    """
    if f"sd/{metric}" not in table or "replicates" not in table:
        return 0.0, 0.0
    runs = table["replicates"].to_numpy(float)
    variance = table[f"sd/{metric}"].to_numpy(float) ** 2 / np.maximum(runs, 1.0)
    known = np.isfinite(variance) & (runs > 1)
    if not known.any():
        return 0.0, 0.0
    freedom = runs[known] - 1
    return float(np.sqrt(np.average(variance[known], weights=freedom))), float(freedom.sum())
