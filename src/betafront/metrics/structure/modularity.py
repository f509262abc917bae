"""Modularity and explicitness."""

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from betafront.metrics.score import Score
from betafront.metrics.structure.information import How, information
from betafront.metrics.structure.inputs import (
    LIBRARY,
    PER_VALUE,
    TEST_SHARE,
    Floats,
    Ints,
    active,
    checked,
    relabelled,
    split,
)


def modularity(
    codes: ArrayLike, factors: ArrayLike, *, active_threshold: float = 0.01, **how: Unpack[How]
) -> Score:
    """Whether each latent tells of one factor only (Ridgeway & Mozer 2018).

    A latent that tells nothing has modularity 0, and dead ones pull the mean over all latents down
    by their number alone: the mean over active latents is beside it. By nearest neighbours,
    information that is within the noise of its estimate is none; by bins the ratio of two such
    estimates may be anything.

    Args:
        codes, factors: see `information`; two factors or more.
        active_threshold: a latent is active when its variance exceeds it.
        how: the estimator and its settings, see `How`.

    Returns:
        values: `modularity` over all latents, `modularity_active` over the active (0 without any),
            `modularity_latents`, their number.
        detail: `latent_modularity` (M,), and that of `information`.

    Raises:
        UserError: see `information`; a single factor.
    """
    z, v = checked(codes, factors, least_factors=2)
    told = information(z, v, **how)
    each = latent_modularity(told.detail["mutual_information"])
    is_active = active(z, active_threshold)
    return Score(
        values={
            "modularity": float(each.mean()),
            "modularity_active": float(each[is_active].mean()) if is_active.any() else 0.0,
            "modularity_latents": float(is_active.sum()),
        },
        settings={**told.settings, "active_threshold": active_threshold},
        detail={**told.detail, "latent_modularity": each},
    )


def latent_modularity(mutual: Floats) -> Floats:
    """(M,) 1 - Σ_{k≠k*} I_jk² / (I_jk*² (K - 1)), k* the factor that latent j tells most of.

    Args:
        mutual: (M, K) mutual information; a latent that tells nothing has modularity 0.
    """
    squares = mutual**2
    most = squares.max(axis=1)
    others = (squares.sum(axis=1) - most) / (mutual.shape[1] - 1)
    return np.where(most > 0, 1 - others / np.where(most > 0, most, 1), 0.0)


def explicitness(codes: ArrayLike, factors: ArrayLike, *, seed: int = 0) -> Score:
    """Whether each value of a factor can be read off all latents by one line (Ridgeway & Mozer
    2018).

    The mean over values and factors of the area under the ROC curve of a balanced logistic
    regression, one value against the rest, on the held-out quarter, with 1/2 moved to 0. One latent
    that rises with a factor ranks only its ends right: middle values need more than a line.

    Args:
        codes: (n, M), standardised here.
        factors: (n, K) integers.
        seed: of the split.

    Returns:
        values: `explicitness`, 0 for chance and 1 for every value.
        detail: `explicitness` (K,).

    Raises:
        UserError: see `checked` (four examples of every value).
    """
    z, v = checked(codes, factors, per_value=PER_VALUE)
    area = np.array([_area(z, relabelled(factor), seed) for factor in v.T])
    each = 2 * area - 1
    return Score(
        values={"explicitness": float(each.mean())},
        settings={
            "n": len(z),
            "classifier": "logistic regression, one versus rest, L2, C = 1",
            "test_share": TEST_SHARE,
            "seed": seed,
            **LIBRARY,
        },
        detail={"explicitness": each},
    )


def _area(z: Floats, level: Ints, seed: int) -> float:
    """The mean over levels of the area under the held-out curve."""
    train, test = split(level, seed)
    scaler = StandardScaler().fit(z[train])
    seen, held_out = scaler.transform(z[train]), scaler.transform(z[test])
    areas = []
    for value in range(level.max() + 1):
        model = LogisticRegression(class_weight="balanced").fit(seen, level[train] == value)
        areas.append(roc_auc_score(level[test] == value, model.decision_function(held_out)))
    return float(np.mean(areas))
