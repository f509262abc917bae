"""The latents as a user writes them: how many there are, or the shape of a spatial code."""

import math
from collections.abc import Sequence
from typing import Any

from betafront.errors import UserError
from betafront.models.model import Shape

Latents = int | Sequence[int]
"""M, or [C, h, w] of a code that has channels and positions ([C, l] along a signal)."""


def latent_shape(latents: Latents) -> Shape:
    """The shape of the code of one example: (M,), or the channels and positions as they are given.

    >>> latent_shape(8), latent_shape([4, 8, 8])
    ((8,), (4, 8, 8))

    Raises:
        UserError: it is neither a number nor a list of numbers of at least 1.
    """
    every: Sequence[Any] = latents if isinstance(latents, list | tuple) else [latents]
    if not every or not all(type(part) is int and part > 0 for part in every):
        raise UserError(
            "model.latents is the number M of latents, or a list [channels, height, width] for a "
            f"spatial code, not {latents!r}"
        )
    return tuple(every)


def number(latents: Latents, name: str) -> int:
    """M, of a model whose codes have no positions.

    Args:
        latents: as they are given.
        name: of the choice of model.

    Raises:
        UserError: it is no number of at least 1.
    """
    shape = latent_shape(latents)
    if len(shape) > 1:
        raise UserError(
            f"model.latents={list(shape)} is a spatial code, which model={name} has not: give the "
            "number M of latents, or use model=conv"
        )
    return count(shape)


def count(shape: Shape) -> int:
    """M, the latents of a code of this shape, over all of its positions."""
    return math.prod(shape)
