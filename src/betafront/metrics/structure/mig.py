"""The mutual information gap."""

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from betafront.metrics.score import Score
from betafront.metrics.structure.gap import top_two_gap
from betafront.metrics.structure.information import How, information


def mig(codes: ArrayLike, factors: ArrayLike, **how: Unpack[How]) -> Score:
    """MIG: the mean over factors of (I(z_1; v_k) - I(z_2; v_k)) / H(v_k), z_1 and z_2 the latents
    that tell most of v_k (Chen et al. 2018, section 4).

    The information is estimated from the codes, not from q(z|x) as in the paper: by nearest
    neighbours, which find all of it in a perfect code, or in bins, by which no code may reach 1.
    `settings["cap"]` says what could be reached.

    Args:
        codes, factors: see `information`.
        how: the estimator and its settings, see `How`.

    Returns:
        values: `mig`, from 0 to 1.
        detail: `gap` (K,), and that of `information`.

    Raises:
        UserError: see `information`.
    """
    told = information(codes, factors, **how)
    entropy = told.detail["entropy"]
    gap = top_two_gap(told.detail["mutual_information"], np.zeros_like(entropy)) / entropy
    return Score({"mig": float(gap.mean())}, told.settings, {**told.detail, "gap": gap})
