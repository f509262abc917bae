"""Arithmetic of the settings of an objective: numbers, or tensors where runs that are stacked have
different ones (`betafront.objective.stacked`)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def log(number: Any) -> Any:
    """The natural logarithm."""
    return number.log() if isinstance(number, Tensor) else math.log(number)


def at_least(least: float, number: Any) -> Any:
    """The greater of the two."""
    return number.clamp(min=least) if isinstance(number, Tensor) else max(least, number)


def between(values: Tensor, low: Any, high: Any) -> Tensor:
    """Values brought into a range, of whose ends either may be a tensor."""
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        return values.clamp(min=low).clamp(max=high)
    return values.clamp(low, high)


def in_one(numbers: Sequence[Any], like: Tensor) -> Tensor:
    """(n,) numbers in one tensor, of the type and on the device of `like`."""
    if any(isinstance(number, Tensor) for number in numbers):
        return torch.stack([torch.as_tensor(number).to(like) for number in numbers])
    return like.new_tensor(numbers)
