"""Calling a part of a model, and saying in one line what it did."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.own_modules import cause


def called(what: str, given: str, call: Callable[[], Any]) -> Any:
    """What a call of the user's code returns.

    Args:
        what: is called.
        given: what it is called with, in words.
        call: calls it.

    Raises:
        UserError: with the cause, where it raises an error.
    """
    try:
        return call()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"model: {what} fails {given}: {cause(error)}") from error


def refuse_not_finite(values: Tensor, what: str) -> None:
    """Refuse NaN and infinity, and what is no real numbers.

    Args:
        values: that a part gave.
        what: gave them.

    Raises:
        UserError: naming it.
    """
    if not values.is_floating_point():
        raise UserError(
            f"model: {what} gives {type_of(values)}, and is to give real numbers (float32)"
        )
    lost = int((~torch.isfinite(values)).sum())
    if lost:
        raise UserError(
            f"model: {what} gives NaN or infinity, in {lost} of {values.numel()} numbers, before "
            "anything is trained: look for a logarithm, root, division or exponential of what may "
            "be 0 or large"
        )


def counted(n: int) -> str:
    """How many examples, in words."""
    return "1 example" if n == 1 else f"{n} examples"


def shape_of(made: Any) -> str:
    """The shape of a tensor; of anything else what it is."""
    if isinstance(made, Tensor):
        return str(tuple(made.shape))
    if isinstance(made, Mapping):
        return f"a dictionary ({', '.join(map(str, made))})"
    if isinstance(made, tuple | list):
        return f"{len(made)} things ({', '.join(shape_of(each) for each in made)})"
    return "None" if made is None else f"an object of type {type(made).__name__}"


def type_of(values: Tensor) -> str:
    """The type of a tensor's numbers, without `torch.`."""
    return str(values.dtype).removeprefix("torch.")
