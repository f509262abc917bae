"""Conditions: parameters that are there only where another was given certain choices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Sweep
from optuna.distributions import BaseDistribution

from betafront.config.overrides import bare, parse
from betafront.errors import UserError, near_miss
from betafront.study.search.choices import Choice, choices_of, meaning, meant
from betafront.study.search.distributions import is_choice, values

When = dict[str, dict[str, tuple[Choice, ...]]]
Lines = dict[str, str]
Conditions = dict[str, list[str]]


def flatten(node: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """A nested space, as a study writes it: parameter to sweep, and parameter to its conditions.

    Args:
        node: parameters to sweeps, and conditions (`schedule=linear,cosine`) to what is searched
            under them.

    Raises:
        UserError: a mapping that is no condition or is empty, a parameter that stands twice, a
            value that is no sweep.
    """
    lines: dict[str, str] = {}
    conditions: dict[str, list[str]] = {}
    places: dict[str, list[str]] = {}

    def walk(node: Mapping[str, Any], under: list[str]) -> None:
        for key, value in ((str(k), v) for k, v in node.items()):
            if isinstance(value, Mapping) or "=" in key:
                walk(_conditional(key, value), [*under, key])
                continue
            if not isinstance(value, str | int | float):
                raise UserError(f"study.space: {key} has no search: write '{key}: choice(…)'")
            if (before := places.get(bare(key))) is not None:
                raise UserError(
                    f"study.space: {key} stands twice, {_place(before)} and {_place(under)}: name "
                    "all choices in one condition, as in 'schedule=linear,cosine:'"
                )
            places[bare(key)] = under
            lines[key] = str(value).lower() if isinstance(value, bool) else str(value)
            if under:
                conditions[key] = under

    walk(node, [])
    return lines, conditions


def _conditional(key: str, value: Any) -> Mapping[str, Any]:
    if "=" not in key:
        raise UserError(
            f"study.space: {key} holds other keys, and only a condition may: write the parameters "
            f"with dots, as in '{key}.{next(iter(value), 'name')}', or 'PARAMETER=CHOICE:' above "
            "what is searched there only"
        )
    if not isinstance(value, Mapping) or not value:
        raise UserError(f"study.space: nothing is searched under the condition '{key}'")
    return value


def _place(under: Sequence[str]) -> str:
    return f"under {' / '.join(under)}" if under else "without a condition"


def decide(key: str, text: str, lines: Lines, conditions: Conditions) -> None:
    """Apply the conditions that read `key`, which has a fixed value: a parameter whose condition
    the value meets loses the condition, and a parameter whose condition it does not meet leaves the
    search, with all parameters that depend on it.

    Args:
        key: of the parameter.
        text: the override that gives it its value.
        lines, conditions: of the space; changed in place.
    """
    _, (value,) = _read_condition(text)
    for name, written in list(conditions.items()):
        mine = [c for c in written if bare(_read_condition(c)[0]) == bare(key)]
        wanted = [w for c in mine for w in _read_condition(c)[1]]
        if not mine:
            continue
        if any(repr(value) == repr(w) for w in wanted):
            conditions[name] = [c for c in written if c not in mine]
        else:
            _drop(name, lines, conditions)


def _drop(name: str, lines: Lines, conditions: Conditions) -> None:
    lines.pop(name, None)
    conditions.pop(name, None)
    for other, written in list(conditions.items()):
        if any(bare(_read_condition(c)[0]) == bare(name) for c in written):
            _drop(other, lines, conditions)


def _read_condition(text: str) -> tuple[str, list[Any]]:
    """The parameter of a condition and what its choices mean."""
    (override,) = parse([text])
    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return override.get_key_element(), list(map(meaning, choices_of(override)))
    if isinstance(value, Sweep) or override.is_delete() or override.is_sweep_override():
        raise UserError(f"the condition '{text}' must name choices, as in 'schedule=linear,cosine'")
    return override.get_key_element(), [value]


def condition(
    text: str, key: str, distributions: Mapping[str, BaseDistribution]
) -> tuple[str, tuple[Choice, ...]]:
    """The parameter that a condition of `key` reads and its choices, as they are stored."""
    name, wanted = _read_condition(text)
    known = {bare(k): k for k, d in distributions.items() if is_choice(d)}
    if bare(name) not in known:
        numbers = bare(name) in map(bare, distributions)
        why = "is searched as a number" if numbers else "is not searched"
        raise UserError(
            f"the condition '{text}' of {key} reads {name}, which {why}, and a condition reads a "
            f"choice(...): {near_miss(bare(name), known)}"
        )
    parent = known[bare(name)]
    d = distributions[parent]
    stored = [meant(value, d) for value in wanted]
    if None in stored:
        word = str(wanted[stored.index(None)])
        raise UserError(
            f"the condition '{text}' of {key}: {parent} has no choice {word}: "
            f"{near_miss(word, map(str, values(d)))}"
        )
    return parent, tuple(choice for choice in values(d) if choice in stored)


def ordered(keys: Iterable[str], reads: Mapping[str, Iterable[str]]) -> list[str]:
    """The keys, each after those that its conditions read."""
    order: list[str] = []

    def place(key: str, path: list[str]) -> None:
        if key in path:
            circle = " reads ".join([*path[path.index(key) :], key])
            raise UserError(f"the conditions of the space go in a circle: {circle}")
        for parent in reads.get(key, ()):
            if parent not in order:
                place(parent, [*path, key])
        if key not in order:
            order.append(key)

    for key in keys:
        place(key, [])
    return order


def closed(
    order: Iterable[str], direct: Mapping[str, Iterable[tuple[str, tuple[Choice, ...]]]]
) -> When:
    """For each key its conditions, and those of the parameters that they read."""
    when: When = {}
    for key in (key for key in order if key in direct):
        merged: dict[str, tuple[Choice, ...]] = {}
        for parent, own in direct[key]:
            for name, chosen in [*when.get(parent, {}).items(), (parent, own)]:
                both = tuple(c for c in merged.get(name, chosen) if c in chosen)
                if not both:
                    raise UserError(
                        f"{key} can never be there: its conditions want both {name}="
                        f"{','.join(map(str, merged[name]))} and {name}="
                        f"{','.join(map(str, chosen))}"
                    )
                merged[name] = both
        when[key] = merged
    return when
