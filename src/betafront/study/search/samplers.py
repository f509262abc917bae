"""Optuna's samplers by name, seeded."""

import math
import warnings
from collections.abc import Callable
from typing import Any

from optuna import samplers
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from betafront.errors import UserError, near_miss
from betafront.study.search.space import Space
from betafront.study.seeds import seed_from

SAMPLERS: dict[str, Callable[[int, bool], BaseSampler]] = {
    "tpe": lambda seed, groups: samplers.TPESampler(
        seed=seed, multivariate=True, constant_liar=True, group=groups
    ),
    "random": lambda seed, _: samplers.RandomSampler(seed=seed),
    # The points of a grid are the first of the queue; nothing else is drawn.
    "grid": lambda seed, _: samplers.RandomSampler(seed=seed),
    # The points of a sequence are numbered; only what a given point leaves open is drawn.
    "qmc": lambda seed, _: samplers.RandomSampler(seed=seed),
    "nsga2": lambda seed, _: samplers.NSGAIISampler(seed=seed),
}


def check_sampler(name: str) -> None:
    """Refuse an unknown name.

    Raises:
        UserError: naming the near miss.
    """
    if name not in SAMPLERS:
        raise UserError(f"study.sampler={name} is unknown: {near_miss(name, SAMPLERS)}")


def sampler(name: str, seed: int, *own: int, groups: bool = False) -> BaseSampler:
    """The sampler called `name`, for one draw.

    Two workers with the same seed would draw the same points, and a resumed one would repeat its
    draws, so more entropy goes in beside the study's seed.

    Args:
        name: of the sampler.
        seed: of the study.
        own: the worker, the number of the draw, …
        groups: whether parameters come and go with the choices of others.
    """
    check_sampler(name)
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        return SAMPLERS[name](seed_from(seed, *own), groups)


def sobol(space: Space, seed: int, index: int) -> dict[str, Any]:
    """Point `index` of a scrambled Sobol sequence over the space, choices included.

    Every worker knows the whole sequence, so none draws a point of another (Optuna's own counts the
    points in the storage without a lock, and leaves choices to chance).
    """
    from scipy.stats import qmc

    distributions = space.distributions
    sequence = qmc.Sobol(len(distributions), scramble=True, rng=seed_from(seed))
    if index:  # SciPy cannot go forward by nothing
        sequence.fast_forward(index)
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # of a balance of 2^k
        unit = sequence.random(1)[0]
    params = {
        key: quantile(d, float(u)) for (key, d), u in zip(distributions.items(), unit, strict=True)
    }
    return {key: params[key] for key in space.active(params)}


POINTS: dict[str, Callable[[Space, int, int], dict[str, Any]]] = {"qmc": sobol}
"""Samplers that are sequences: the point of a number does not depend on the history."""


def quantile(d: BaseDistribution, u: float) -> Any:
    """The value below which a part `u` of the distribution lies, 0 <= u < 1."""
    if isinstance(d, CategoricalDistribution):
        return d.choices[int(u * len(d.choices))]
    if isinstance(d, FloatDistribution):
        if d.step is not None:
            return d.low + int(u * (round((d.high - d.low) / d.step) + 1)) * d.step
        return _between(d.low, d.high, u, d.log)
    if isinstance(d, IntDistribution):
        if d.log:
            return min(d.high, int(_between(d.low, d.high + 1, u, log=True)))
        return d.low + int(u * ((d.high - d.low) // d.step + 1)) * d.step
    raise TypeError(f"not a distribution of a space: {d}")


def _between(low: float, high: float, u: float, log: bool) -> float:
    if log:
        return math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
    return low + u * (high - low)
