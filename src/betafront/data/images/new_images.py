"""What new images go through before a trained model sees them."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront.data.arrays.channels import channels_as, channels_first
from betafront.data.images.levels import on_levels
from betafront.data.images.resize import resized
from betafront.data.new_examples import Preparation, as_tensor, refuse_not_finite
from betafront.errors import UserError

GREATEST = {torch.bool: 1, torch.uint8: 255, torch.uint16: 65535, torch.int16: 65535}
"""The value that becomes 1, by the type. Of wider integers the type does not say it."""


@dataclass(frozen=True)
class ImagePreparation(Preparation):
    """Images in any of the usual forms are brought to a size and onto grey levels. Where a model
    was trained on dequantised levels, each value becomes the middle of its cell.

    Attributes:
        shape: channels, height and width.
        size: pixels a side to bring images to, as in `betafront.data.images.resize.resized`.
        binarize, levels: as in `betafront.data.images.prepare`.
        dequantized: whether the model was trained on dequantised levels.
    """

    kind: ClassVar[str] = "images"

    size: int | None
    binarize: float | None
    levels: int | None
    dequantized: bool

    def __call__(self, examples: ArrayLike | Tensor) -> Tensor:
        """Images as the model was trained on them, (n, C, H, W) float32.

        Args:
            examples: (n, H, W), (n, C, H, W) or (n, H, W, C); truth values, 8-bit or 16-bit
                integers, or numbers in the scale of the training data.

        Raises:
            UserError: they have another shape, or values that the model is not for.
        """
        given = as_tensor(examples)
        x = as_images(given, "the images", channels_as(given.shape[1:], self.shape))
        x = resized(x, self.size)
        if x.shape[1:] != self.shape:
            raise UserError(
                f"the model is for images of {list(self.shape)} (channels, height, width), and "
                f"these are {list(x.shape[1:])}"
            )
        x = on_levels(x, self.binarize, self.levels)
        if not self.dequantized or self.levels is None:
            return x
        return ((x * (self.levels - 1)).round() + 0.5) / self.levels


def as_images(x: Tensor, path: str, channels: str | int | None = None) -> Tensor:
    """`x` as (n, C, H, W) float32, checked: truth values as 0 and 1, 8-bit integers divided by 255,
    16-bit integers by 65,535, floating-point numbers as they are.

    Args:
        x: (n, H, W), (n, C, H, W) or (n, H, W, C).
        path: names the images in errors.
        channels: as in `betafront.data.arrays.channels.channels_first`.

    Raises:
        UserError: naming `path`, and the shape or the values that do not do.
    """
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise UserError(
            f"{path} has the shape {tuple(x.shape)}: images are (n, H, W), (n, C, H, W) or "
            "(n, H, W, C)"
        )
    x = x.unsqueeze(1) if x.ndim == 3 else channels_first(x, path, channels)
    if x.is_floating_point():
        refuse_not_finite(x, path, "image")
        return x.float()
    if x.dtype not in GREATEST:
        raise UserError(f"{path} holds {_typed(x)}: {_way_out_of_type(x)}")
    scaled = x.float()
    if scaled.min() < 0:
        raise UserError(
            f"{path} holds 16-bit integers from {int(scaled.min()):,} on: bring them to the scale "
            "that the likelihood is for, as floating-point numbers"
        )
    return scaled / GREATEST[x.dtype]


def of_16_bits(x: Tensor, path: str) -> str:
    """A sentence on how 16-bit images are read, where `x` is that; empty where it is not."""
    if GREATEST.get(x.dtype) != GREATEST[torch.uint16]:
        return ""
    most, top = int(x.float().max()), GREATEST[x.dtype]
    said = f"{path} holds 16-bit integers, which are divided by {top:,}"
    if most > top // 2:
        return f"{said}."
    bits = most.bit_length()
    return (
        f"{said}: the greatest, {most:,}, is {most / top:.3g}. If {bits} bits are all there are, "
        f"save them as x / {2**bits - 1:,}."
    )


def _typed(x: Tensor) -> str:
    name = str(x.dtype).removeprefix("torch.")
    if x.is_complex():
        return f"{name} values"
    return f"{name} values from {int(x.long().min())} to {int(x.long().max())}"


def _way_out_of_type(x: Tensor) -> str:
    """How to save values of which the type does not say what the greatest one stands for."""
    if x.is_complex():
        return "save real numbers"
    low, high = int(x.long().min()), int(x.long().max())
    for greatest, kind in ((1, "bool"), (255, "uint8"), (65535, "uint16")):
        if low >= 0 and high <= greatest:
            return f"save them as x.astype('{kind}') (0 to {greatest:,} become 0 to 1)"
    return (
        "save them as x.astype('float32'), in the scale that the likelihood is for, as 0 to 1 for "
        "Bernoulli"
    )
