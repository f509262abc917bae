"""Disentanglement, completeness and informativeness."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from betafront.metrics.score import Score
from betafront.metrics.structure.inputs import (
    LIBRARY,
    PER_VALUE,
    TEST_SHARE,
    Floats,
    Ints,
    at_least,
    checked,
    known,
    relabelled,
    split,
)

Regressor = Literal["random_forest", "gradient_boosting"]
Importance = Literal["permutation", "impurity"]

SHUFFLES = 5

# All latents are candidates at every split: where only some are drawn, a split among the wrong
# ones gives importance to latents that know nothing.
REGRESSORS: dict[str, Callable[[int, int, int], Any]] = {
    "random_forest": lambda trees, depth, seed: RandomForestClassifier(
        trees, max_depth=depth, max_features=None, random_state=seed
    ),
    "gradient_boosting": lambda trees, depth, seed: GradientBoostingClassifier(
        n_estimators=trees, max_depth=depth, random_state=seed
    ),
}


def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    regressor: Regressor = "random_forest",
    importance: Importance = "permutation",
    trees: int = 20,
    depth: int = 8,
    standard_errors: float = 3,
    seed: int = 0,
) -> Score:
    """DCI (Eastwood & Williams 2018, section 2) from the importances of trees.

    The importance R_jk of latent j for factor k is what a classifier of v_k from all latents,
    fitted to three quarters of the examples, loses of its accuracy on the others where z_j is
    shuffled among them, where that is beyond the noise of so many examples: of a noisy code the
    losses of latents that know nothing of a factor would make a tenth of all importance, and most
    of what one seed has beside another. The decrease of impurity in the trees, usual elsewhere, is
    the other choice: it counts what the trees learn of noise, so that it calls a code mixed that is
    only noisy, and gives importance to collapsed latents. Informativeness is measured on the
    held-out examples too. The values depend on the regressor, its depth and the kind of importance:
    compare none across them.

    Args:
        codes: (n, M).
        factors: (n, K) integers.
        regressor: a random forest, or boosted trees (slow where factors have many levels: every
            stage has a tree for each level; a depth of 3 is usual there).
        importance: loss of held-out accuracy by shuffling, or impurity.
        trees: of the forest, or stages of boosting.
        depth: of each tree; 8 leaves room for 256 levels and little for noise.
        standard_errors: a loss of accuracy counts beyond so many of its standard errors over the
            held-out examples; of 0 each that is above 0 counts. Not of impurity.
        seed: of the split and the trees.

    Returns:
        values: `dci_disentanglement`, `dci_completeness` from 0 to 1; `dci_accuracy`, the mean over
            factors of the held-out accuracy, and `dci_informativeness`, the same with the accuracy
            of the commonest value at 0 and all right at 1.
        detail: `importance` (M, K), `accuracy` (K,), `chance` (K,).

    Raises:
        UserError: see `checked` (four examples of every value), an unknown regressor or importance.
    """
    z, v = checked(codes, factors, per_value=PER_VALUE)
    known("regressor", regressor, REGRESSORS)
    known("importance", importance, get_args(Importance))
    at_least(1, trees=trees, depth=depth)
    at_least(0, standard_errors=standard_errors)

    def weights_of(model: Any, held_out: Floats, level: Ints) -> Floats:
        if importance == "impurity":
            # Of boosting an impurity that falls by nothing is rounded to below 0.
            return np.asarray(model.feature_importances_).clip(min=0)
        return _lost(model, held_out, level, standard_errors, seed)

    fits = [
        _fit(z, relabelled(factor), REGRESSORS[regressor](trees, depth, seed), weights_of, seed)
        for factor in v.T
    ]
    weights, accuracies, chances = zip(*fits, strict=True)
    importances = np.column_stack(weights)
    accuracy, chance = np.array(accuracies), np.array(chances)
    return Score(
        values={
            "dci_disentanglement": disentanglement(importances),
            "dci_completeness": completeness(importances),
            "dci_accuracy": float(accuracy.mean()),
            "dci_informativeness": float(((accuracy - chance) / (1 - chance)).mean()),
        },
        settings={
            "n": len(z),
            "regressor": regressor,
            "importance": importance,
            "shuffles": SHUFFLES if importance == "permutation" else 0,
            "standard_errors": standard_errors if importance == "permutation" else 0,
            "trees": trees,
            "depth": depth,
            "test_share": TEST_SHARE,
            "seed": seed,
            **LIBRARY,
        },
        detail={"importance": importances, "accuracy": accuracy, "chance": chance},
    )


def disentanglement(importance: Floats) -> float:
    """The mean over latents of 1 - H_K(P_j), where P_jk = R_jk / Σ_k R_jk and logarithms are to the
    base K, each latent weighted by its share of all importance: a dead one by 0.

    Args:
        importance: (M, K), not negative.
    """
    total = importance.sum(axis=1)
    if not total.any():
        return 0.0
    shares = importance / np.where(total > 0, total, 1)[:, None]
    # A single factor has entropy 0 to any base.
    purity = 1 - entr(shares).sum(axis=1) / np.log(max(importance.shape[1], 2))
    return float(np.average(purity, weights=total))


def completeness(importance: Floats) -> float:
    """The same with latents and factors exchanged: 1 where one latent holds all of a factor.

    Args:
        importance: (M, K), not negative; logarithms are to the base M, dead latents included.
    """
    return disentanglement(importance.T)


def _fit(
    z: Floats,
    level: Ints,
    model: Any,
    weights_of: Callable[[Any, Floats, Ints], Floats],
    seed: int,
) -> tuple[Floats, float, float]:
    """Importance (M,), held-out accuracy, and that of the commonest level."""
    train, test = split(level, seed)
    model.fit(z[train], level[train])
    commonest = np.bincount(level[train]).argmax()
    return (
        weights_of(model, z[test], level[test]),
        float(model.score(z[test], level[test])),
        float((level[test] == commonest).mean()),
    )


def _lost(model: Any, held_out: Floats, level: Ints, standard_errors: float, seed: int) -> Floats:
    """(M,) the accuracy that is lost where a latent is shuffled (Breiman 2001), 0 where that is
    within its noise."""
    generator = np.random.default_rng(seed)
    right = (model.predict(held_out) == level).astype(float)
    losses = np.zeros(held_out.shape[1])
    used = {j for tree in np.ravel(model.estimators_) for j in tree.tree_.feature.tolist()}
    shuffled = np.tile(held_out, (SHUFFLES, 1))
    for j, latent in enumerate(held_out.T):
        if np.ptp(latent) == 0:
            continue
        orders = [generator.permutation(latent) for _ in range(SHUFFLES)]
        if j not in used:  # no tree looks at it, as at most of a thousand latents
            continue
        shuffled[:, j] = np.concatenate(orders)
        still = (model.predict(shuffled).reshape(SHUFFLES, -1) == level).mean(axis=0)
        shuffled[:, j] = np.tile(latent, SHUFFLES)
        lost = right - still
        error = lost.std() / np.sqrt(len(lost))
        losses[j] = max(lost.mean(), 0) if lost.mean() > standard_errors * error else 0
    return losses
