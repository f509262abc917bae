"""What new images go through before a trained model sees them."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront.data.images.levels import on_levels
from betafront.data.images.resize import resized
from betafront.data.new_examples import Preparation, as_tensor, refuse_not_finite
from betafront.errors import UserError


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
            examples: (n, H, W), (n, C, H, W) or (n, H, W, C); 8-bit integers, or numbers in the
                scale of the training data.

        Raises:
            UserError: they have another shape, or values that the model is not for.
        """
        x = resized(as_images(as_tensor(examples), "the images"), self.size)
        if x.shape[1:] != self.shape:
            raise UserError(
                f"the model is for images of {list(self.shape)} (channels, height, width), and "
                f"these are {list(x.shape[1:])}"
            )
        x = on_levels(x, self.binarize, self.levels)
        if not self.dequantized or self.levels is None:
            return x
        return ((x * (self.levels - 1)).round() + 0.5) / self.levels


def as_images(x: Tensor, path: str) -> Tensor:
    """`x` as (n, C, H, W) float32, checked.

    Raises:
        UserError: naming `path`, and the shape or the values that do not do.
    """
    if x.ndim == 3:
        x = x.unsqueeze(1)
    elif x.ndim == 4 and x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = x.permute(0, 3, 1, 2)
    if x.ndim != 4 or x.shape[1] not in (1, 3) or 0 in x.shape:
        raise UserError(
            f"{path} has the shape {tuple(x.shape)}: images are (n, H, W), (n, C, H, W) or "
            "(n, H, W, C) with C = 1 or 3"
        )
    if x.dtype == torch.uint8:
        return x.float() / 255
    if not x.is_floating_point():
        raise UserError(
            f"{path} holds {x.dtype} values: give 8-bit integers (0 to 255) or floating-point "
            "numbers in the scale that the likelihood is for"
        )
    refuse_not_finite(x, path, "image")
    return x.float()
