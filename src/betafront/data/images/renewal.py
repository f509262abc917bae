"""What the images of a shuffled batch go through, each time that they are drawn."""

from functools import partial

import torch
from torch import Tensor

from betafront.data.batches import Renew
from betafront.data.images.augment import Augment
from betafront.data.images.levels import dequantized, quantized
from betafront.objective.likelihoods.grid import Grid


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
    made = quantized(augment(clean, generator), grid)
    return dequantized(made, generator, grid) if spread else made
