"""The search space: Hydra's sweep grammar, as Optuna's distributions."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from betafront.errors import UserError

Choice = str | int | float | bool
Params = Mapping[str, Any]
TAGS = {"log"}


@dataclass(frozen=True)
class Space:
    """What a study searches.

    Attributes:
        distributions: for each parameter (a dotted key or a config group, as written, so perhaps
            with Hydra's + in front) what it is drawn from.
            A choice that is no plain number or truth value is kept as text of Hydra's override
            grammar, so that words, lists, nulls and quoted strings come out as what went in.
    """

    distributions: dict[str, BaseDistribution]

    @classmethod
    def parse(cls, lines: Iterable[str]) -> "Space":
        """Read `key=sweep` lines, such as `objective.weight=tag(log, interval(0.01, 10))`.

        Raises:
            UserError: a line cannot be parsed, or is no sweep, or is empty or inverted.
        """
        return cls({o.get_key_element(): distribution(o) for o in parse(lines)})

    def overrides(self, params: Params) -> list[str]:
        """The Hydra overrides that put `params` into a configuration."""
        return [f"{key}={params[key]}" for key in self.distributions]

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this space, whatever the order of its lines."""
        parts = {k: distribution_to_json(d) for k, d in self.distributions.items()}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def branches(self, most: int = 64) -> Iterator[dict[str, Any]]:
        """Points that go through every choice: all combinations where there are no more than
        `most`, else every choice once. Numbers stand at their low end, and in one more point at
        their high end."""
        ends = {k: values(d) for k, d in self.distributions.items()}
        choices = {k: v for k, v in ends.items() if is_choice(self.distributions[k])}
        low = {k: v[0] for k, v in ends.items()}
        if math.prod(map(len, choices.values())) <= most:
            for combination in itertools.product(*choices.values()):
                yield low | dict(zip(choices, combination, strict=True))
        else:
            yield low
            for key, options in choices.items():
                yield from (low | {key: option} for option in options[1:])
        if len(choices) < len(ends):
            yield {k: v[0] if k in choices else v[-1] for k, v in ends.items()}

    def grid(self) -> list[dict[str, Any]]:
        """Every point of a space of choices and ranges.

        Raises:
            UserError: the space has an interval, which has no grid.
        """
        for key, d in self.distributions.items():
            if isinstance(d, FloatDistribution) and d.step is None:
                raise UserError(
                    f"study.sampler=grid cannot search {key}, which is an interval: "
                    f"write the points to try, as in '{key}=0.1,1,10'"
                )
        axes = [every_value(d) for d in self.distributions.values()]
        return [
            dict(zip(self.distributions, point, strict=True)) for point in itertools.product(*axes)
        ]


def parse(lines: Iterable[str]) -> list[Override]:
    """Parse override lines.

    Raises:
        UserError: naming the line.
    """
    parser = OverridesParser.create()
    overrides = []
    for line in lines:
        try:
            overrides.append(parser.parse_override(line))
        except HydraException as error:
            reason = str(error).splitlines()[-1]
            raise UserError(f"cannot read '{line}': {reason}") from error
    return overrides


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
    unknown = set(getattr(value, "tags", ())) - TAGS
    if unknown:
        raise UserError(f"'{line}': the tag {', '.join(sorted(unknown))} is unknown; known: log")
    log = "log" in getattr(value, "tags", ())
    if isinstance(value, IntervalSweep):
        return _interval(value, log, line)
    if log:
        raise UserError(f"'{line}': tag(log, ...) is for an interval, not for a choice or a range")
    if isinstance(value, RangeSweep):
        return _range(value, line)
    return CategoricalDistribution(_choices(override))


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
    points = list(sweep.range())
    if not points:
        raise UserError(f"'{line}': the range is empty")
    low, high = min(points), max(points)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, step=abs(int(sweep.step)))
    return FloatDistribution(float(low), float(high), step=abs(float(sweep.step)))


def _choices(override: Override) -> Sequence[Choice]:
    choices = [_written(raw) for raw in override.sweep_iterator()]
    if not choices:
        raise UserError(f"'{override.input_line}': there is nothing to choose from")
    if len({repr(choice) for choice in choices}) < len(choices):
        raise UserError(f"'{override.input_line}': a choice is named twice")
    return choices


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


def _read_back(text: str) -> Any:
    try:
        return OverridesParser.create().parse_override(f"x={text}").value()
    except HydraException:
        return None


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
        return [d.low + i * d.step for i in range(round((d.high - d.low) / d.step) + 1)]
    return values(d)
