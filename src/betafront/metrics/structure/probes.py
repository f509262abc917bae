"""What a simple classifier reads of one label in the codes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from betafront.errors import UserError
from betafront.metrics.score import Score
from betafront.metrics.structure.inputs import (
    LIBRARY,
    PER_VALUE,
    TEST_SHARE,
    at_least,
    checked,
    relabelled,
    split,
)


def linear_probe(codes: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> Score:
    """Accuracy of a multinomial logistic regression on standardised codes.

    Args:
        codes: (n, M).
        labels: (n,) integers.
        seed: of the split, three quarters to train on and one to test on.

    Returns:
        values: `linear_probe`, the held-out accuracy; `linear_probe_chance`, that of the
            commonest label.

    Raises:
        UserError: see `checked` (four examples of every label).
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    settings: dict[str, float | str] = {"classifier": "multinomial logistic regression, L2, C = 1"}
    return _probe("linear_probe", model, codes, labels, settings, seed)


def knn_probe(codes: ArrayLike, labels: ArrayLike, *, neighbours: int = 5, seed: int = 0) -> Score:
    """Accuracy of the k nearest neighbours, by Euclidean distance in the codes' own units.

    Not standardised: in units of the prior a collapsed latent counts for little, and standardised
    its noise would count as much as any other.

    Args:
        codes: (n, M).
        labels: (n,) integers.
        neighbours: k.
        seed: of the split, three quarters to train on and one to test on.

    Returns:
        values: `knn_probe`, the held-out accuracy; `knn_probe_chance`, that of the commonest label.

    Raises:
        UserError: see `checked` (four examples of every label); more neighbours than examples.
    """
    at_least(1, neighbours=neighbours)
    if neighbours > (1 - TEST_SHARE) * len(np.asarray(codes)):
        raise UserError(
            f"{neighbours} neighbours among {len(np.asarray(codes))} examples, a quarter of them "
            "held out: give more examples or ask for fewer"
        )
    model = KNeighborsClassifier(neighbours)
    settings: dict[str, float | str] = {
        "classifier": "nearest neighbours",
        "neighbours": neighbours,
    }
    return _probe("knn_probe", model, codes, labels, settings, seed)


def _probe(
    name: str,
    model: Any,
    codes: ArrayLike,
    labels: ArrayLike,
    settings: dict[str, float | str],
    seed: int,
) -> Score:
    z, v = checked(codes, np.asarray(labels)[..., None], per_value=PER_VALUE)
    level = relabelled(v[:, 0])
    train, test = split(level, seed)
    model.fit(z[train], level[train])
    commonest = np.bincount(level[train]).argmax()
    return Score(
        values={
            name: float(model.score(z[test], level[test])),
            f"{name}_chance": float((level[test] == commonest).mean()),
        },
        settings={"n": len(z), **settings, "test_share": TEST_SHARE, "seed": seed, **LIBRARY},
    )
