"""Codes and factors as every metric takes them: checked once, split alike."""

from collections.abc import Collection

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split

from betafront.errors import UserError, near_miss

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Of the settings of a score that rests on a fitted model: the defaults and the splits of
# scikit-learn have changed published scores from one version to the next.
LIBRARY: dict[str, float | str] = {"scikit-learn": sklearn.__version__}

TEST_SHARE = 0.25
PER_VALUE = 4  # so that a quarter, stratified, holds at least one example of every value


def checked(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    per_value: int = 1,
    least_factors: int = 1,
    setting: str | None = None,
) -> tuple[Floats, Ints]:
    """The codes as (n, M) floats in double precision and the factors as (n, K) integers.

    Args:
        per_value: examples that every value of every factor needs.
        least_factors: the smallest K for which the metric is defined.
        setting: of the metric, by which fewer examples of a value would do.

    Raises:
        UserError: shapes that do not match, factors that are not integers, codes that are not
            finite, a constant factor, too few factors or examples.
    """
    z, v = np.asarray(codes), np.asarray(factors)
    if z.ndim != 2 or v.ndim != 2 or len(z) != len(v) or not (z.size and v.size):
        raise UserError(
            f"codes of shape {z.shape} and factors of shape {v.shape} do not match: "
            "give (n, M) and (n, K) of the same n examples"
        )
    if not np.issubdtype(v.dtype, np.integer):
        raise UserError(f"factors of type {v.dtype} are not levels: give integers")
    if v.shape[1] < least_factors:
        raise UserError(
            f"this metric tells {least_factors} factors or more apart, there is {v.shape[1]}: "
            "give more factors or probe the one"
        )
    z = z.astype(np.float64)
    if broken := int((~np.isfinite(z)).sum()):
        raise UserError(f"{broken} of the codes are not finite: take a run that did not diverge")
    for k, factor in enumerate(v.T):
        values, counts = np.unique(factor, return_counts=True)
        if len(values) < 2:
            raise UserError(f"factor {k} is constant: leave it out")
        if counts.min() < per_value:
            raise UserError(
                f"factor {k} has {counts.min()} examples of the value {values[counts.argmin()]} "
                f"and {per_value} are needed: give more examples, or leave that value out"
                + (f", or lower `{setting}`" if setting else "")
            )
    return z, v.astype(np.int64)


def known(setting: str, value: str, choices: Collection[str]) -> None:
    """Refuse a `value` of a setting that is none of its choices."""
    if value not in choices:
        raise UserError(f"unknown {setting} {value!r}: {near_miss(value, choices)}")


def at_least(least: float, **settings: float) -> None:
    """Refuse a setting, given by name, that is below `least`."""
    for setting, value in settings.items():
        if value < least:
            raise UserError(f"{setting} of {value} is too few: give {least} or more")


def relabelled(factor: Ints) -> Ints:
    """The (n,) values of a factor as 0, 1, 2, ... in their order."""
    return np.unique(factor, return_inverse=True)[1].astype(np.int64)


def split(level: Ints, seed: int) -> tuple[Ints, Ints]:
    """Indices to train on and, a quarter of them, to test on; every level has its share in both.

    Each level needs `PER_VALUE` examples.
    """
    train, test = train_test_split(
        np.arange(len(level)), test_size=TEST_SHARE, stratify=level, random_state=seed
    )
    return train, test


def active(codes: Floats, threshold: float) -> NDArray[np.bool_]:
    """(M,) which latents vary: a variance (biased, not a standard deviation) above `threshold`.

    In units of the prior's variance, as in Burda et al. (2016), section 5.2, and in `evaluate`.
    """
    return np.asarray(codes.var(axis=0) > threshold)
