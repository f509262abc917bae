"""The metric of information."""

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from betafront.metrics.score import Score
from betafront.metrics.structure.information.estimators import How, estimator_of
from betafront.metrics.structure.inputs import checked, relabelled


def information(codes: ArrayLike, factors: ArrayLike, **how: Unpack[How]) -> Score:
    """Mutual information I(z_j; v_k) of latents and factors, and the entropies, in nats.

    By nearest neighbours (Ross 2014) a perfect code has all of the entropy of a factor, whatever
    the number of levels, the noise within them and the increasing function that the latent is, and
    a latent that tells nothing has none, but for noise; by bins there are biases on both sides.

    Args:
        codes: (n, M) posterior means, or samples: the means of a collapsed latent may still tell
            of x what its noise would hide.
        factors: (n, K) integers.
        how: the estimator and its settings, see `How`.

    Returns:
        values: `information_top`, `information_second`, the mean over the factors of what the
            best and the next latent tell of a factor as a share of its entropy.
        settings: the estimator, and `cap`, the smallest share that a perfect code could score.
        detail: `mutual_information` (M, K), `entropy` (K,), `cap` (K,); of bins `latent_entropy`
            (M,).

    Raises:
        UserError: see `checked`; unknown names, settings of the other estimator, fewer than ten
            examples a bin.
    """
    z, v = checked(codes, factors)
    levels = [relabelled(factor) for factor in v.T]
    estimator = estimator_of(how, levels)
    found = estimator.estimate(z, levels)
    mutual = np.clip(found.mutual, 0, found.entropy)
    share = np.sort(np.vstack([mutual / found.entropy, np.zeros((1, len(levels)))]), axis=0)
    return Score(
        values={
            "information_top": float(share[-1].mean()),
            "information_second": float(share[-2].mean()),
        },
        settings={"n": len(z), **estimator.settings, "cap": float(found.cap.min())},
        detail={
            "mutual_information": mutual,
            "entropy": found.entropy,
            "cap": found.cap,
            **found.detail,
        },
    )
