"""Information of continuous latents about factors, by nearest neighbours."""

from typing import NamedTuple

import numpy as np
from scipy.special import digamma, polygamma

from betafront.metrics.structure.information.dependence import depend
from betafront.metrics.structure.information.estimated import Estimated
from betafront.metrics.structure.inputs import Floats, Ints

SHARE = 0.01  # of the examples of a value
LEAST = 3
NOISE = 5  # times sqrt(E[ψ'(k)]/n): some 4 standard deviations over random latents


def by_neighbours(z: Floats, levels: list[Ints], neighbours: int | None = None) -> Estimated:
    """The estimate of Ross (2014), of latents that are continuous, discrete or both.

    For each example it takes the distance to the k-th nearest of those with the same value of the
    factor, and counts the examples that are nearer than that: `own` of the same value, `every` of
    any, itself among both. The information is ψ(n) - E[ψ(n_v)] + E[ψ(own) - ψ(every)], where n_v
    examples have the value. Without ties `own` is k. Where k or more examples are at the same
    place, all that are there count, which makes it the estimate of discrete variables with the
    correction of Miller and Madow; Ross, and scikit-learn's `mutual_info_classif`, leave k in place
    of `own`, and find information in ties.

    Examples of one value that lie apart from all others have `own` = `every` wherever they lie: a
    perfect code tells all of the entropy, ψ(n) - E[ψ(n_v)]. Of a value with a single example
    nothing can be told.

    The estimate of a latent that tells nothing is around 0 with a standard deviation of some
    sqrt(E[ψ'(k)]/n) nats, and by the best of many such latents a code would seem to know what it
    does not. So an estimate within that noise is 0, unless a test shows that the two depend on one
    another (`depend`).

    Args:
        z: (n, M).
        levels: of each factor the (n,) values, as 0, 1, 2, ...
        neighbours: k; None takes 1 % of the examples of each value, and never fewer than 3: more
            neighbours, less noise, and a blur over as many examples.

    Returns:
        with `noise` (K,) in nats in the detail.
    """
    psi = digamma(np.arange(len(z) + 1))
    factors = [_factor(level, neighbours, psi) for level in levels]
    mutual = np.empty((z.shape[1], len(levels)))
    for j, latent in enumerate(z.T):
        order = np.argsort(latent, kind="stable")
        values = latent[order]
        for k, factor in enumerate(factors):
            own, every = _nearer(values, factor.level[order], factor.neighbours)
            found = factor.entropy + float(np.mean(psi[own] - psi[every]))
            real = found > factor.noise or depend(latent, factor.level)
            mutual[j, k] = found if real else 0
    entropy = np.array([factor.entropy for factor in factors])
    untold = np.array([factor.untold for factor in factors])
    noise = np.array([factor.noise for factor in factors])
    return Estimated(mutual, entropy, 1 - untold / entropy, {"noise": noise})


class _Factor(NamedTuple):
    """A factor with what no latent changes.

    Attributes:
        level: (n,) its values.
        neighbours: k of each value, 0 where it has a single example.
        entropy: in nats.
        noise: the nats up to which an estimate may be noise.
        untold: the part of the entropy that is of values with a single example.
    """

    level: Ints
    neighbours: Ints
    entropy: float
    noise: float
    untold: float


def _factor(level: Ints, neighbours: int | None, psi: Floats) -> _Factor:
    n, size = len(level), np.bincount(level)
    k = _wanted(size, neighbours)
    single = size == 1
    return _Factor(
        level,
        k,
        float(psi[n] - np.average(psi[size], weights=size)),
        NOISE * float(np.sqrt(np.average(polygamma(1, np.maximum(k, 1)), weights=size) / n)),
        float(single.sum() / n * (psi[n] - psi[1])),
    )


def _wanted(size: Ints, neighbours: int | None) -> Ints:
    """The number of neighbours for each value of a factor with so many examples."""
    if neighbours is None:
        wanted = np.maximum(np.rint(SHARE * size).astype(np.int64), LEAST)
    else:
        wanted = np.full_like(size, neighbours)
    return np.asarray(np.minimum(wanted, size - 1))


def _nearer(values: Floats, level: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """How many examples of the same value, and of any, are nearer to each than its neighbour.

    Args:
        values: (n,) of a latent, in their order.
        level: (n,) of the same examples.
        wanted: the number of neighbours by level; 0 where a value has a single example.
    """
    n = len(values)
    grouped = np.argsort(level, kind="stable")  # by level, and within a level by value
    z, group = values[grouped], level[grouped]
    k, place = wanted[group], np.arange(n)
    start = np.searchsorted(group, group, side="left")
    end = np.searchsorted(group, group, side="right")

    # The k + 1 nearest of a level are consecutive: `before` of them lie to the left, of which the
    # distance to the left end grows with `before`, and that to the right end falls.
    def ends(before: Ints) -> tuple[Floats, Floats]:
        return z[place - before], z[place - before + k]

    fewest, most = np.maximum(0, k - (end - 1 - place)), np.minimum(k, place - start)
    low, high = fewest, most
    while (low < high).any():
        middle = (low + high) // 2
        left, right = ends(middle)
        enough = (z - left >= right - z) | (low == high)
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    reach = np.maximum(*_distances(z, *ends(low)))
    fewer = np.maximum(low - 1, fewest)
    before = np.where(np.maximum(*_distances(z, *ends(fewer))) < reach, fewer, low)

    left, right = ends(before)
    to_left, to_right = _distances(z, left, right)
    reach = np.maximum(to_left, to_right)
    # Where the farthest lies its own value is the border, which a difference may miss by rounding.
    lower = np.where(to_left == reach, left, z - reach)
    upper = np.where(to_right == reach, right, z + reach)
    tied = reach == 0
    first = np.where(tied, np.searchsorted(values, z), np.searchsorted(values, lower, "right"))
    last = np.where(
        tied, np.searchsorted(values, z, "right"), np.searchsorted(values, upper, "left")
    )
    # Of one level those between two places, in the order of (level, place among all).
    key = group * (n + 1) + grouped
    own = np.searchsorted(key, group * (n + 1) + last) - np.searchsorted(
        key, group * (n + 1) + first
    )
    alone = k == 0
    return np.where(alone, 1, own), np.where(alone, n, last - first)


def _distances(z: Floats, left: Floats, right: Floats) -> tuple[Floats, Floats]:
    return z - left, right - z
