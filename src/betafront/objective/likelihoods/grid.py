"""The k grey levels of discrete images: which value is which level, dequantised or not."""

from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.likelihoods.base import outside

# A dequantised value is (i + u) / k with u at the middle of one of this many parts of the cell. So
# it never touches an edge of its cell, is never 0 or 1, and in float32 (24 bits, of which a level
# and a part take 8 + 13) still says which level it came from.
PARTS = 4096


@dataclass(frozen=True)
class Grid:
    """k grey levels in [0, 1], each in a cell of its own.

    Args:
        levels: k, from 2 to 256.
        dequantized: whether the data are values `(i + u) / k` in the k cells of [0, 1], rather than
            the levels `i / (k - 1)` themselves. Then the value of level i is the cell's middle.

    Raises:
        UserError: there cannot be so many levels.
    """

    levels: int
    dequantized: bool = False

    def __post_init__(self) -> None:
        k = self.levels
        if isinstance(k, bool) or not isinstance(k, int) or not 2 <= k <= 256:
            raise UserError(
                f"the number of grey levels is a whole number from 2 to 256, not {k}: "
                "give data.levels=…"
            )

    @property
    def width(self) -> float:
        """From one level's value to the next."""
        return 1 / self.levels if self.dequantized else 1 / (self.levels - 1)

    def level(self, x: Tensor) -> Tensor:
        """The level, 0 to k - 1 and an integer, of values in [0, 1]: right for `i / (k - 1)` and
        for `(i + u) / k` alike."""
        return (x * self.levels).floor().clamp(0, self.levels - 1).long()

    def value(self, level: Tensor) -> Tensor:
        """The value of each level, given as a floating-point number (so also of a mean level)."""
        return (level + 0.5) / self.levels if self.dequantized else level / (self.levels - 1)

    def shares(self, x: Tensor) -> Tensor:
        """(k, …) the part of the examples that has each level in each data dimension.

        Args:
            x: (n, …) values.
        """
        level = self.level(x).flatten(1)
        dims = level.shape[1]
        which = level * dims + torch.arange(dims, device=x.device)
        counts = torch.bincount(which.flatten(), minlength=self.levels * dims)
        return (counts.double() / len(x)).to(x.dtype).view(self.levels, *x.shape[1:])

    def check(self, x: Tensor, name: str) -> None:
        """Refuse data that was not made from these levels.

        Raises:
            UserError: for the likelihood `name`.
        """
        problem = outside(x, 0.0, 1.0)
        if problem:
            raise UserError(
                f"likelihood={name} is for grey levels in [0, 1], but {problem}: "
                "scale the data to [0, 1] or use likelihood=gaussian"
            )
        if self.dequantized:
            # In parts of a cell every value is a half; rounding moves it by 2^-4 at most.
            parts = x * (PARTS * self.levels)
            strange = (parts - parts.floor() - 0.5).abs() > 0.125
            kind = f"data dequantised from {self.levels} grey levels"
        else:
            steps = x * (self.levels - 1)
            strange = (steps - steps.round()).abs() > 1e-4 * (self.levels - 1)
            kind = f"{self.levels} grey levels, i/{self.levels - 1}"
        if bool(strange.any()):
            raise UserError(
                f"likelihood={name} is for {kind}, but the data has other values, such as "
                f"{float(x[strange][0]):.6g}: give data.levels and likelihood.levels the same "
                "number (binarised images have 2), or use likelihood=gaussian"
            )


def grid(name: str, levels: int | None, dequantized: bool) -> Grid:
    """The levels of the likelihood `name`.

    Raises:
        UserError: their number is not known, or cannot be.
    """
    if levels is None:
        raise UserError(
            f"likelihood={name} is for discrete images, and the number of their grey levels is not "
            "known: give data.levels=…"
        )
    return Grid(levels, dequantized)
