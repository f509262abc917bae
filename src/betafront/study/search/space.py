"""The search space: what a study draws its points from.

A parameter may have conditions (it is there only where another was given certain choices), and a
space may have constraints between its parameters.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    distribution_to_json,
)

from betafront.config.overrides import bare
from betafront.errors import UserError, near_miss
from betafront.study.search.choices import meaning, stored_as
from betafront.study.search.conditions import When, closed, condition, ordered
from betafront.study.search.constraints import Constraint
from betafront.study.search.distributions import suggested
from betafront.study.search.grammar import name_of, searches

if TYPE_CHECKING:
    from optuna import Trial

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Space:
    """What a study searches.

    Attributes:
        distributions: for each parameter (a dotted key or a config group, as written, so perhaps
            with Hydra's + in front) what it is drawn from; what a condition reads comes before.
            A choice that is no plain number or truth value is kept as text of Hydra's override
            grammar, so that words, lists, nulls and quoted strings come out as what went in.
        when: for each conditional parameter, the choices of others under which it is there: all of
            them, so also the conditions of those others.
        constraints: between parameters; each is applied where all that it reads is there.
    """

    distributions: dict[str, BaseDistribution]
    when: When = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def parse(
        cls,
        lines: Iterable[str],
        conditions: Mapping[str, Sequence[str]] = {},
        constraints: Sequence[str] = (),
    ) -> "Space":
        """Read `key=sweep` lines, such as `objective.weight=tag(log, interval(0.01, 10))`.

        Args:
            lines: one per parameter.
            conditions: for a parameter what must have been chosen, such as
                `["schedule=linear,cosine"]`; all of them must be met.
            constraints: comparisons, such as `schedule.warmup + schedule.start <= 1`.

        Raises:
            UserError: a line cannot be parsed, or is no sweep, or is empty or inverted; a condition
                names what is not searched, no choice, or goes in a circle; a constraint cannot be
                read.
        """
        found = searches(lines)
        direct = {
            key: [condition(text, key, found) for text in conditions[key]]
            for key in found
            if conditions.get(key)
        }
        order = ordered(found, {k: [parent for parent, _ in pairs] for k, pairs in direct.items()})
        read = tuple(Constraint.parse(text) for text in constraints)
        return cls({key: found[key] for key in order}, closed(order, direct), read)

    @property
    def conditional(self) -> bool:
        """Whether some parameters are there only for some choices of others."""
        return bool(self.when)

    def active(self, params: Params) -> list[str]:
        """The parameters that are there, given the choices in `params`."""
        return [key for key in self.distributions if self.is_there(key, params)]

    def is_there(self, key: str, params: Params) -> bool:
        """Whether a parameter is there, given the choices in `params`."""
        conditions = self.when.get(key, {}).items()
        return all(parent in params and params[parent] in chosen for parent, chosen in conditions)

    def is_whole(self, point: Params) -> bool:
        """Whether a point that was given has a value for every parameter that is there."""
        return bool(point) and set(self.active(point)) <= set(point)

    def has(self, params: Params, distributions: Mapping[str, BaseDistribution]) -> bool:
        """Whether parameters, and what they were drawn from, are a point of this space."""
        own = {key: self.distributions.get(key) for key in distributions}
        return own == dict(distributions) and set(self.active(params)) == set(params)

    def suggest(self, trial: "Trial") -> dict[str, Any]:
        """Draw the parameters that are there, in order, through Optuna's define-by-run calls."""
        return self.filled(lambda key, d: suggested(trial, key, d))

    def overrides(self, params: Params) -> list[str]:
        """The Hydra overrides that put `params` into a configuration."""
        return [f"{key}={params[key]}" for key in self.active(params)]

    def holds(self, params: Params) -> bool:
        """Whether every parameter that is there has a choice of this space, or a number where one
        is searched: a storage may say anything, and `overrides` writes it into a configuration."""
        return all(
            key in params and _is_of(params[key], self.distributions[key])
            for key in self.active(params)
        )

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this space, whatever the order of its lines."""
        parts: dict[str, Any]
        parts = {k: distribution_to_json(d) for k, d in self.distributions.items()}
        if self.when or self.constraints:  # that of a plain space is in studies of before
            constraints = sorted(c.normal for c in self.constraints)
            parts = {"distributions": parts, "when": self.when, "constraints": constraints}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def check_constraints(self, settings: Iterable[str]) -> None:
        """Refuse a constraint that reads what is neither searched nor one of `settings`.

        Raises:
            UserError: naming the near miss.
        """
        known = {*map(name_of, self.distributions), *settings}
        for constraint in self.constraints:
            constraint.check(known)

    def allows(self, params: Params, settings: Mapping[str, Any] = {}) -> bool:
        """Whether `params` keep every constraint.

        A constraint that reads what is not there (an inactive parameter, one that a part of a point
        leaves open, a setting that is not given) is not applied; `check_constraints` finds a
        misspelt name.

        Args:
            params: the parameters of a point, or some of them.
            settings: the configuration outside the space, as dotted keys.

        Raises:
            UserError: a constraint cannot be computed at `params`.
        """
        return self._broken(params, settings) is None

    def _broken(self, params: Params, settings: Params) -> Constraint | None:
        if not self.constraints:
            return None
        searched = {name_of(key): key for key in self.distributions}
        there = {key for key in self.active(params) if key in params}
        for constraint in self.constraints:
            values: dict[str, Any] = {}
            for name in constraint.names:
                if searched.get(name) in there:
                    values[name] = meaning(params[searched[name]])
                elif name in settings and name not in searched:
                    values[name] = settings[name]
            if len(values) == len(constraint.names) and not constraint.holds(values):
                return constraint
        return None

    def check_point(self, point: Params, settings: Mapping[str, Any] = {}) -> dict[str, Any]:
        """A point that a user wants tried, or a part of one, as it is stored.

        Args:
            point: parameters (with or without Hydra's +) to values, as YAML gives them or as the
                text that a user writes for them.
            settings: the configuration outside the space, which constraints may read.

        Raises:
            UserError: a parameter is not searched, is outside what it is drawn from, is not there
                for the choices of the point, or a constraint does not hold.
        """
        known = {bare(key): key for key in self.distributions}
        given: dict[str, Any] = {}
        for name, value in point.items():
            key = known.get(bare(str(name)))
            if key is None:
                raise UserError(f"the space has no {name}: {near_miss(str(name), known)}")
            given[key] = stored_as(key, value, self.distributions[key])
        for key in given:
            for parent, chosen in self.when.get(key, {}).items():
                if parent in given and given[parent] not in chosen:
                    raise UserError(
                        f"{key} is not there where {parent}={given[parent]}: leave it out, or "
                        f"choose {parent}={' or '.join(map(str, chosen))}"
                    )
        if broken := self._broken(given, settings):
            at = ", ".join(f"{key}={value}" for key, value in given.items())
            raise UserError(f"the constraint '{broken.text}' does not hold at {at}")
        return {key: given[key] for key in self.distributions if key in given}

    def filled(self, pick: Callable[[str, BaseDistribution], Any]) -> dict[str, Any]:
        """A point of what `pick` gives for each parameter that is there."""
        point: dict[str, Any] = {}
        for key, d in self.distributions.items():
            if self.is_there(key, point):
                point[key] = pick(key, d)
        return point


def _is_of(value: Any, distribution: BaseDistribution) -> bool:
    """Whether a value is a choice that may be drawn, or a number where numbers are."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return isinstance(value, int | float)
