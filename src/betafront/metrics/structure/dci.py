"""Disentanglement, completeness and informativeness."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.inspection import permutation_importance

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
    seed: int = 0,
) -> Score:
    """DCI (Eastwood & Williams 2018, section 2) from the importances of trees.

    The importance R_jk of latent j for factor k is what a classifier of v_k from all latents,
    fitted to three quarters of the examples, loses of its accuracy on the others where z_j is
    shuffled among them. The decrease of impurity in the trees, usual elsewhere, is the other
    choice: it counts what the trees learn of noise, so that it calls a code mixed that is only
    noisy, and gives importance to collapsed latents. Informativeness is measured on the held-out
    examples too. The values depend on the regressor, its depth and the kind of importance: compare
    none across them.

    Args:
        codes: (n, M).
        factors: (n, K) integers.
        regressor: a random forest, or boosted trees (slow where factors have many levels: every
            stage has a tree for each level; a depth of 3 is usual there).
        importance: loss of held-out accuracy by shuffling, or impurity.
        trees: of the forest, or stages of boosting.
        depth: of each tree; 8 leaves room for 256 levels and little for noise.
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
    fits = [
        _fit(z, relabelled(factor), REGRESSORS[regressor](trees, depth, seed), importance, seed)
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
    z: Floats, level: Ints, model: Any, importance: Importance, seed: int
) -> tuple[Floats, float, float]:
    """Importance (M,), held-out accuracy, and that of the commonest level."""
    train, test = split(level, seed)
    model.fit(z[train], level[train])
    if importance == "impurity":
        weights = model.feature_importances_
    else:
        weights = permutation_importance(
            model, z[test], level[test], n_repeats=SHUFFLES, random_state=seed
        ).importances_mean
    commonest = np.bincount(level[train]).argmax()
    return (
        weights.clip(min=0),  # of boosting an impurity that falls by nothing is rounded to below 0
        float(model.score(z[test], level[test])),
        float((level[test] == commonest).mean()),
    )
