"""Constraints between parameters: comparisons in Python's syntax, without Python's powers."""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from betafront.errors import UserError, near_miss

EXAMPLE = "write a comparison, as in 'schedule.warmup + schedule.start <= 1'"
LONGEST = 1000  # characters
DEEPEST = 100  # levels of an expression, so that a long sum still is one

ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats: 9**9**9 overflows at once where integers would fill the memory
}
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log": math.log,
    "log10": math.log10,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "abs": abs,
    "min": min,
    "max": max,
}
OF_SEVERAL = ("min", "max")


@dataclass(frozen=True)
class Constraint:
    """What the parameters of a point must fulfil together.

    Attributes:
        text: as the user wrote it.
        names: the parameters and settings that it reads, as dotted keys, in order.
    """

    text: str
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read an expression such as `schedule.warmup + schedule.start <= 1`.

        It may hold dotted keys, numbers, strings, True, False and None, + - * / ** %, comparisons
        (also chained), and, or, not, parentheses, and the functions log, log10, exp, sqrt and abs
        of one number and min and max of several.

        Raises:
            UserError: it cannot be read, holds anything else, or is no comparison.
        """
        text = text.strip()
        if len(text) > LONGEST:
            raise UserError(
                f"the constraint '{text[:40]}…' is longer than {LONGEST} characters: split it"
            )
        try:
            names = dict.fromkeys(_checked_condition(_tree(text), DEEPEST))
        except SyntaxError as error:
            raise UserError(
                f"cannot read the constraint '{text}': {error.msg}; {EXAMPLE}"
            ) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise UserError(f"the constraint '{text}' {error or 'is nested too deeply'}") from error
        return cls(text, tuple(names))

    @property
    def normal(self) -> str:
        """The same expression however its spaces and parentheses were written."""
        return ast.unparse(_tree(self.text))

    def check(self, known: Iterable[str]) -> None:
        """Refuse a name that is none of `known`: the searched parameters and the settings.

        Raises:
            UserError: naming the near miss.
        """
        known = set(known)
        for name in self.names:
            if name not in known:
                raise UserError(
                    f"the constraint '{self.text}' reads {name}, which is neither searched nor a "
                    f"setting: {near_miss(name, known)}"
                )

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether a point fulfils it.

        Args:
            values: of all `names`, as Python's numbers, strings, truth values, None or lists.

        Raises:
            UserError: it cannot be computed there (a division by 0, a word in place of a number),
                or a value is missing.
        """
        missing = [name for name in self.names if name not in values]
        if missing:
            raise UserError(f"the constraint '{self.text}' has no value for {', '.join(missing)}")
        try:
            return _truth(_tree(self.text), values)
        except (TypeError, ValueError, ArithmeticError) as error:
            at = ", ".join(f"{name}={values[name]}" for name in self.names)
            raise UserError(
                f"the constraint '{self.text}' cannot be computed at {at}: {error}"
            ) from error


@lru_cache(maxsize=256)
def _tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _checked_condition(node: ast.expr, depth: int) -> Iterator[str]:
    """The names in a part that must be true or false; ValueError says what has no place there."""
    _refuse_depth(depth)
    match node:
        case ast.BoolOp():
            for part in node.values:
                yield from _checked_condition(part, depth - 1)
        case ast.UnaryOp(op=ast.Not()):
            yield from _checked_condition(node.operand, depth - 1)
        case ast.Compare():
            for op in node.ops:
                if type(op) not in COMPARISONS:
                    raise ValueError(f"may compare with < <= > >= == and != only; {EXAMPLE}")
            for part in (node.left, *node.comparators):
                yield from _checked_value(part, depth - 1)
        case _:
            yield from _checked_value(node, depth - 1)  # names what is not allowed anywhere first
            raise ValueError(f"has no comparison at '{ast.unparse(node)}': {EXAMPLE}")


def _checked_value(node: ast.expr, depth: int) -> Iterator[str]:
    """The names in a part that must be a value; ValueError says what has no place there."""
    _refuse_depth(depth)
    if (name := _dotted(node)) is not None:
        yield name
        return
    for part in _parts(node):
        yield from _checked_value(part, depth - 1)


def _parts(node: ast.expr) -> list[ast.expr]:
    """The operands of one operation on values."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return []
        case ast.BinOp() if type(node.op) in ARITHMETIC:
            return [node.left, node.right]
        case ast.UnaryOp() if type(node.op) in SIGNS:
            return [node.operand]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            if (len(args) > 1) != (name in OF_SEVERAL) or not args:
                several = "two numbers or more" if name in OF_SEVERAL else "one number"
                raise ValueError(f"must give {name}(...) {several}")
            return args
        case ast.Call():
            functions = ", ".join(FUNCTIONS)
            raise ValueError(f"cannot call '{ast.unparse(node.func)}': known: {functions}")
        case _:
            raise ValueError(
                f"has no use for '{ast.unparse(node)}' there: values are keys, numbers and "
                f"strings, with + - * / ** %; {EXAMPLE}"
            )


def _refuse_depth(left: int) -> None:
    if left < 0:
        raise ValueError("is nested too deeply: split it")


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)) is not None:
        return f"{before}.{node.attr}"
    return None


def _truth(node: ast.expr, values: Mapping[str, Any]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_truth(part, values) for part in node.values)
        case ast.BoolOp():
            return any(_truth(part, values) for part in node.values)
        case ast.UnaryOp():
            return not _truth(node.operand, values)
        case ast.Compare():
            sides = [_value(part, values) for part in (node.left, *node.comparators)]
            compare = [COMPARISONS[type(op)] for op in node.ops]
            return all(c(a, b) for c, a, b in zip(compare, sides, sides[1:], strict=False))
    raise TypeError(f"not a condition: {ast.dump(node)}")


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    name = _dotted(node)
    if name is not None:
        return values[name]
    match node:
        case ast.Constant():
            return node.value
        case ast.BinOp():
            sides = _number(node.left, values), _number(node.right, values)
            return ARITHMETIC[type(node.op)](*sides)
        case ast.UnaryOp():
            return SIGNS[type(node.op)](_number(node.operand, values))
        case ast.Call(func=ast.Name(id=function)):
            return FUNCTIONS[function](*(_number(arg, values) for arg in node.args))
    raise TypeError(f"not a value: {ast.dump(node)}")


def _number(node: ast.expr, values: Mapping[str, Any]) -> int | float:
    value = _value(node, values)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{ast.unparse(node)} is {value!r}, no number")
    return value
