"""Images in another size."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from betafront.errors import UserError

AT_ONCE = 4096  # images


def resized(x: Tensor, size: int | None) -> Tensor:
    """The middle squares of images, `size` pixels wide.

    Args:
        x: (n, C, H, W), floating point.
        size: pixels a side, by antialiased bilinear interpolation; None leaves `x` as it is.

    Raises:
        UserError: the size is none.
    """
    if size is None:
        return x
    refuse_size(size)
    side = min(x.shape[2:])
    top, left = (x.shape[2] - side) // 2, (x.shape[3] - side) // 2
    square = x[:, :, top : top + side, left : left + side]
    if side == size:
        return square
    parts = square.split(AT_ONCE)
    return torch.cat(
        [interpolate(p, (size, size), mode="bilinear", antialias=True) for p in parts]
    ).clamp_(float(x.min()), float(x.max()))  # rounding goes just beyond the ends


def refuse_size(size: int | None) -> None:
    """Refuse what is no number of pixels a side.

    Raises:
        UserError: naming it.
    """
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise UserError(f"data.size must be a whole number of pixels, not {size}")
