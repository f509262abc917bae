"""The separated attribute predictability score."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import balanced_accuracy_score

from betafront.errors import UserError
from betafront.metrics.score import Score
from betafront.metrics.structure.gap import top_two_gap
from betafront.metrics.structure.inputs import (
    PER_VALUE,
    TEST_SHARE,
    Floats,
    Ints,
    checked,
    relabelled,
    split,
)


def sap(
    codes: ArrayLike, factors: ArrayLike, *, ordinal: Sequence[bool] | None = None, seed: int = 0
) -> Score:
    """SAP: the mean over factors of the gap between the two latents that predict a factor best,
    each on its own (Kumar et al. 2018, section 3).

    An ordinal factor is predicted by a line: the score is the squared correlation with its values.
    A categorical one is predicted by a linear classifier, the nearest class mean, and the score is
    the balanced accuracy on the held-out quarter. The paper takes a linear support vector machine;
    one-versus-rest on a single latent that can find only the first and the last of many levels.
    A dead latent scores what knowing nothing scores, 1/levels or 0, so that of a categorical factor
    the gap is at most 1 - 1/levels.

    Args:
        codes: (n, M).
        factors: (n, K) integers.
        ordinal: K flags, which factors are numbers; by default none is.
        seed: of the split.

    Returns:
        values: `sap`.
        detail: `score` (M, K), `gap` (K,).

    Raises:
        UserError: see `checked` (four examples of every value), and a mask of another length.
    """
    z, v = checked(codes, factors, per_value=PER_VALUE)
    flags = [False] * v.shape[1] if ordinal is None else list(ordinal)
    if len(flags) != v.shape[1]:
        raise UserError(
            f"{len(flags)} flags of ordinal factors for {v.shape[1]} factors: give one for each"
        )
    columns, floor = [], []
    for factor, is_ordinal in zip(v.T, flags, strict=True):
        if is_ordinal:
            columns.append([_squared_correlation(latent, factor) for latent in z.T])
            floor.append(0.0)
        else:
            level = relabelled(factor)
            train, test = split(level, seed)
            columns.append([_accuracy(latent, level, train, test) for latent in z.T])
            floor.append(1 / (level.max() + 1))
    score = np.array(columns).T
    gap = top_two_gap(score, np.array(floor))
    return Score(
        values={"sap": float(gap.mean())},
        settings={
            "n": len(z),
            "ordinal": " ".join(str(k) for k, flag in enumerate(flags) if flag) or "none",
            "classifier": "nearest class mean",
            "test_share": TEST_SHARE,
            "seed": seed,
        },
        detail={"score": score, "gap": gap},
    )


def _squared_correlation(latent: Floats, factor: Ints) -> float:
    if np.ptp(latent) == 0:
        return 0.0
    return float(np.corrcoef(latent, factor)[0, 1] ** 2)


def _accuracy(latent: Floats, level: Ints, train: Ints, test: Ints) -> float:
    means = np.bincount(level[train], weights=latent[train]) / np.bincount(level[train])
    nearest = np.abs(latent[test, None] - means).argmin(axis=1)
    return float(balanced_accuracy_score(level[test], nearest))
