"""The objectives of runs that take their steps together: grouped by kind, in which they differ by
numbers alone, and each group evaluated at once by `torch.func.vmap`.

An objective is taken apart into a kind (its types, its choices, its counts) and numbers (weights,
targets, parameters, and the factors of schedules at a step). Where all runs of a group have the
same number it stays one; else it is a (k,) tensor, of which vmap shows each run its own.
"""

from collections.abc import Hashable, Iterator, Sequence
from copy import copy
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from betafront.objective.objective import Objective, Step
from betafront.objective.schedules import Constant, Schedule
from betafront.objective.terms import Code, Draw, Terms

Number = float | Schedule
"""A number of an objective, or a schedule that gives it at each step."""

TermTensors = dict[str, Tensor]
"""The tensors of `Terms` and its draw by their names; those of its code are z, mean and log_var."""

OWN = "betafront.objective."
"""Whose parts are known to take tensors for numbers; those of others are taken as they are."""

IN_ITS_WEIGHTS = ("weight", "normalisation")  # of an objective


class Apart(NamedTuple):
    """An objective, taken apart.

    Attributes:
        kind: equal for objectives that differ by numbers alone.
        numbers: in the order in which `put_together` reads them.
    """

    kind: Hashable
    numbers: list[Number]


def taken_apart(objective: Objective) -> Apart:
    """The kind and the numbers of an objective."""
    weights = objective.weights
    numbers: list[Number] = [weights.distortion, weights.beta]
    return Apart(_kind(objective, numbers), numbers)


def put_together(like: Objective, numbers: Iterator[Any]) -> Objective:
    """An objective of the kind of another one.

    Args:
        like: of that kind.
        numbers: in place of its own: numbers, or tensors.
    """
    weights = _Weights(next(numbers), next(numbers))
    made: Objective = _with(like, numbers)
    vars(made)["weights"] = weights
    return made


class _Weights(NamedTuple):
    """As `betafront.scale.Weights`, by the two numbers that an objective reads."""

    distortion: Any
    beta: Any


@dataclass(frozen=True)
class _Fixed:
    """A schedule whose factor at this step is known."""

    factor: Any

    def __call__(self, progress: float) -> Any:
        return self.factor


def _walked(part: Any) -> bool:
    return is_dataclass(part) and type(part).__module__.startswith(OWN)


def _fields(part: Any) -> list[Field[Any]]:
    elsewhere = IN_ITS_WEIGHTS if isinstance(part, Objective) else ()
    return [field for field in fields(part) if field.name not in elsewhere]


def _kind(part: Any, numbers: list[Number]) -> Hashable:
    """The kind of a part, whose numbers are appended to `numbers`."""
    if isinstance(part, list | tuple):
        return tuple(_kind(each, numbers) for each in part)
    if not _walked(part):
        try:
            hash(part)
        except TypeError:
            return id(part)
        return part  # type: ignore[no-any-return]
    own = [_kind_of_field(f.type, getattr(part, f.name), numbers) for f in _fields(part)]
    return (type(part), *own)


def _kind_of_field(declared: Any, value: Any, numbers: list[Number]) -> Hashable:
    found = _numbers_of(declared, value)
    if found is None:
        return _kind(value, numbers)
    numbers += found
    return len(found)


def _numbers_of(declared: Any, value: Any) -> list[Number] | None:
    """The numbers that a field holds, by its type; None where it holds another thing."""
    if value is None:
        return None
    if declared in (float, float | None):
        return [float(value)]
    if declared == Sequence[float]:
        return [float(each) for each in value]
    if declared is Schedule:
        return [_number(value)]
    if declared == Sequence[Schedule]:
        return [_number(each) for each in value]
    return None


def _number(schedule: Schedule) -> Number:
    return 1.0 if type(schedule) is Constant else schedule


