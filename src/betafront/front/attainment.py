"""What replicates say of a front: the surfaces that a share of them attains, the interval of their
mean hypervolume, and whether those of two groups differ.

Each replicate number makes a front of its own, of one run of every trial.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betafront.front.front import hypervolume, maximised

LEVELS = (25.0, 50.0, 75.0)  # percent of the replicates
RESAMPLES = 2000
EXACT = 20_000  # ways to divide the replicates, up to which all are tried
DECIMALS = 9


@dataclass(frozen=True)
class Interval:
    """A value with the middle 95 % of its bootstrap distribution."""

    value: float
    low: float
    high: float


def attainment_surfaces(
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


def replicate_hypervolumes(
    runs: pd.DataFrame, objectives: Mapping[str, str], reference: Sequence[float]
) -> NDArray[np.float64]:
    """The hypervolume of each replicate's front, in order of the replicates."""
    fronts = runs.groupby("replicate", sort=True)
    return np.array([hypervolume(part, objectives, reference) for _, part in fronts])


def common_replicates(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of those replicates that every trial has. A replicate that some trials lack, as
    where replicates are still being added, makes a front of fewer trials, so that its difference
    from the others is not chance alone.

    Args:
        runs: a row per run, with the columns `trial` and `replicate`.
    """
    if runs.empty:
        return runs
    trials = runs.groupby("replicate")["trial"].transform("nunique")
    return runs[trials == runs["trial"].nunique()]


def bootstrap_mean(sample: NDArray[np.float64], seed: int = 0) -> Interval:
    """The mean of a sample with a percentile bootstrap interval (Efron 1979).

    With few values the interval is too narrow: it cannot reach beyond the least and the greatest.

    Args:
        sample: (n,) two values or more.
        seed: of the resamples.
    """
    from scipy.stats import bootstrap  # 0.5 s

    interval = bootstrap(
        (sample,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=seed
    ).confidence_interval
    return Interval(float(sample.mean()), float(interval.low), float(interval.high))


def least_p(a: int, b: int) -> float:
    """The least p that `permutation_p` can return for samples of `a` and of `b` values."""
    return 1 / comb(a + b, a)


def permutation_p(a: NDArray[np.float64], b: NDArray[np.float64], seed: int = 0) -> float:
    """The p of the one-sided permutation test that the mean of `a` is greater than that of `b`
    (Fisher 1935): the share of all ways to divide the values, or of a random sample of them, in
    which the means differ by at least as much.

    It cannot fall below `least_p`: 0.05 for three values and three.

    Args:
        a, b: (n,) and (m,), two values or more each.
        seed: of the random sample.
    """
    from scipy.stats import permutation_test  # 0.5 s

    def difference(x: NDArray[np.float64], y: NDArray[np.float64], axis: int) -> Any:
        # Rounded: a mean of the same values in another order differs in its last digits.
        return np.round((np.mean(x, axis) - np.mean(y, axis)) / size, DECIMALS)

    size = max(1.0, float(np.abs(np.concatenate([a, b])).max()))

    found = permutation_test(
        (a, b), difference, vectorized=True, n_resamples=EXACT, alternative="greater", rng=seed
    )
    return float(found.pvalue)
