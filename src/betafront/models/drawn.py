"""Noise that a model is handed, for runs that are called as one (`torch.func.vmap`).

Inside of such a call nothing can be drawn from the generator of one run. So the shapes that a model
asks for are noted once, the numbers of each run are drawn before the call, and the model is handed
them in the order in which it asks.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Asked(NamedTuple):
    """The shape and the type of draws that a model has asked for."""

    shape: tuple[int, ...]
    dtype: torch.dtype


class Handed(torch.Generator):
    """A generator that `standard_normal` asks for the numbers themselves. What draws from it in
    another way changes its state, as that of any generator."""

    def normal(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Draws from N(0, 1), of the type and on the device of `like`."""
        raise NotImplementedError


class Noting(Handed):
    """Notes what it is asked for, and hands out zeros.

    Attributes:
        asked: in order.
    """

    asked: list[Asked]

    def normal(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        self.asked.append(Asked(tuple(shape), like.dtype))
        return like.new_zeros(shape)


class DrawnBefore(Handed):
    """Hands out draws that were made before.

    Attributes:
        draws: in the order in which they are asked for.
    """

    draws: Iterator[Tensor]

    def normal(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return next(self.draws)


def noting(device: torch.device) -> Noting:
    """A generator that notes what it is asked for."""
    noise = Noting(device)
    noise.asked = []
    return noise


def drawn_before(draws: Iterator[Tensor]) -> DrawnBefore:
    """A generator that hands out these draws."""
    noise = DrawnBefore()
    noise.draws = draws
    return noise