def _with(part: Any, numbers: Iterator[Any]) -> Any:
    """A copy of a part with other numbers, which are not looked at."""
    if isinstance(part, list | tuple):
        return tuple(_with(each, numbers) for each in part)
    if not _walked(part):
        return part
    made = copy(part)
    for field in _fields(part):
        value = getattr(part, field.name)
        own = _numbers_of(field.type, value)
        if own is None:
            changed = _with(value, numbers)
        else:
            changed = _filled(field.type, [next(numbers) for _ in own])
        object.__setattr__(made, field.name, changed)
    return made


def _filled(declared: Any, numbers: list[Any]) -> Any:
    """What a field holds that is declared so."""
    if declared is Schedule:
        return _Fixed(numbers[0])
    if declared == Sequence[Schedule]:
        return [_Fixed(number) for number in numbers]
    return numbers if declared == Sequence[float] else numbers[0]


def tensors_of(terms: Terms) -> TermTensors:
    """The tensors of terms in which no example has a weight of its own."""
    draw = terms.draw
    code = None if draw is None else draw.code
    every = {
        "log_px": terms.log_px,
        "kl": terms.kl,
        "mse": terms.mse,
        "statistic": terms.statistic,
        "layers": terms.layers,
        "log_ratio": None if draw is None else draw.log_ratio,
        **({} if code is None else code._asdict()),
    }
    return {name: tensor for name, tensor in every.items() if tensor is not None}


def terms_of(tensors: TermTensors) -> Terms:
    """The terms of which an objective makes a loss; of a draw that has no code, z is left out."""
    kl = tensors["kl"]
    code = Code(*(tensors[name] for name in Code._fields)) if "z" in tensors else None
    draw = Draw(kl if code is None else code.z, kl, tensors.get("log_ratio"), code)
    return Terms(tensors["log_px"], kl, draw, tensors.get("mse"))


class StackedObjective:
    """The objectives of k runs of one kind, whose steps are taken together.

    Args:
        objectives: of one kind (`taken_apart`).
        like: a tensor of the type and on the device of the terms.
    """

    def __init__(self, objectives: Sequence[Objective], like: Tensor) -> None:
        self.first = objectives[0]
        self.like = like
        columns = list(zip(*(taken_apart(each).numbers for each in objectives), strict=True))
        self._columns = [self._column(column) for column in columns]

    def _column(self, numbers: Sequence[Number]) -> Number | Tensor | list[Number]:
        """A number of all runs: one that they share, or a (k,) tensor of theirs; a list of them
        where some have a schedule of their own."""
        if all(number == numbers[0] for number in numbers):
            return numbers[0]
        fixed = [number for number in numbers if isinstance(number, float)]
        return self._tensor(fixed) if len(fixed) == len(numbers) else list(numbers)

    def _tensor(self, numbers: Any) -> Tensor:
        return torch.tensor(numbers, dtype=self.like.dtype, device=self.like.device)

    def at(self, progress: float) -> list[Any]:
        """The numbers at a step: those that all runs share, and (k,) tensors."""
        own = [column for column in self._columns if isinstance(column, list)]
        moving: Iterator[Tensor] = iter(())
        if own:
            moving = iter(self._tensor([[_at(n, progress) for n in each] for each in own]))
        return [
            next(moving)
            if isinstance(column, list)
            else column
            if isinstance(column, Tensor)
            else _at(column, progress)
            for column in self._columns
        ]

    def step(self, terms: TermTensors, progress: float, states: Tensor) -> Step:
        """As `Objective.step`, of all runs: each attribute has k rows.

        Args:
            terms: with k rows.
            progress: of all runs.
            states: (k, …) of the controllers.
        """
        numbers = self.at(progress)
        differ = [number for number in numbers if isinstance(number, Tensor)]

        def of_one(own: list[Tensor], state: Tensor, terms: TermTensors) -> Step:
            mine = iter(own)
            filled = (next(mine) if isinstance(n, Tensor) else n for n in numbers)
            objective = put_together(self.first, filled)
            return objective.step(terms_of(terms), progress, state)

        dims = (0 if differ else None, 0, 0)
        found: Step = torch.func.vmap(of_one, dims)(differ, states, terms)
        return found


def _at(number: Number, progress: float) -> float:
    return number if isinstance(number, float) else float(number(progress))
