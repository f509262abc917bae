"""The kinds of x that a loss may want: grey values, bits, counts, or a class at every position."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

SIDES = {1: ("pixels",), 2: ("height", "width"), 3: ("channels", "height", "width")}
CLASSES = "classes"


@dataclass(frozen=True)
class Kind:
    """A kind of x.

    Args:
        name: of the values.
        axis: of the data's shape, along which a one-hot x has its classes.
        index: whether a one-hot x is given as the class's index, without that axis.
        pad: the class that the loss leaves out as padding; never drawn.
    """

    name: Literal["grey", "bits", "counts", "one_hot"]
    axis: int | None = None
    index: bool = False
    pad: int | None = None

    def draw(self, generator: torch.Generator, batch: int, shape: tuple[int, ...]) -> Tensor:
        """(B, N) values of this kind, one-hot also where they are given as indices."""
        if self.axis is not None:
            return self._one_hot(generator, batch, shape)
        uniform = torch.rand((batch, *shape), generator=generator, dtype=torch.float64).flatten(1)
        if self.name == "counts":
            return (7 * uniform.square()).floor()  # from 0 to 6, two fifths of them 0
        grey = 0.1 + 0.8 * uniform
        return (grey > 0.5).double() if self.name == "bits" else grey

    def _one_hot(self, generator: torch.Generator, batch: int, shape: tuple[int, ...]) -> Tensor:
        assert self.axis is not None
        classes = shape[self.axis]
        positions = (batch, *shape[: self.axis], *shape[self.axis + 1 :])
        drawn = classes if self.pad is None else classes - 1
        uniform = torch.rand(positions, generator=generator, dtype=torch.float64)
        chosen = (drawn * uniform).floor().long()
        if self.pad is not None:
            chosen = chosen + (chosen >= self.pad)
        return one_hot(chosen, classes).movedim(-1, self.axis + 1).double().flatten(1)

    def padded(self, x: Tensor, shape: tuple[int, ...], kept: Tensor) -> Tensor:
        """(B, N) x with the padding's class where `kept` (B, *shape) is 0."""
        assert self.axis is not None and self.pad is not None
        image = x.view(len(x), *shape).clone()
        filled = torch.zeros_like(image)
        filled.select(self.axis + 1, self.pad).fill_(1)
        return torch.where(kept > 0, image, filled).flatten(1)

    def give(self, x: Tensor, shape: tuple[int, ...], flat: bool, dtype: torch.dtype) -> Tensor:
        """The x (B, N) as the loss wants it, a copy: images or rows, numbers or indices."""
        image = x.view(len(x), *shape)
        if self.index and self.axis is not None:
            image = image.argmax(self.axis + 1)
        else:
            image = image.to(dtype, copy=True)
        return image.flatten(1) if flat and image.dim() > 1 else image

    def sides(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        """The names of the sides of the data."""
        return side_names(shape, self.axis)

    def __str__(self) -> str:
        if self.index:
            return f"x as indices of classes (axis {1 + (self.axis or 0)} of the reconstruction)"
        return {
            "grey": "",
            "bits": "x of 0 and 1 (it refuses grey values)",
            "counts": "x as counts",
            "one_hot": f"x one-hot along axis {1 + (self.axis or 0)}",
        }[self.name]


def side_names(shape: tuple[int, ...], classes: int | None) -> tuple[str, ...]:
    """The names of the sides of data of this shape, `classes` the axis of its classes."""
    plain = [side for side in range(len(shape)) if side != classes]
    if classes is None:
        return SIDES.get(len(shape), tuple(f"side {i + 1}" for i in plain))
    words = iter(
        {1: ("positions",), 2: ("height", "width")}.get(
            len(plain), tuple(f"side {i + 1}" for i in plain)
        )
    )
    return tuple(CLASSES if side == classes else next(words) for side in range(len(shape)))


GREY, BITS, COUNTS = Kind("grey"), Kind("bits"), Kind("counts")


def kinds(shape: tuple[int, ...]) -> Iterator[Kind]:
    """Every kind of x of this shape, in the order of trial; classes along the last axis first, then
    along the first one."""
    yield from (GREY, COUNTS, BITS)
    axes = [axis for axis in (*range(-1, 0), *range(len(shape) - 1)) if shape[axis] > 1]
    for index in (False, True):
        for axis in axes:
            yield Kind("one_hot", axis % len(shape), index)
