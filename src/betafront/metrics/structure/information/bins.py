"""Information of latents about factors, by counting in bins."""

from typing import Literal

import numpy as np
from scipy.stats import entropy, rankdata

from betafront.errors import UserError
from betafront.metrics.structure.information.estimated import Estimated
from betafront.metrics.structure.inputs import Floats, Ints

Binning = Literal["quantile", "width"]
Correction = Literal["miller-madow", "none"]

LEAST_BINS = 20
BINS_PER_LEVEL = 2
EXAMPLES_PER_BIN = 10


def number_of_bins(bins: int | None, levels: list[Ints]) -> int:
    """Those that are asked for, or by default two for each level of the largest factor and never
    fewer than 20.

    Raises:
        UserError: fewer than ten examples a bin.
    """
    n = len(levels[0])
    if bins is None:
        bins = max(LEAST_BINS, BINS_PER_LEVEL * max(int(level.max()) + 1 for level in levels))
    if bins < 2 or n < EXAMPLES_PER_BIN * bins:
        raise UserError(
            f"{bins} bins cannot be filled from {n} examples: "
            f"give 2 bins or more and at least {EXAMPLES_PER_BIN} examples for each"
        )
    return bins


def by_bins(
    z: Floats, levels: list[Ints], bins: int, binning: Binning, correction: Correction
) -> Estimated:
    """The information of binned latents.

    B bins hold at most ln B nats, so that a latent cannot score more than ln B / H(v_k) of a
    factor: the cap, of levels that no border of a bin cuts. Of a code without ties, borders do cut
    levels, and a perfect code scores less (0.94 of 3 levels in 20 bins). Counting in cells
    overestimates information, of independent variables by about (B - 1)(L - 1) / 2n nats; the
    correction of Miller (1955) and Madow adds (occupied cells - 1) / 2n to each entropy, and leaves
    a third of it where there are hardly more examples than cells.

    Args:
        z: (n, M).
        levels: of each factor the (n,) values, as 0, 1, 2, ...
        bins: for each latent.
        binning: by quantiles (mid-ranks; the same for every increasing function of a latent) or of
            equal width.
        correction: of the entropies; `none` is the plug-in estimate.
    """
    binned = [_binned(latent, bins, binning) for latent in z.T]
    of_latents = np.array([_entropy(bin_, correction) for bin_ in binned])
    of_factors = np.array([_entropy(level, correction) for level in levels])
    joint = np.array(
        [
            [_entropy(bin_ * (level.max() + 1) + level, correction) for level in levels]
            for bin_ in binned
        ]
    )
    most = np.minimum(of_latents[:, None], of_factors)
    return Estimated(
        np.minimum(of_latents[:, None] + of_factors - joint, most),
        of_factors,
        np.minimum(1, np.log(bins) / of_factors),
        {"latent_entropy": of_latents},
    )


def _binned(latent: Floats, bins: int, binning: Binning) -> Ints:
    if binning == "quantile":
        # Mid-ranks keep ties together, and levels of a share of 1/bins or more apart.
        place = (rankdata(latent) - 0.5) / len(latent)
    else:
        place = (latent - latent.min()) / (np.ptp(latent) or 1.0)
    return np.asarray(place * bins).astype(np.int64).clip(max=bins - 1)


def _entropy(labels: Ints, correction: Correction) -> float:
    counts = np.bincount(labels)
    occupied = int((counts > 0).sum())
    bias = (occupied - 1) / (2 * len(labels)) if correction == "miller-madow" else 0.0
    return float(entropy(counts)) + bias
