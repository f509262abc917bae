"""The search space: Hydra's sweep grammar, as Optuna's distributions.

A parameter may have conditions (it is there only where another was given certain choices), and a
space may have constraints between its parameters.
"""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
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
    distribution_to_json,
)

from betafront.errors import UserError, near_miss
from betafront.study.constraints import Constraint

if TYPE_CHECKING:
    from optuna import Trial

Choice = str | int | float | bool
Params = Mapping[str, Any]
When = dict[str, dict[str, tuple[Choice, ...]]]
TAGS = {"log"}
MOST_POINTS = 1_000_000  # that are gone through: of a grid, or of a range of floats
TRIES = 1000  # points that are drawn to find one of a branch that keeps the constraints
QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


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
        found = _searches(lines)
        direct = {
            key: [_condition(text, key, found) for text in conditions[key]]
            for key in found
            if conditions.get(key)
        }
        order = _ordered(found, {k: [parent for parent, _ in pairs] for k, pairs in direct.items()})
        read = tuple(Constraint.parse(text) for text in constraints)
        return cls({key: found[key] for key in order}, _closed(order, direct), read)

    @property
    def conditional(self) -> bool:
        """Whether some parameters are there only for some choices of others."""
        return bool(self.when)

    def active(self, params: Params) -> list[str]:
        """The parameters that are there, given the choices in `params`."""
        return [key for key in self.distributions if self._is_there(key, params)]

    def _is_there(self, key: str, params: Params) -> bool:
        conditions = self.when.get(key, {}).items()
        return all(parent in params and params[parent] in chosen for parent, chosen in conditions)

    def suggest(self, trial: "Trial") -> dict[str, Any]:
        """Draw the parameters that are there, in order, through Optuna's define-by-run calls."""
        return self._filled(lambda key, d: _suggested(trial, key, d))

    def overrides(self, params: Params) -> list[str]:
        """The Hydra overrides that put `params` into a configuration."""
        return [f"{key}={params[key]}" for key in self.active(params)]

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
            given[key] = _stored(key, value, self.distributions[key])
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

    @property
    def size(self) -> int | None:
        """How many points there are, whatever the constraints; None where an interval has no end
        of them."""
        counts = {key: _count(d) for key, d in self.distributions.items()}
        switches = {parent for conditions in self.when.values() for parent in conditions}
        total = 0
        for point in self._points({k: values(self.distributions[k]) for k in switches}):
            rest = [counts[key] for key in self.active(point) if key not in switches]
            if None in rest:
                return None
            total += math.prod(n for n in rest if n is not None)
        return total

    def grid(self, settings: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
        """Every point of a space of choices and ranges that keeps the constraints.

        Args:
            settings: the configuration outside the space, which constraints may read.

        Raises:
            UserError: the space has an interval, which has no grid, or too many points, or none
                that keeps the constraints.
        """
        for key, d in self.distributions.items():
            if _count(d) is None:
                raise UserError(
                    f"study.sampler=grid cannot search {key}, which is an interval: "
                    f"write the points to try, as in '{key}=0.1,1,10'"
                )
        if (self.size or 0) > MOST_POINTS:
            raise UserError(
                f"study.sampler=grid cannot go through {self.size} points: search shorter ranges, "
                "or take another sampler"
            )
        axes = {key: every_value(d) for key, d in self.distributions.items()}
        points = [point for point in self._points(axes) if self.allows(point, settings)]
        return points or self._refuse_all()

    def branches(
        self, most: int = 64, settings: Mapping[str, Any] = {}
    ) -> Iterator[dict[str, Any]]:
        """Points that go through every choice: all combinations where there are no more than
        `most`, else every choice once, with those on which it depends. Numbers stand at their low
        ends, and in one more point at their high ends; where that breaks a constraint, each of them
        in turn, or wherever a draw finds a point that keeps them. What no draw finds is left out.

        Args:
            most: combinations of choices.
            settings: the configuration outside the space, which constraints may read.

        Raises:
            UserError: no point was found that keeps the constraints.
        """
        low: list[dict[str, Any]] = []
        for fixed in self._branches(most):
            point = self._completed(fixed, settings)
            if point is not None and point not in low:
                low.append(point)
        yield from low or self._refuse_all()
        seen: set[str] = set()
        for point in low:
            ends = {k: values(d)[-1] for k in point if not is_choice(d := self.distributions[k])}
            if not ends.keys() <= seen:
                seen |= ends.keys()
                every, each = point | ends, ({**point, key: end} for key, end in ends.items())
                allowed = [p for p in (every, *each) if self.allows(p, settings)]
                yield from allowed[:1] if every in allowed else allowed

    def _branches(self, most: int) -> list[dict[str, Any]]:
        """What must be chosen in each branch."""
        choices = {k: values(d) for k, d in self.distributions.items() if is_choice(d)}
        combinations = list(itertools.islice(self._points(choices), most + 1))
        if len(combinations) <= most:
            return combinations
        every: list[dict[str, Any]] = []
        for key in self.distributions:
            needed = {parent: chosen[0] for parent, chosen in self.when.get(key, {}).items()}
            own = [{key: choice} for choice in choices.get(key, [])]
            every.extend(needed | choice for choice in own or [{}])
        return every

    def _completed(self, fixed: Params, settings: Params) -> dict[str, Any] | None:
        """A point with the choices of `fixed`: with first choices and low ends if that keeps the
        constraints, else with high ends, else one that a draw finds."""
        random = Random(0)
        picks: list[Callable[[BaseDistribution], Any]] = [
            lambda d: values(d)[0],
            lambda d: values(d)[0 if is_choice(d) else -1],
            *[lambda d: _drawn(d, random)] * TRIES,
        ]
        for pick in picks:
            point = self._filled(_or_else(fixed, pick))
            if self.allows(point, settings):
                return point
        return None

    def _filled(self, pick: Callable[[str, BaseDistribution], Any]) -> dict[str, Any]:
        """A point of what `pick` gives for each parameter that is there."""
        point: dict[str, Any] = {}
        for key, d in self.distributions.items():
            if self._is_there(key, point):
                point[key] = pick(key, d)
        return point

    def _points(self, axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Every combination of the values of `axes`, each only where it is there."""
        keys = [key for key in self.distributions if key in axes]

        def extended(point: dict[str, Any], i: int) -> Iterator[dict[str, Any]]:
            if i == len(keys):
                yield point
            elif self._is_there(keys[i], point):
                for value in axes[keys[i]]:
                    yield from extended({**point, keys[i]: value}, i + 1)
            else:
                yield from extended(point, i + 1)

        return extended({}, 0)

    def _refuse_all(self) -> list[Any]:
        texts = "; ".join(c.text for c in self.constraints)
        raise UserError(f"no point of the space was found that keeps study.constraints ({texts})")


def _or_else(
    fixed: Params, pick: Callable[[BaseDistribution], Any]
) -> Callable[[str, BaseDistribution], Any]:
    return lambda key, d: fixed[key] if key in fixed else pick(d)


def bare(key: str) -> str:
    """A key without Hydra's + in front."""
    return key.lstrip("+")


def name_of(key: str) -> str:
    """Where a parameter lies in the configuration, which is how a constraint names it:
    `schedule@controller.schedule` is `controller.schedule`, `model/encoder` is `model.encoder`."""
    return bare(key).rpartition("@")[2].replace("/", ".")


def flatten(node: Params) -> tuple[dict[str, str], dict[str, list[str]]]:
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

    def walk(node: Params, under: list[str]) -> None:
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


def _conditional(key: str, value: Any) -> Params:
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


def _searches(lines: Iterable[str]) -> dict[str, BaseDistribution]:
    found: dict[str, BaseDistribution] = {}
    for override in parse(lines):
        key, line = override.get_key_element(), override.input_line
        if not bare(key):
            raise UserError(f"'{line}' names no parameter: write PARAMETER=choice(…)")
        if bare(key) in map(bare, found):
            raise UserError(f"'{line}': {bare(key)} is searched already: keep one of the two")
        found[key] = distribution(override)
    return found


def _read_condition(text: str) -> tuple[str, list[Any]]:
    """The parameter of a condition and what its choices mean."""
    (override,) = parse([text])
    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return override.get_key_element(), list(map(meaning, _choices(override)))
    if isinstance(value, Sweep) or override.is_delete() or override.is_sweep_override():
        raise UserError(f"the condition '{text}' must name choices, as in 'schedule=linear,cosine'")
    return override.get_key_element(), [value]


def _condition(
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
    stored = [_meant(value, d) for value in wanted]
    if None in stored:
        word = str(wanted[stored.index(None)])
        raise UserError(
            f"the condition '{text}' of {key}: {parent} has no choice {word}: "
            f"{near_miss(word, map(str, values(d)))}"
        )
    return parent, tuple(choice for choice in values(d) if choice in stored)


def _ordered(keys: Iterable[str], reads: Mapping[str, Iterable[str]]) -> list[str]:
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


def _closed(
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
            if "NoneType is incompatible" in reason:
                reason = "choice(...) takes no null: write the choices with commas alone, as null,x"
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
    return CategoricalDistribution(_choices(override))


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


def _choices(override: Override) -> Sequence[Choice]:
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


def _stored(key: str, value: Any, d: BaseDistribution) -> Any:
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
    found = _meant(value, d)
    return _meant(_read_back(value), d) if found is None and isinstance(value, str) else found


def _meant(value: Any, d: BaseDistribution) -> Any:
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
        return [d.low + i * d.step for i in range(_count(d) or 0)]
    return values(d)


def _count(d: BaseDistribution) -> int | None:
    """How many values there are; None for an interval of floats."""
    if isinstance(d, IntDistribution):
        return (d.high - d.low) // d.step + 1
    if isinstance(d, FloatDistribution):
        return None if d.step is None else round((d.high - d.low) / d.step) + 1
    return len(values(d))


def _suggested(trial: "Trial", key: str, d: BaseDistribution) -> Any:
    if isinstance(d, FloatDistribution):
        return trial.suggest_float(key, d.low, d.high, step=d.step, log=d.log)
    if isinstance(d, IntDistribution):
        return trial.suggest_int(key, d.low, d.high, step=d.step, log=d.log)
    return trial.suggest_categorical(key, values(d))


def _drawn(d: BaseDistribution, random: Random) -> Any:
    """A value at random, for looking where a space has points at all."""
    if isinstance(d, IntDistribution):
        return random.randrange(d.low, d.high + 1, d.step)
    if not isinstance(d, FloatDistribution):
        return random.choice(values(d))
    if d.step is not None:
        return d.low + random.randrange(_count(d) or 1) * d.step
    if d.log:
        power = random.uniform(math.log(d.low), math.log(d.high))
        return min(max(math.exp(power), d.low), d.high)
    return random.uniform(d.low, d.high)
