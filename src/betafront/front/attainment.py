"""What replicates say of a front: how far a quarter, a half, three quarters of them reach.

A replicate number makes a front of its own: the runs of that number of all trials, one of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.front.front import hypervolume, maximised

LEVELS = (25.0, 50.0, 75.0)  # percent of the replicates
RESAMPLES = 2000
EXACT = 20_000  # ways to share replicates out, up to which all are tried


@dataclass(frozen=True)
class Interval:
    """A value with the middle 95 % of its bootstrap distribution."""

    value: float
    low: float
    high: float


def attained(
    runs: pd.DataFrame, objectives: Mapping[str, str], levels: Sequence[float] = LEVELS
) -> dict[float, NDArray[np.float64]]:
    """The empirical attainment surfaces: for each level, the points (n, K) that at least that many
    percent of the replicates' fronts equal or dominate, in order of the first objective
    (Grunert da Fonseca et al. 2001).

    Args:
        runs: a row per run, with the column `replicate`.
        objectives: metric to direction, in order.
        levels: percent, in (0, 100].
    """
    signs = np.where(maximised(objectives), -1.0, 1.0)
    points = runs[list(objectives)].to_numpy(float) * signs
    sets = runs["replicate"].to_numpy(int)
    found = moocore.eaf(points, sets, percentiles=sorted(levels))
    surfaces = {}
    for level in levels:
        surface = found[np.isclose(found[:, -1], level), :-1] * signs
        surfaces[level] = surface[np.lexsort(surface.T[::-1])]
    return surfaces


def volumes(
    runs: pd.DataFrame, objectives: Mapping[str, str], reference: Sequence[float]
) -> NDArray[np.float64]:
    """The hypervolume of each replicate's front, in order of the replicates."""
    fronts = runs.groupby("replicate", sort=True)
    return np.array([hypervolume(part, objectives, reference) for _, part in fronts])


def bootstrapped(sample: NDArray[np.float64], seed: int = 0) -> Interval:
    """The mean of a sample with a percentile bootstrap interval (Efron 1979); of one value, itself.

    With few values it is too narrow: of three, say, it cannot reach beyond the least and the
    greatest.
    """
    rng = np.random.default_rng(seed)
    means = rng.choice(sample, (RESAMPLES, len(sample))).mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(sample.mean()), float(low), float(high))


def least_p(a: int, b: int) -> float:
    """The least that `p_better` can say of so many values each."""
    return 1 / comb(a + b, a)


def p_better(a: NDArray[np.float64], b: NDArray[np.float64], seed: int = 0) -> float:
    """How often chance alone makes the mean of `a` exceed that of `b` by as much: the one-sided
    permutation test, over all ways to share the values out, or a sample of them (Fisher 1935).

    With n values each it cannot fall below one over the number of ways: 0.05 for three and three.
    """
    pooled = np.concatenate([a, b])
    seen = a.mean() - b.mean()
    total, n = pooled.sum(), len(a)
    if comb(len(pooled), n) <= EXACT:
        sums = np.array([pooled[list(c)].sum() for c in combinations(range(len(pooled)), n)])
    else:
        rng = np.random.default_rng(seed)
        sums = rng.permuted(np.tile(pooled, (EXACT, 1)), axis=1)[:, :n].sum(1)
        sums = np.append(sums, a.sum())
    differences = sums / n - (total - sums) / len(b)
    return float(np.mean(differences >= seen - 1e-9 * max(1.0, abs(seen))))
