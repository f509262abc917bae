"""Images, vectors, signals or other arrays: of which kind examples are, and their numbers."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from betafront.data.arrays.channels import channels_first
from betafront.data.images.new_images import as_images, of_16_bits
from betafront.data.new_examples import refuse_not_finite
from betafront.errors import UserError, near_miss

FORMS = {
    "images": "(n, H, W), (n, C, H, W) or (n, H, W, C)",
    "vectors": "(n, D)",
    "signals": "(n, L), (n, C, L) or (n, L, C)",
    "arrays": "(n, ...), of any shape",
}
"""The kinds of examples, and the shapes that each may have."""

AXES = {"images": (3, 4), "vectors": (2,), "signals": (2, 3), "arrays": range(2, 100)}

LEAST_SIDE = 8  # pixels of an image that a vector may be


class Examples(NamedTuple):
    """Examples as a model takes them.

    Attributes:
        kind: one of `FORMS`.
        x: (n, C, H, W) images, (n, D) vectors, (n, C, L) signals or (n, ...) arrays, float32.
        note: sentences on how they were read, which are said before training; may be empty.
    """

    kind: str
    x: Tensor
    note: str = ""


def kind_of(shape: Sequence[int], kind: str | None, path: str) -> str:
    """The kind of an array of examples: `kind`, or what its shape says where that is None.

    Two axes are those of vectors, three and four those of images; more axes are an array of no
    particular kind.

    Raises:
        UserError: there is no such kind, or the array has not its shape.
    """
    if kind is None:
        kind = {2: "vectors", 3: "images", 4: "images"}.get(len(shape), "arrays")
    if kind not in FORMS:
        raise UserError(f"data.kind: there is no '{kind}': {near_miss(str(kind), FORMS)}")
    if len(shape) not in AXES[kind] or 0 in shape:
        raise UserError(
            f"{path} has the shape {tuple(shape)}: {kind} are {FORMS[kind]}{_way_out(shape, kind)}"
        )
    return kind


def _way_out(shape: Sequence[int], kind: str) -> str:
    if len(shape) == 1:
        return "; one number an example is x[:, None]"
    if kind == "vectors" and len(shape) > 2:
        return "; save x.reshape(len(x), -1), or leave data.kind out"
    if kind == "images" and len(shape) == 2:
        side = math.isqrt(shape[1])
        square = side > 1 and side**2 == shape[1]
        return f"; save x.reshape(-1, {side}, {side})" if square else "; leave data.kind out"
    return ""


def as_examples(
    x: Tensor, path: str, kind: str | None = None, channels: str | None = None
) -> Examples:
    """An array of examples as a model takes them.

    Of images, truth values become 0 and 1, 8-bit integers are divided by 255 and 16-bit integers by
    65,535. All other numbers are taken as they are.

    Args:
        x: (n, ...).
        path: names the array in errors and notes.
        kind: as in `kind_of`.
        channels: as in `betafront.data.arrays.channels.channels_first`.

    Raises:
        UserError: naming `path`, and the shape or the values that do not do.
    """
    kind = kind_of(x.shape, kind, path)
    if kind == "images":
        return Examples(kind, as_images(x, path, channels), of_16_bits(x, path))
    if channels is not None and kind != "signals":
        raise UserError(f"data.channels is for images and signals, and {path} holds {kind}")
    if kind == "signals":
        x = channels_first(x, path, channels) if x.ndim == 3 else x.unsqueeze(1)
    numbers = as_numbers(x, path)
    return Examples(kind, numbers, _note(x, numbers, path, kind))


def as_numbers(x: Tensor, path: str) -> Tensor:
    """`(n, ...)` float32: truth values as 0 and 1, all other numbers as they are.

    Raises:
        UserError: naming `path`; the numbers are complex, not finite, or too large.
    """
    if x.is_complex():
        raise UserError(f"{path} holds complex numbers: save real ones, as x.real or abs(x)")
    if x.is_floating_point():
        refuse_not_finite(x, path, "example")
    numbers = x.float()
    refuse_not_finite(numbers, f"{path}, in 32-bit numbers,", "example")
    return numbers


def _note(x: Tensor, numbers: Tensor, path: str, kind: str) -> str:
    """How examples that are no images were read, where somebody may have meant it otherwise.

    Args:
        x: as they were given; of some types torch knows no minimum.
        numbers: of them, float32.
        path, kind: of them.
    """
    whole = not x.is_floating_point() and x.dtype != torch.bool
    said = []
    if whole:
        said = [
            f"{path} holds whole numbers from {int(numbers.min()):,} to {int(numbers.max()):,}, "
            f"which of {kind} are taken as they are: divide them before, where they are levels."
        ]
    side = math.isqrt(x.shape[1])
    if kind == "vectors" and side >= LEAST_SIDE and side**2 == x.shape[1] and _as_pixels(x):
        said.append(
            f"Its examples are taken as vectors of {x.shape[1]:,} numbers: if they are images of "
            f"{side} x {side}, save x.reshape(-1, {side}, {side})."
        )
    return " ".join(said)


def _as_pixels(x: Tensor) -> bool:
    """Whether numbers may be the pixels of images."""
    if x.dtype == torch.uint8:
        return True
    return x.is_floating_point() and bool(x.min() >= 0) and bool(x.max() <= 1)
