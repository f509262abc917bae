"""The mutual information gap."""

import numpy as np
from numpy.typing import ArrayLike

from betafront.metrics.score import Score
from betafront.metrics.structure.gap import top_two_gap
from betafront.metrics.structure.information import Binning, Correction, information


def mig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    bins: int | None = None,
    binning: Binning = "quantile",
    correction: Correction = "miller-madow",
) -> Score:
    """MIG: the mean over factors of (I(z_1; v_k) - I(z_2; v_k)) / H(v_k), z_1 and z_2 the latents
    that tell most of v_k (Chen et al. 2018, section 4).

    The information is estimated in bins, not from q(z|x) as in the paper; with too few bins no code
    can reach 1, and `settings["cap"]` says what it could reach.

    Args:
        codes, factors, bins, binning, correction: see `information`.

    Returns:
        values: `mig`, from 0 to 1.
        detail: `gap` (K,), and that of `information`.

    Raises:
        UserError: see `information`.
    """
    told = information(codes, factors, bins=bins, binning=binning, correction=correction)
    entropy = told.detail["entropy"]
    gap = top_two_gap(told.detail["mutual_information"], np.zeros_like(entropy)) / entropy
    return Score({"mig": float(gap.mean())}, told.settings, {**told.detail, "gap": gap})
