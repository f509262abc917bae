"""What the images of a shuffled batch go through, each time that they are drawn."""

from functools import partial

import torch
from torch import Tensor

from betafront.data.batches import Renew
from betafront.data.images.augment import Augment
from betafront.data.images.levels import dequantized, quantized
from betafront.errors import UserError
from betafront.objective.likelihoods.base import outside
from betafront.objective.likelihoods.grid import Grid

BEYOND = 0.5
"""How far interpolation and noise may take an image out of [0, 1], to whose ends it is then brought
back; what goes farther is another scale."""


def renewal(levels: int | None, spread: bool, augment: Augment | None) -> Renew | None:
    """What makes a shuffled batch of stored images into that of one optimiser step; None for
    nothing.

    Args:
        levels: the number of grey levels, if it is known: augmented images are brought back onto
            them.
        spread: whether each value is spread over the cell of its level, afresh.
        augment: comes first, and sees the grey levels without noise.
    """
    grid = Grid(levels) if levels is not None else None
    if augment is not None:
        return partial(_augmented, augment=augment, grid=grid, spread=spread)
    return partial(dequantized, grid=grid) if grid is not None and spread else None


def _augmented(
    x: Tensor, generator: torch.Generator, *, augment: Augment, grid: Grid | None, spread: bool
) -> Tensor:
    if grid is None:
        return augment(x, generator)
    clean = grid.value(grid.level(x).float()) if spread else x
    made = quantized(_within(augment(clean, generator)), grid)
    return dequantized(made, generator, grid) if spread else made


def _within(x: Tensor) -> Tensor:
    """Augmented images in [0, 1].

    Raises:
        UserError: they are on another scale.
    """
    if outside(x, -BEYOND, 1 + BEYOND):
        least, most = x.aminmax()
        raise UserError(
            f"data.augment makes images from {least:.4g} to {most:.4g}, and those of validation "
            "stay in [0, 1]: leave out what changes the scale, as Normalize"
        )
    return x.clamp(0, 1)
