"""The latents as a user writes them: how many there are, or the shape of a spatial code."""

import math
from collections.abc import Sequence

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
    every = [latents] if isinstance(latents, int) else latents
    if isinstance(every, str | dict) or not (
        every and all(type(part) is int and part > 0 for part in every)
    ):
        raise UserError(
            "model.latents is the number M of latents, or a list [channels, height, width] for a "
            f"spatial code, not {latents!r}"
        )
    return tuple(every)


def count(shape: Shape) -> int:
    """M, the latents of a code of this shape, over all of its positions."""
    return math.prod(shape)
