"""The score of the β-VAE."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from betafront.metrics.score import Score
from betafront.metrics.structure.inputs import LIBRARY, Floats, Ints, at_least, checked, relabelled


def beta_vae_score(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    pairs: int = 64,
    train_points: int = 1000,
    test_points: int = 1000,
    seed: int = 0,
) -> Score:
    """Which factor pairs of examples share, told from their codes (Higgins et al. 2017, section 3).

    A point is the mean of |z - z'| over pairs that agree in one factor, the values drawn anew for
    each pair; a linear classifier tells from it which factor. The mean over many pairs removes
    noise, so the score reaches 1 early: it says little between good codes.

    Args:
        codes: (n, M).
        factors: (n, K) integers, two factors or more.
        pairs: for each point.
        train_points, test_points: points to fit and to score the classifier on, an even number
            for each factor; the pairs of both are drawn from the same examples.
        seed: of the draws.

    Returns:
        values: `beta_vae_score`, the accuracy, and `beta_vae_score_chance`, 1/K.

    Raises:
        UserError: see `checked` (two examples of every value); no pairs; fewer points than
            factors.
    """
    z, v = checked(codes, factors, per_value=2, least_factors=2)
    at_least(1, pairs=pairs)
    at_least(v.shape[1], train_points=train_points, test_points=test_points)
    generator = np.random.default_rng(seed)
    mates = [_Mates(relabelled(factor)) for factor in v.T]

    def points(number: int) -> tuple[Floats, Ints]:
        shared = np.arange(number) % len(mates)
        return np.array([_point(z, mates[k], pairs, generator) for k in shared]), shared

    # Standardised, the penalty on the weights sees no scale of the latents.
    classifier = make_pipeline(StandardScaler(), LogisticRegression())
    classifier.fit(*points(train_points))
    return Score(
        values={
            "beta_vae_score": float(classifier.score(*points(test_points))),
            "beta_vae_score_chance": 1 / len(mates),
        },
        settings={
            "n": len(z),
            "classifier": "logistic regression, L2, C = 1",
            "pairs": pairs,
            "train_points": train_points,
            "test_points": test_points,
            "seed": seed,
            **LIBRARY,
        },
    )


class _Mates:
    """For each example another with the same value of a factor, drawn evenly."""

    def __init__(self, level: Ints) -> None:
        self.size = np.bincount(level)[level]
        self.order = np.argsort(level, kind="stable")
        self.start = np.searchsorted(level[self.order], level)
        self.place = np.argsort(self.order) - self.start

    def draw(self, examples: Ints, generator: np.random.Generator) -> Ints:
        size = self.size[examples]
        # A step of 1 to size - 1 around the group never ends where it began.
        step = generator.integers(1, size)
        return self.order[self.start[examples] + (self.place[examples] + step) % size]


def _point(z: Floats, mates: _Mates, pairs: int, generator: np.random.Generator) -> Floats:
    first = generator.integers(len(z), size=pairs)
    second = mates.draw(first, generator)
    return np.asarray(np.abs(z[first] - z[second]).mean(axis=0))
