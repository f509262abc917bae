"""The choices of a parameter: how they are stored, and what they stand for.

A number or a truth value is stored as itself; everything else as text of Hydra's override grammar.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, Transformer
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from betafront.errors import UserError
from betafront.study.search.distributions import is_choice, values

Choice = str | int | float | bool


def choices_of(override: Override) -> Sequence[Choice]:
    """The choices of an override as they are stored.

    Raises:
        UserError: there are none, one is named twice, or one is a search itself.
    """
    every = list(override.sweep_iterator())
    if not all(map(_is_plain, every)):
        raise UserError(f"'{override.input_line}': a search within a search: write the choices out")
    choices = [written(raw) for raw in every]
    if not choices:
        raise UserError(f"'{override.input_line}': there is nothing to choose from")
    if len({repr(meaning(choice)) for choice in choices}) < len(choices):
        raise UserError(f"'{override.input_line}': a choice is named twice")
    if len(set(choices)) < len(choices):  # 1, 1.0 and true, of which Optuna keeps the first
        raise UserError(
            f"'{override.input_line}': Optuna takes 1, 1.0 and true for the same choice, and so "
            "it does 0, 0.0 and false: keep one of them"
        )
    return choices


def _is_plain(raw: Any) -> bool:
    """Whether a parsed value is one value, without an interval(...) or the like inside."""
    if isinstance(raw, list | dict):
        return all(map(_is_plain, raw.values() if isinstance(raw, dict) else raw))
    return raw is None or isinstance(raw, bool | int | float | str | QuotedString)


def written(raw: Any) -> Choice:
    """A parsed value as itself where it is a number or a truth value; else, as a word, as override
    text."""
    if isinstance(raw, bool | int | float):
        return raw
    word = raw.text if isinstance(raw, QuotedString) else raw
    if isinstance(word, str):  # in quotes only where the bare word would be read as something else
        bare = _read_back(word) == word
        return word if bare else QuotedString(text=word, quote=Quote.single).with_quotes()
    text: str = Transformer.str(raw)
    return text


def meaning(choice: Choice) -> Any:
    """What a choice stands for: a number, a truth value, a string, None, a list or a mapping."""
    return _read_back(choice) if isinstance(choice, str) else choice


@lru_cache(maxsize=4096)
def _read_back(text: str) -> Any:
    """The value of an override with this text; the ellipsis if it cannot be read."""
    try:
        return OverridesParser.create().parse_override(f"x={text}").value()
    except HydraException:
        return ...


def stored_as(key: str, value: Any, d: BaseDistribution) -> Any:
    """A value that a user gave as it is stored.

    Raises:
        UserError: it is outside the distribution.
    """
    stored = _chosen(value, d) if is_choice(d) else _numeric(value, d)
    if stored is None:
        shown = "null" if value is None else value
        raise UserError(f"{key} cannot be {shown}: it is searched in {_described(d)}")
    return stored


def _chosen(value: Any, d: BaseDistribution) -> Any:
    """The choice for a given value: first a choice whose stored form is `value`, then a choice with
    the meaning `value`, then a choice with the meaning of `value` read as override text; None where
    there is none of them."""
    for choice in values(d):
        if repr(choice) == repr(value):
            return choice
    found = meant(value, d)
    return meant(_read_back(value), d) if found is None and isinstance(value, str) else found


def meant(value: Any, d: BaseDistribution) -> Any:
    """The choice that means `value`, or None; types count, but for 1 and 1.0."""
    for choice in values(d):
        means = meaning(choice)
        if repr(means) == repr(value) or (
            _is_number(means) and _is_number(value) and means == value
        ):
            return choice
    return None


def _numeric(value: Any, d: BaseDistribution) -> int | float | None:
    """`value` as the number of a distribution, or None if it is outside."""
    value = _read_back(value) if isinstance(value, str) else value
    low, high = values(d)
    if not _is_number(value) or not low <= value <= high:
        return None
    whole = isinstance(d, IntDistribution)
    steps = (value - low) / step if (step := _step(d)) else 0
    if abs(steps - round(steps)) > (0 if whole else 1e-8):  # Optuna's own tolerance
        return None
    return int(value) if whole else float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _described(d: BaseDistribution) -> str:
    low, *_, high = [*values(d), values(d)[-1]]
    if isinstance(d, CategoricalDistribution):
        return ", ".join(map(str, d.choices))
    step = _step(d)
    kind = "whole numbers" if isinstance(d, IntDistribution) else "numbers"
    return f"the {kind} from {low} to {high}" + (f" in steps of {step}" if step else "")


def _step(d: BaseDistribution) -> int | float | None:
    return d.step if isinstance(d, FloatDistribution | IntDistribution) else None
