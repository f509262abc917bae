"""Images on k grey levels: brought onto them, or spread over their cells."""

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.likelihoods.base import outside
from betafront.objective.likelihoods.grid import PARTS, Grid


def on_levels(x: Tensor, binarize: float | None, levels: int | None) -> Tensor:
    """`x` as 0 and 1 (above `binarize`), on its grey levels, or as it is; see `prepare`.

    Raises:
        UserError: there cannot be such levels, or `x` leaves [0, 1] and so has none.
    """
    grid = Grid(levels) if levels is not None else None  # refused also where it is not used
    if binarize is not None:
        return (x > binarize).float()
    return quantized(x, grid) if grid else x


def quantized(x: Tensor, grid: Grid) -> Tensor:
    """`x` on the grid: of level `floor(x·k)`. Images that have these levels stay the same.

    Raises:
        UserError: `x` leaves [0, 1].
    """
    problem = outside(x, 0.0, 1.0)
    if problem:
        raise UserError(
            f"data.levels={grid.levels} is for images in [0, 1], but {problem}: "
            "scale the images to [0, 1], or leave out data.levels"
        )
    return grid.value(grid.level(x).float())


def dequantized(x: Tensor, generator: torch.Generator, grid: Grid) -> Tensor:
    """Each value spread over the cell of its level, `(i + u) / k`: u is uniform on the middles of
    `PARTS` parts of the cell. The noise is drawn on the CPU, the same for every device."""
    part = torch.randint(PARTS, x.shape, generator=generator).to(x.device)
    return spread(x, part, grid)


def spread(x: Tensor, part: Tensor, grid: Grid) -> Tensor:
    """Each value in the middle of a part of the cell of its level.

    Args:
        x: values on the grid, or within its cells.
        part: from 0 to `PARTS` - 1, for each value.
        grid: of the levels.
    """
    return (grid.level(x) + (part + 0.5) / PARTS) / grid.levels
