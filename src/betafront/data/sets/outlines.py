"""The outlines of sprites: which points are inside, and which pixels they fill.

Each outline has its centroid at the origin and reaches just to the unit circle, so a turned sprite
stays where it is and never outgrows its frame. The points are (u, v), u to the right and v down.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Points tested along each side of a pixel.
FINE = 8

# On the edge is inside, whatever the last bit says.
EDGE = 1 + 1e-9


def square(u: Array, v: Array) -> Array:
    """With its corners on the unit circle."""
    inside: Array = np.maximum(abs(u), abs(v)) * math.sqrt(2) <= EDGE
    return inside


def ellipse(u: Array, v: Array) -> Array:
    """Twice as wide as high."""
    inside: Array = u**2 + (2 * v) ** 2 <= EDGE
    return inside


def heart(u: Array, v: Array) -> Array:
    """A square that stands on its corner, with half a disc on each of its upper sides."""
    # Centroid of the square [-1, 1]², of area 4, and the two half discs, together of area π, whose
    # own centroids are 4/(3π) beyond its sides; along either side.
    centroid = (math.pi / 2 + 2 / 3) / (4 + math.pi)
    unit = math.sqrt(2) * (1 + centroid)  # from there to the lower corner
    p = (u - v) * unit / math.sqrt(2) + centroid
    q = (-u - v) * unit / math.sqrt(2) + centroid
    block = np.maximum(abs(p), abs(q)) <= EDGE
    discs = [p**2 + (q - 1) ** 2 <= EDGE, (p - 1) ** 2 + q**2 <= EDGE]
    return block | discs[0] | discs[1]


@dataclass(frozen=True)
class Outline:
    """A shape.

    Attributes:
        inside: whether points (u, v) are in it.
        period: the least turn, in degrees, after which it looks the same.
    """

    inside: Callable[[Array, Array], Array]
    period: int


OUTLINES = {
    "square": Outline(square, 90),
    "ellipse": Outline(ellipse, 180),
    "heart": Outline(heart, 360),
}


def drawn(outline: Outline, scales: Array, degrees: Array, height: int, width: int) -> Array:
    """The outline in the middle of a frame, at each scale and orientation.

    Args:
        outline: the shape.
        scales: (S,), of which 1 reaches the nearest edge of the frame.
        degrees: (A,), clockwise.
        height, width: of the frame, in pixels.

    Returns:
        (S, A, height, width) bool: the pixels of which half or more is inside.
    """
    radius = min(height, width) / 2
    y, x = (_points(side) / radius for side in (height, width))
    filled = np.empty((len(scales), len(degrees), height, width), bool)
    for (i, scale), (j, turn) in product(enumerate(scales), enumerate(np.deg2rad(degrees))):
        u = (np.cos(turn) * x + np.sin(turn) * y[:, None]) / scale
        v = (np.cos(turn) * y[:, None] - np.sin(turn) * x) / scale
        hit = outline.inside(u, v).reshape(height, FINE, width, FINE)
        filled[i, j] = 2 * hit.sum(axis=(1, 3)) >= FINE**2
    return filled


def _points(side: int) -> Array:
    """The places of the tested points along a side, in pixels from its middle."""
    return (np.arange(side * FINE) + 0.5) / FINE - side / 2
