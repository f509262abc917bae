"""The score of the FactorVAE."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from betafront.metrics.score import Score
from betafront.metrics.structure.inputs import Floats, Ints, active, at_least, checked


def factor_vae_score(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    examples: int = 64,
    train_votes: int = 800,
    test_votes: int = 800,
    active_threshold: float = 0.01,
    seed: int = 0,
) -> Score:
    """Which factor is fixed, told from the latent that varies least (Kim & Mnih 2018, section 4).

    A vote fixes a factor at the value of a random example, draws examples with that value, and goes
    to the active latent with the smallest ratio of the variance among them to that among all. Each
    latent stands for the factor that most often gave it a vote; the score is the share of further
    votes that this gets right.

    Args:
        codes: (n, M).
        factors: (n, K) integers, two factors or more.
        examples: for each vote, without repetition; every value of a factor needs as many.
        train_votes, test_votes: votes to learn from and to score, an even number for each factor.
        active_threshold: on the variance of a latent (not its standard deviation); others get no
            vote, since a ratio of two small variances is noise.
        seed: of the draws.

    Returns:
        values: `factor_vae_score`; `factor_vae_score_latents`, the number above the
            threshold; `factor_vae_score_chance`, 1/K.
        detail: `votes` (M, K) to learn from.

    Raises:
        UserError: see `checked` (`examples` of every value); fewer votes than factors.
    """
    z, v = checked(codes, factors, per_value=examples, least_factors=2, setting="examples")
    at_least(2, examples=examples)
    at_least(v.shape[1], train_votes=train_votes, test_votes=test_votes)
    generator = np.random.default_rng(seed)
    used = active(z, active_threshold)
    # Those not used are infinitely far from a vote, and their variance is not divided by.
    scale = np.where(used, z.var(axis=0), 1)

    def votes(number: int) -> Ints:
        counts = np.zeros((z.shape[1], v.shape[1]), dtype=np.int64)
        for k in np.arange(number) % v.shape[1]:
            value = v[generator.integers(len(v)), k]
            drawn = generator.choice(np.flatnonzero(v[:, k] == value), examples, replace=False)
            counts[_steadiest(z[drawn], scale, used), k] += 1
        return counts

    learned, further = votes(train_votes), votes(test_votes)
    right = further[np.arange(len(further)), learned.argmax(axis=1)].sum()
    return Score(
        values={
            "factor_vae_score": float(right / further.sum()),
            "factor_vae_score_latents": float(used.sum()),
            "factor_vae_score_chance": 1 / v.shape[1],
        },
        settings={
            "n": len(z),
            "examples": examples,
            "train_votes": train_votes,
            "test_votes": test_votes,
            "active_threshold": active_threshold,
            "seed": seed,
        },
        detail={"votes": learned},
    )


def _steadiest(z: Floats, scale: Floats, used: NDArray[np.bool_]) -> int:
    return int(np.where(used, z.var(axis=0) / scale, np.inf).argmin())
