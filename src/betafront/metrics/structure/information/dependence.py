"""Whether a latent tells anything of a factor at all."""

import numpy as np
from scipy.stats import chi2_contingency, rankdata

from betafront.metrics.structure.inputs import Floats, Ints

LEVEL = 1e-4  # of the test: one in ten thousand random latents passes
MOST_BINS = 20
PER_CELL = 5  # examples to be expected, below which the test's distribution is not reached


def depend(latent: Floats, level: Ints) -> bool:
    """Whether Pearson's χ² test of the latent's quantile bins rejects that it is independent of the
    factor.

    It sees far smaller dependence than an estimate of information from single neighbours does, and
    only what shows at the scale of its bins, at most 20.

    Args:
        latent: (n,).
        level: (n,) the values of the factor, as 0, 1, 2, ...
    """
    n, size = len(latent), int(level.max()) + 1
    bins = int(np.clip(n // (PER_CELL * size), 2, MOST_BINS))
    place = ((rankdata(latent) - 0.5) / n * bins).astype(np.int64)
    counts = np.bincount(place * size + level, minlength=bins * size).reshape(bins, size)
    counts = counts[counts.any(axis=1)]
    return len(counts) > 1 and bool(chi2_contingency(counts, correction=False).pvalue < LEVEL)
