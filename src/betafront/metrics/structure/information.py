"""How many nats each latent tells about each factor."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import entropy, rankdata

from betafront.errors import UserError
from betafront.metrics.score import Score
from betafront.metrics.structure.inputs import Floats, Ints, checked, known, relabelled

Binning = Literal["quantile", "width"]
Correction = Literal["miller-madow", "none"]

LEAST_BINS = 20
BINS_PER_LEVEL = 2
EXAMPLES_PER_BIN = 10


def information(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    bins: int | None = None,
    binning: Binning = "quantile",
    correction: Correction = "miller-madow",
) -> Score:
    """Mutual information I(z_j; v_k) of binned latents and factors, and the entropies, in nats.

    B bins hold at most ln B nats, so that a latent cannot score more than ln B / H(v_k) of a
    factor: the `cap`. The default, two bins for each level of the largest factor and never fewer
    than 20, caps nothing and keeps evenly used levels apart. Counting in cells overestimates
    information, of independent variables by about (B - 1)(L - 1) / 2n nats; the correction of
    Miller (1955) and Madow adds (occupied cells - 1) / 2n to each entropy, and leaves a third of it
    where there are hardly more examples than cells.

    Args:
        codes: (n, M) posterior means, or samples: the means of a collapsed latent may still tell
            of x what its noise would hide.
        factors: (n, K) integers.
        bins: for each latent.
        binning: by quantiles (mid-ranks; the same for every increasing function of a latent) or of
            equal width.
        correction: of the entropies; `none` is the plug-in estimate.

    Returns:
        values: `information_top`, `information_second`, the mean over the factors of what the
            best and the next latent tell of a factor as a share of its entropy.
        detail: `mutual_information` (M, K), `entropy` (K,), `latent_entropy` (M,), `cap` (K,).

    Raises:
        UserError: see `checked`; fewer than ten examples a bin, an unknown binning or correction.
    """
    z, v = checked(codes, factors)
    known("binning", binning, get_args(Binning))
    known("correction", correction, get_args(Correction))
    n = len(z)
    levels = [relabelled(factor) for factor in v.T]
    sizes = [int(level.max()) + 1 for level in levels]
    if bins is None:
        bins = max(LEAST_BINS, BINS_PER_LEVEL * max(sizes))
    if bins < 2 or n < EXAMPLES_PER_BIN * bins:
        raise UserError(
            f"{bins} bins cannot be filled from {n} examples: "
            f"give 2 bins or more and at least {EXAMPLES_PER_BIN} examples for each"
        )

    binned = [_binned(latent, bins, binning) for latent in z.T]
    of_latents = np.array([_entropy(bin_, correction) for bin_ in binned])
    of_factors = np.array([_entropy(level, correction) for level in levels])
    joint = np.array(
        [
            [
                _entropy(bin_ * size + level, correction)
                for level, size in zip(levels, sizes, strict=True)
            ]
            for bin_ in binned
        ]
    )
    most = np.minimum(of_latents[:, None], of_factors)
    mutual = np.clip(of_latents[:, None] + of_factors - joint, 0, most)
    cap = np.minimum(1, np.log(bins) / of_factors)
    share = np.sort(np.vstack([mutual / of_factors, np.zeros((1, len(sizes)))]), axis=0)
    return Score(
        values={
            "information_top": float(share[-1].mean()),
            "information_second": float(share[-2].mean()),
        },
        settings={
            "n": n,
            "bins": bins,
            "binning": binning,
            "correction": correction,
            "cap": float(cap.min()),
        },
        detail={
            "mutual_information": mutual,
            "entropy": of_factors,
            "latent_entropy": of_latents,
            "cap": cap,
        },
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
