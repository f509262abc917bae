"""Hydra's sweep grammar as Optuna's distributions."""

import math
import re
from collections.abc import Iterable
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Sweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from betafront.config.overrides import bare, parse
from betafront.errors import UserError
from betafront.study.search.choices import choices_of
from betafront.study.search.distributions import MOST_POINTS

TAGS = {"log"}
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
