"""The points of a space, counted and gone through: every one, or one for each choice."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, NoReturn

from optuna.distributions import BaseDistribution

from betafront.errors import UserError
from betafront.study.search.distributions import (
    MOST_POINTS,
    count,
    drawn,
    every_value,
    is_choice,
    values,
)
from betafront.study.search.space import Params, Space

TRIES = 1000  # points that are drawn to find one of a branch that keeps the constraints


def size(space: Space) -> int | None:
    """How many points there are, whatever the constraints; None where an interval has no end of
    them."""
    counts = {key: count(d) for key, d in space.distributions.items()}
    switches = {parent for conditions in space.when.values() for parent in conditions}
    total = 0
    for point in _points(space, {key: values(space.distributions[key]) for key in switches}):
        rest = [counts[key] for key in space.active(point) if key not in switches]
        if None in rest:
            return None
        total += math.prod(n for n in rest if n is not None)
    return total


def grid(space: Space, settings: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
    """Every point of a space of choices and ranges that keeps the constraints.

    Args:
        space: to be gone through.
        settings: the configuration outside the space, which constraints may read.

    Raises:
        UserError: the space has an interval, which has no grid, or too many points, or none that
            keeps the constraints.
    """
    for key, d in space.distributions.items():
        if count(d) is None:
            raise UserError(
                f"study.sampler=grid cannot search {key}, which is an interval: write the points "
                f"to try, as in '{key}=0.1,1,10'"
            )
    if (many := size(space) or 0) > MOST_POINTS:
        raise UserError(
            f"study.sampler=grid cannot go through {many} points: search shorter ranges, or take "
            "another sampler"
        )
    axes = {key: every_value(d) for key, d in space.distributions.items()}
    points = [point for point in _points(space, axes) if space.allows(point, settings)]
    return points or _refuse_all(space)


def branches(
    space: Space, most: int = 64, settings: Mapping[str, Any] = {}
) -> Iterator[dict[str, Any]]:
    """Points that go through every choice: all combinations where there are no more than `most`,
    else every choice once, with those on which it depends. Numbers stand at their low ends, and in
    one more point at their high ends; where that breaks a constraint, each of them in turn, or
    wherever a draw finds a point that keeps them. What no draw finds is left out.

    Args:
        space: to be gone through.
        most: combinations of choices.
        settings: the configuration outside the space, which constraints may read.

    Raises:
        UserError: no point was found that keeps the constraints.
    """
    low: list[dict[str, Any]] = []
    for fixed in _branches(space, most):
        point = _completed(space, fixed, settings)
        if point is not None and point not in low:
            low.append(point)
    yield from low or _refuse_all(space)
    seen: set[str] = set()
    for point in low:
        numeric = {k: d for k in point if not is_choice(d := space.distributions[k])}
        ends = {key: values(d)[-1] for key, d in numeric.items()}
        if not ends.keys() <= seen:
            seen |= ends.keys()
            every, each = point | ends, ({**point, key: end} for key, end in ends.items())
            allowed = [p for p in (every, *each) if space.allows(p, settings)]
            yield from allowed[:1] if every in allowed else allowed


def _branches(space: Space, most: int) -> list[dict[str, Any]]:
    """What must be chosen in each branch."""
    choices = {k: values(d) for k, d in space.distributions.items() if is_choice(d)}
    combinations = list(itertools.islice(_points(space, choices), most + 1))
    if len(combinations) <= most:
        return combinations
    every: list[dict[str, Any]] = []
    for key in space.distributions:
        needed = {parent: chosen[0] for parent, chosen in space.when.get(key, {}).items()}
        own = [{key: choice} for choice in choices.get(key, [])]
        every.extend(needed | choice for choice in own or [{}])
    return every


def _completed(space: Space, fixed: Params, settings: Params) -> dict[str, Any] | None:
    """A point with the choices of `fixed` that keeps the constraints: with first choices and low
    ends, or with high ends, or with random draws; None where no draw keeps them."""
    random = Random(0)
    picks: list[Callable[[BaseDistribution], Any]] = [
        lambda d: values(d)[0],
        lambda d: values(d)[0 if is_choice(d) else -1],
        *[lambda d: drawn(d, random)] * TRIES,
    ]
    for pick in picks:
        point = space.filled(_or_else(fixed, pick))
        if space.allows(point, settings):
            return point
    return None


def _points(space: Space, axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of `axes`, each only where it is there."""
    keys = [key for key in space.distributions if key in axes]

    def extended(point: dict[str, Any], i: int) -> Iterator[dict[str, Any]]:
        if i == len(keys):
            yield point
        elif space.is_there(keys[i], point):
            for value in axes[keys[i]]:
                yield from extended({**point, keys[i]: value}, i + 1)
        else:
            yield from extended(point, i + 1)

    return extended({}, 0)


def _refuse_all(space: Space) -> NoReturn:
    texts = "; ".join(c.text for c in space.constraints)
    raise UserError(f"no point of the space was found that keeps study.constraints ({texts})")


def _or_else(
    fixed: Params, pick: Callable[[BaseDistribution], Any]
) -> Callable[[str, BaseDistribution], Any]:
    return lambda key, d: fixed[key] if key in fixed else pick(d)
