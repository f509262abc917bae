"""Sprites: one shape per image at a known scale, orientation and place, as in dSprites.

dSprites is by Matthey, Higgins, Hassabis and Lerchner (2017); these are drawn anew, from outlines
of our own, and every factor may have as many values as are wanted.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from betafront.data import cache
from betafront.data.factors import Table
from betafront.data.images import Images, prepare
from betafront.data.images.memory_limit import refuse_too_many
from betafront.data.sets import outlines
from betafront.data.sets.outlines import OUTLINES, Array
from betafront.errors import UserError, near_miss

NAMES = ("shape", "scale", "orientation", "x", "y", "colour")

# Corners of the colour cube, so that every channel stays 0 or 1.
COLOURS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "magenta": (1, 0, 1),
    "cyan": (0, 1, 1),
    "white": (1, 1, 1),
}


def sprites(
    name: str = "sprites",
    size: int = 64,
    shapes: Sequence[str] = tuple(OUTLINES),
    scales: int = 6,
    orientations: int = 20,
    full_circle: bool = False,
    columns: int = 32,
    rows: int = 32,
    colours: int = 1,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
    levels: int | None = 2,
    dequantize: bool = False,
) -> Images:
    """Black images with one sprite each, in every combination of the factors; pixels are 0 or 1.

    Args:
        name: what the data is called in tables and records.
        size, shapes, scales, orientations, full_circle, columns, rows, colours: as in `Design`.
        val, test, split_seed, limit, levels, dequantize: as in `betafront.data.images.prepare`. No
            more than `limit` images are drawn.

    Raises:
        UserError: there cannot be such sprites, two of them would look the same, or they are too
            many for the memory.
    """
    design = Design(size, tuple(shapes), scales, orientations, full_circle, columns, rows, colours)
    sheet = Sheet(design, stamps(design))
    refuse_too_many(name, len(sheet), sheet.shape, limit)
    return prepare(
        name,
        sheet,
        factors=sheet.factors.varying(),
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
        binarize=None,
        levels=levels,
        dequantize=dequantize,
        side=size,
    )


@dataclass(frozen=True)
class Design:
    """The values of each factor.

    Args:
        size: pixels along a side of an image.
        shapes: of `OUTLINES`.
        scales: evenly from a half to the largest that fits.
        orientations: evenly over the turn after which the first of the shapes looks the same again
            (90 degrees where there is a square), so that no two images are alike; its end is left
            out.
        full_circle: spread the orientations over 360 degrees, whatever looks the same.
        columns, rows: places along x and y, whole pixels apart. The centre of a sprite has up to
            half of the image for them, and its outline what is left.
        colours: of `COLOURS`, in three channels; a single one is white, in one channel.

    Raises:
        UserError: a shape is unknown, or a number cannot be.
    """

    size: int
    shapes: tuple[str, ...]
    scales: int
    orientations: int
    full_circle: bool
    columns: int
    rows: int
    colours: int

    def __post_init__(self) -> None:
        for shape in self.shapes:
            if shape not in OUTLINES:
                raise UserError(
                    f"data.shapes: there is no shape '{shape}': {near_miss(shape, OUTLINES)}"
                )
        if not self.shapes or len(set(self.shapes)) < len(self.shapes):
            raise UserError(f"data.shapes must name shapes, each once, not {list(self.shapes)}")
        if not 8 <= self.size <= 256:
            raise UserError(f"data.size must be from 8 to 256, not {self.size}")
        most = {
            "scales": self.size,
            "orientations": 360,
            "columns": self.size // 2,
            "rows": self.size // 2,
            "colours": len(COLOURS),
        }
        for key, largest in most.items():
            if not 1 <= getattr(self, key) <= largest:
                raise UserError(
                    f"data.{key} must be from 1 to {largest} where data.size={self.size}, "
                    f"not {getattr(self, key)}"
                )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each factor in `NAMES`."""
        return (
            len(self.shapes),
            self.scales,
            self.orientations,
            self.columns,
            self.rows,
            self.colours,
        )

    @property
    def arc(self) -> int:
        """The degrees over which the orientations go."""
        return 360 if self.full_circle else min(OUTLINES[s].period for s in self.shapes)

    @property
    def ordinal(self) -> tuple[bool, ...]:
        """Whether each factor has an order. Orientation has none where every shape looks the same
        again at the end of the arc: then its last value is next to the first."""
        round_ = all(self.arc % OUTLINES[s].period == 0 for s in self.shapes)
        return (False, True, not round_, True, True, False)

    @property
    def steps(self) -> tuple[int, int]:
        """Pixels from one row to the next, and from one column to the next."""
        return self.size // (2 * self.rows), self.size // (2 * self.columns)

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width of the part of an image in which a sprite turns, wherever it is."""
        down, right = self.steps
        return self.size - (self.rows - 1) * down, self.size - (self.columns - 1) * right


class Sheet:
    """Every sprite of a design, by number; the last factor changes fastest.

    Each shape, scale and orientation has one stamp with black all around, and the sprite at a place
    is a window on that stamp: nothing is drawn per image, and only the images that are taken are
    copied.

    Args:
        design: of the images.
        stamps: (shapes, scales, orientations, height, width) bool, of the design's frame.
    """

    def __init__(self, design: Design, stamps: Array) -> None:
        self.design = design
        above, beside = (design.size - side for side in design.frame)
        around = pad(torch.from_numpy(stamps), (beside, beside, above, above))
        down, right = design.steps
        # (shapes, scales, orientations, rows, columns, size, size); the first window has the sprite
        # at its lower right.
        self.windows = around.unfold(3, design.size, down).unfold(4, design.size, right)
        paint = list(COLOURS.values())[: design.colours] if design.colours > 1 else [(1,)]
        self.paint = torch.tensor(paint, dtype=torch.float32)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return self.paint.shape[1], self.design.size, self.design.size

    @cached_property
    def factors(self) -> Table:
        """The factors of every sprite, also those with a single value."""
        sizes = self.design.sizes
        values = np.indices(sizes).reshape(len(sizes), -1).T
        return Table(NAMES, sizes, self.design.ordinal, torch.from_numpy(values.copy()))

    def __len__(self) -> int:
        return math.prod(self.design.sizes)

    def __getitem__(self, numbers: Tensor) -> Tensor:
        """(n, C, size, size) float32 of the sprites with these numbers."""
        shape, scale, orientation, x, y, colour = self.factors.values[numbers].T
        row, column = self.design.rows - 1 - y, self.design.columns - 1 - x
        light = self.windows[shape, scale, orientation, row, column]
        return light.unsqueeze(1) * self.paint[colour][:, :, None, None]


def stamps(design: Design) -> Array:
    """Each shape at each scale and orientation, (shapes, scales, orientations, height, width) bool.

    They are kept in the user's cache, under a name made of the design and of the drawing code.

    Raises:
        UserError: two stamps are the same, though their factors differ.
    """
    arc, frame = design.arc, design.frame
    scales = np.linspace(1, 0.5, design.scales)[::-1]
    degrees = np.arange(design.orientations) * arc / design.orientations

    def draw() -> Array:
        return np.stack(
            [outlines.drawn(OUTLINES[s], scales, degrees, *frame) for s in design.shapes]
        )

    how = Path(outlines.__file__).read_bytes()
    what = repr((design.shapes, design.scales, design.orientations, arc, frame))
    key = hashlib.sha256(how + what.encode()).hexdigest()[:12]
    made = cache.cached(f"sprites-{key}.npz", draw)
    if not design.full_circle:
        _refuse_duplicates(design, made)
    return made


def _refuse_duplicates(design: Design, made: Array) -> None:
    """Refuse a design in which two sprites are the same image: no code of that image could tell
    which factors were meant.

    Raises:
        UserError: with what to change.
    """
    every = made.reshape(-1, *design.frame)
    distinct = len({_trimmed(sprite) for sprite in every})
    if distinct < len(every):
        raise UserError(
            f"data.size={design.size} is too small to tell {len(every)} sprites apart, "
            f"{len(every) - distinct} look like another: change data.orientations "
            f"(now {design.orientations}), or give fewer data.scales (now {design.scales}) or a "
            "larger data.size"
        )


def _trimmed(sprite: Array) -> tuple[tuple[int, ...], bytes]:
    """The pixels of a sprite without the black around them, whatever its place."""
    trimmed = sprite[np.ix_(sprite.any(axis=1), sprite.any(axis=0))]
    return trimmed.shape, trimmed.tobytes()
