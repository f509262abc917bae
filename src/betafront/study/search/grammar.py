"""Hydra's sweep grammar, as Optuna's distributions, and the values of both."""

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from betafront.config.overrides import bare, parse
from betafront.errors import UserError

if TYPE_CHECKING:
    from optuna import Trial

Choice = str | int | float | bool
TAGS = {"log"}
MOST_POINTS = 1_000_000  # that are gone through: of a grid, or of a range of floats
QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


def name_of(key: str) -> str:
    """Where a parameter lies in the configuration, which is how a constraint names it:
    `schedule@controller.schedule` is `controller.schedule`, `model/encoder` is `model.encoder`."""
    return bare(key).rpartition("@")[2].replace("/", ".")


def searches(lines: Iterable[str]) -> dict[str, BaseDistribution]:
    """The searches that lines of overrides stand for, by key.

    Raises:
        UserError: a line cannot be read or is no search, or a key stands twice.
    """
    found: dict[str, BaseDistribution] = {}
    for override in parse(lines):
        key, line = override.get_key_element(), override.input_line
        if not bare(key):
            raise UserError(f"'{line}' names no parameter: write PARAMETER=choice(…)")
        if bare(key) in map(bare, found):
            raise UserError(f"'{line}': {bare(key)} is searched already: keep one of the two")
        found[key] = distribution(override)
    return found


def distribution(override: Override) -> BaseDistribution:
    """The distribution that a sweep override stands for.

    Raises:
        UserError: it is no sweep, or an empty, inverted or otherwise impossible one.
    """
    line = override.input_line
    value: Any = override.value()
    if not override.is_sweep_override() or override.is_delete():
        raise UserError(
            f"'{line}' is no search: write a choice(...), a range(...) or an interval(...)"
        )
    if not isinstance(value, Sweep):
        raise UserError(f"'{line}': glob(...) is not known here: write the choices out")
    if getattr(value, "shuffle", False):
        raise UserError(f"'{line}': leave out shuffle: the sampler decides the order")
    log = _is_log(value, line or "")
    if isinstance(value, IntervalSweep):
        return _interval(value, log, line)
    if log:
        raise UserError(f"'{line}': tag(log, ...) is for an interval, not for a choice or a range")
    if isinstance(value, RangeSweep):
        return _range(value, line)
    return CategoricalDistribution(choices_of(override))


def _is_log(sweep: Sweep, line: str) -> bool:
    unknown = set(sweep.tags) - TAGS
    if unknown:
        raise UserError(f"'{line}': the tag {', '.join(sorted(unknown))} is unknown; known: log")
    written = len(re.findall(r"\btag\s*\(", QUOTED.sub("", line)))
    if written > (1 if sweep.tags else 0):  # Hydra drops the tags of a range in int(...), and more
        raise UserError(f"'{line}': a tag(...) has no effect there: write tag(log, interval(...))")
    return bool(sweep.tags)


def _interval(sweep: IntervalSweep, log: bool, line: str | None) -> BaseDistribution:
    start, end = sweep.start, sweep.end
    if start is None or end is None or not (math.isfinite(start) and math.isfinite(end)):
        raise UserError(f"'{line}': an interval needs two finite ends")
    if not start < end:
        raise UserError(
            f"'{line}': the interval is {'empty' if start == end else 'inverted'}: "
            f"its start {start} must be below its end {end}"
        )
    if log and start <= 0:
        raise UserError(f"'{line}': a logarithmic interval must start above 0, not at {start}")
    if isinstance(start, int) and isinstance(end, int):
        return IntDistribution(start, end - 1, log=log)  # half-open, as Hydra defines it
    return FloatDistribution(float(start), float(end), log=log)


def _range(sweep: RangeSweep, line: str | None) -> BaseDistribution:
    start, stop, step = sweep.start, sweep.stop, sweep.step
    if start is None or stop is None or not all(map(math.isfinite, (start, stop, step))):
        raise UserError(f"'{line}': a range needs finite ends and a finite step")
    if step == 0:
        raise UserError(f"'{line}': the step of a range cannot be 0")
    if isinstance(start + stop + step, float) and (stop - start) / step > MOST_POINTS:
        raise UserError(f"'{line}': the range has too many points: write an interval(...)")
    every = sweep.range()
    points = every if isinstance(every, range) else list(every)
    if not points:
        raise UserError(f"'{line}': the range is empty")
    low, high = sorted((points[0], points[-1]))
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, step=abs(int(step)))
    return FloatDistribution(float(low), float(high), step=abs(float(step)))


def choices_of(override: Override) -> Sequence[Choice]:
    """The choices of an override as they are stored.

    Raises:
        UserError: there are none, one is named twice, or one is a search itself.
    """
    every = list(override.sweep_iterator())
    if not all(map(_is_plain, every)):
        raise UserError(f"'{override.input_line}': a search within a search: write the choices out")
    choices = [_written(raw) for raw in every]
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


def _written(raw: Any) -> Choice:
    """A choice as itself where it is a number or a truth value, else as override text."""
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
    """The choice that is stored so, else the one that means `value`, else the one that means what
    `value` is the text of, else None."""
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
