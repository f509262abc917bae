"""The interventional robustness score."""

import numpy as np
from numpy.typing import ArrayLike

from betafront.errors import UserError
from betafront.metrics.score import Score
from betafront.metrics.structure.inputs import Floats, Ints, checked


def irs(codes: ArrayLike, factors: ArrayLike, *, quantile: float = 0.95) -> Score:
    """IRS: how little a latent moves while one factor is fixed and all others change (Suter et al.
    2019), for independent factors.

    Of latent j and factor k it is 1 - E_v[d_j(v_k = v)] / d_j, where d is the deviation from the
    mean, among the examples with one value and among all; a latent takes its best factor, and the
    mean weighs each by d_j. The paper takes the largest deviation, which grows with the number of
    examples, so that fewer of them in one value than in all would look like robustness: here both
    are the same quantile. The weights make it depend on the scale of single latents.

    Args:
        codes: (n, M).
        factors: (n, K) integers, two factors or more, independent of one another.
        quantile: of |z - mean|; 0.95 can be estimated from the 20 examples of a value that it asks
            for, and 1 is the paper's largest, for full grids of factors.

    Returns:
        values: `irs` from 0 to 1 (0 where all latents are dead); `irs_latents`, the number that
            are not constant.
        detail: `robustness` (M, K); of a dead latent 0.

    Raises:
        UserError: see `checked`; fewer than 1/(1 - quantile) examples of a value in which the
            quantile is just the largest, or a quantile that is none.
    """
    if not 0 < quantile <= 1:
        raise UserError(f"{quantile} is no quantile: give one above 0 and up to 1")
    least = 2 if quantile == 1 else round(1 / (1 - quantile))
    z, v = checked(codes, factors, per_value=least, least_factors=2, setting="quantile")
    # The mean of a constant is rounded: its deviation need not be 0.
    overall = np.where(np.ptp(z, axis=0) > 0, _deviation(z, quantile), 0)
    used = overall > 0
    fixed = np.column_stack([_fixed(z, factor, quantile) for factor in v.T])
    ratio = fixed / np.where(used, overall, 1)[:, None]
    robustness = np.where(used[:, None], np.clip(1 - ratio, 0, 1), 0)
    best = robustness.max(axis=1)
    return Score(
        values={
            "irs": float(np.average(best, weights=overall)) if used.any() else 0.0,
            "irs_latents": float(used.sum()),
        },
        settings={"n": len(z), "quantile": quantile},
        detail={"robustness": robustness},
    )


def _deviation(z: Floats, quantile: float) -> Floats:
    return np.asarray(np.quantile(np.abs(z - z.mean(axis=0)), quantile, axis=0))


def _fixed(z: Floats, factor: Ints, quantile: float) -> Floats:
    """(M,) the mean over the values of a factor of the deviation at that value."""
    deviations = [_deviation(z[factor == value], quantile) for value in np.unique(factor)]
    return np.asarray(np.mean(deviations, axis=0))
