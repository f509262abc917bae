"""Images in memory: one tensor per split, with a digest of what they are."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from betafront.data.factors import Factors, Table
from betafront.errors import UserError
from betafront.objective.likelihoods.base import outside
from betafront.objective.likelihoods.grid import PARTS, Grid

# Kept apart from the generators of a run, which may be seeded with the same small number.
OTHER_STREAM = 0x6E6F6973


@dataclass(frozen=True)
class Images:
    """A data set, split.

    Attributes:
        name: what the data is called in tables and records.
        train, val, test: (n, C, H, W) float32 each.
        levels: the number k of their grey levels, if it is known.
        dequantized: whether each value is `(i + u) / k`, spread over the cell of its level i. Then
            a likelihood for the levels, and fresh noise in training, must be told `levels`.
        factors: what varies behind the images, if it is known; no part of the digest.
    """

    name: str
    train: Tensor
    val: Tensor
    test: Tensor
    levels: int | None = None
    dequantized: bool = False
    factors: Factors | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        _, channels, height, width = self.train.shape
        return channels, height, width

    @property
    def pixels(self) -> int:
        """N, the number of data dimensions."""
        return self.train[0].numel()

    @property
    def log_volume(self) -> float:
        """`N ln k` nats per example where the images are dequantised, else 0.

        A density p of dequantised values bounds the mass of the discrete image from below,
        `log P(i) ≥ E_u[log p((i + u) / k)] - N ln k` (Theis et al. 2016, section 3.1; Uria et al.
        2013), which puts densities and masses on one scale.
        """
        return self.pixels * math.log(self.levels) if self.levels and self.dequantized else 0.0

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this data in these splits, values and order."""
        sha = hashlib.sha256()
        for part in (self.train, self.val, self.test):
            sha.update(repr(tuple(part.shape)).encode())
            sha.update(part.contiguous().numpy().data)
        return sha.hexdigest()[:16]

    def to(self, device: torch.device | str) -> "Images":
        """The same images on another device; their factors stay on the CPU."""
        moved = {k: getattr(self, k).to(device) for k in ("train", "val", "test")}
        return replace(self, **moved)


class Batches:
    """Batches of a tensor, sliced where it lies; one pass is one epoch.

    With a generator they are shuffled, and an incomplete last one is left out, so that every
    optimiser step sees the same number of examples (which ones are left out differs from epoch to
    epoch). Without one they are in order and complete.

    Args:
        x: (n, ...) examples.
        size: examples per batch; all of them where there are fewer.
        generator: on the CPU; where the order and the noise come from.
        levels: of dequantised `x`, for training: every shuffled batch has fresh noise, each value
            within the cell of its level. Batches in order are what `x` is.
    """

    def __init__(
        self,
        x: Tensor,
        size: int,
        generator: torch.Generator | None = None,
        *,
        levels: int | None = None,
    ) -> None:
        self.x = x
        self.size = min(size, len(x))
        self.generator = generator
        self.grid = Grid(levels) if levels is not None else None

    def __len__(self) -> int:
        return len(self.x) // self.size if self.generator else -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[Tensor]:
        if self.generator is None:
            yield from self.x.split(self.size)
            return
        order = torch.randperm(len(self.x), generator=self.generator).to(self.x.device)
        for i in range(len(self)):
            batch = self.x[order[i * self.size : (i + 1) * self.size]]
            yield dequantized(batch, self.grid, self.generator) if self.grid else batch


class Rows(Protocol):
    """Images that may lie elsewhere, or be yet to draw: those that are asked for become a tensor,
    (n, C, H, W) float32 in its final scale. A tensor of all of them is the usual case."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Tensor, /) -> Tensor: ...


def prepare(
    name: str,
    x: Rows,
    *,
    test_set: Tensor | None = None,
    factors: Table | None = None,
    test_set_factors: Table | None = None,
    val: float,
    test: float = 0.0,
    split_seed: int,
    limit: int | None,
    binarize: float | None,
    levels: int | None = None,
    dequantize: bool = False,
) -> Images:
    """Split `x`, images in their final scale, into train, validation and test.

    Args:
        name: of the data.
        x: all examples, or the published training set where there is a `test_set`.
        test_set: the published test set; without it, the part `test` of `x` becomes it.
        factors, test_set_factors: what varies behind each image of `x` and of `test_set`, if it is
            known; split as they are.
        val, test: parts of `x`, in (0, 1).
        split_seed: of the one permutation that decides which example goes where.
        limit: use no more than this many examples of `x` and of `test_set`.
        binarize: the grey value above which a pixel is 1, and 0 otherwise, which makes two levels;
            None keeps grey.
        levels: the number k of grey levels, from 2 to 256; images in [0, 1] that have other values
            are brought onto `i / (k - 1)`. None changes nothing.
        dequantize: make each value `(i + u) / k`, with u drawn once from `split_seed`.

    Raises:
        UserError: a part is out of range, or too few examples are left; the factors are not one
            row per image; or there cannot be such levels, or none are known to dequantise.
    """
    for key, part in (("val", val), ("test", test if test_set is None else 0.5)):
        if not 0 < part < 1:
            raise UserError(f"data.{key} is a part of the examples, in (0, 1), not {part}")
    if limit is not None and limit < 1:
        raise UserError(f"data.limit must be at least 1, not {limit}")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(split_seed))[:limit]
    n_val, n_test = round(len(order) * val), round(len(order) * test)

    def parted(every: Rows, test_set: Tensor | None) -> dict[str, Tensor]:
        taken = every[order]
        if test_set is None:
            test_set, taken = taken[:n_test], taken[n_test:]
        return {"val": taken[:n_val], "test": test_set[:limit], "train": taken[n_val:]}

    for rows, known in ((x, factors), (test_set, test_set_factors)):
        if rows is not None and known is not None and len(known.values) != len(rows):
            raise UserError(
                f"data={name}: {len(rows)} images and the labels or factors of "
                f"{len(known.values)}: give one row per image, in the same order"
            )
    parts = parted(x, test_set)
    for key, part_x in parts.items():
        if len(part_x) < 2:
            raise UserError(
                f"data={name}: the {key} split has {len(part_x)} image(s), and needs 2 or more: "
                "give more images, or change data.val and data.test"
            )
    parts = {key: on_levels(part_x, binarize, levels) for key, part_x in parts.items()}
    k = 2 if binarize is not None else levels
    grid = Grid(k) if k is not None else None
    if dequantize:
        if not grid:
            raise UserError(
                "data.dequantize=true spreads each grey level over its cell, and the number of "
                "levels is not known: give data.levels=… (256 for 8-bit images)"
            )
        noise = torch.Generator().manual_seed(split_seed ^ OTHER_STREAM)
        parts = {key: dequantized(part_x, grid, noise) for key, part_x in parts.items()}
    return Images(
        name=name,
        **parts,
        levels=grid.levels if grid else None,
        dequantized=dequantize,
        factors=factors.split(parted, test_set_factors) if factors else None,
    )


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


def dequantized(x: Tensor, grid: Grid, generator: torch.Generator) -> Tensor:
    """Each value spread over the cell of its level, `(i + u) / k`: u is uniform on the middles of
    `PARTS` parts of the cell. The noise is drawn on the CPU, the same for every device."""
    part = torch.randint(PARTS, x.shape, generator=generator).to(x.device)
    return (grid.level(x) + (part + 0.5) / PARTS) / grid.levels
