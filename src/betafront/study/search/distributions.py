"""The values of the distributions that a parameter is drawn from."""

import math
from random import Random
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

if TYPE_CHECKING:
    from optuna import Trial

MOST_POINTS = 1_000_000  # that are gone through: of a grid, or of a range of floats


def is_choice(d: BaseDistribution) -> bool:
    """Whether `d` is a choice rather than a number."""
    return isinstance(d, CategoricalDistribution)


def values(d: BaseDistribution) -> list[Any]:
    """The choices, or the two ends."""
    if isinstance(d, CategoricalDistribution):
        return list(d.choices)
    if isinstance(d, FloatDistribution | IntDistribution):
        return [d.low, d.high]
    raise TypeError(f"not a distribution of this module: {d}")


def every_value(d: BaseDistribution) -> list[Any]:
    """Every value of a distribution that has finitely many."""
    if isinstance(d, IntDistribution):
        return list(range(d.low, d.high + 1, d.step))
    if isinstance(d, FloatDistribution) and d.step is not None:
        return [d.low + i * d.step for i in range(count(d) or 0)]
    return values(d)


def count(d: BaseDistribution) -> int | None:
    """How many values there are; None for an interval of floats."""
    if isinstance(d, IntDistribution):
        return (d.high - d.low) // d.step + 1
    if isinstance(d, FloatDistribution):
        return None if d.step is None else round((d.high - d.low) / d.step) + 1
    return len(values(d))


def suggested(trial: "Trial", key: str, d: BaseDistribution) -> Any:
    """Draw one parameter of an Optuna trial."""
    if isinstance(d, FloatDistribution):
        return trial.suggest_float(key, d.low, d.high, step=d.step, log=d.log)
    if isinstance(d, IntDistribution):
        return trial.suggest_int(key, d.low, d.high, step=d.step, log=d.log)
    return trial.suggest_categorical(key, values(d))


def drawn(d: BaseDistribution, random: Random) -> Any:
    """A value at random, for looking where a space has points at all."""
    if isinstance(d, IntDistribution):
        return random.randrange(d.low, d.high + 1, d.step)
    if not isinstance(d, FloatDistribution):
        return random.choice(values(d))
    if d.step is not None:
        return d.low + random.randrange(count(d) or 1) * d.step
    if d.log:
        power = random.uniform(math.log(d.low), math.log(d.high))
        return min(max(math.exp(power), d.low), d.high)
    return random.uniform(d.low, d.high)
