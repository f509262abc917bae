"""One picture file: what its head says, and its pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from betafront.data.images.resize import resized
from betafront.errors import one_line
from betafront.objective.likelihoods.grid import Grid

GREY = ("1", "L", "LA", "La")
OF_16_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")
COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # the tag of EXIF, and its values for a quarter turn
TIFF_WIDTH, TIFF_HEIGHT = 256, 257  # tags


@dataclass(frozen=True)
class Head:
    """What the head of a picture file says.

    Attributes:
        height, width: in pixels, as the picture is to be seen.
        colour: whether it has colours.
        bits: 8 or 16, of each number.
        alpha: whether it has an alpha channel, or a colour that is transparent.
        several: whether the file has further pictures.
    """

    height: int
    width: int
    colour: bool
    bits: int
    alpha: bool
    several: bool


def head(path: Path) -> Head | str:
    """The head of a picture file, or why it has none."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode not in (*GREY, *OF_16_BITS, *COLOUR):
                return f"pixels of the kind {image.mode}, as floating-point numbers"
            width, height = _stored_size(image)
            if image.getexif().get(ORIENTATION) in SIDEWAYS:
                width, height = height, width
            bits = 16 if image.mode in OF_16_BITS else 8
            return Head(
                height,
                width,
                colour=image.mode in COLOUR,
                bits=bits,
                alpha=_is_transparent(image),
                several=getattr(image, "is_animated", False),
            )
    except Exception as error:  # a damaged file makes its reader raise almost anything
        return _reason(error)


def _stored_size(image: Any) -> tuple[int, int]:
    """Width and height before a picture is set upright. Of TIFF files Pillow says those of the
    upright one, from some version on."""
    if image.format == "TIFF":
        return image.tag_v2[TIFF_WIDTH], image.tag_v2[TIFF_HEIGHT]
    width, height = image.size
    return width, height


def pixels(path: Path, channels: int, bits: int, size: int | None) -> NDArray[Any] | str:
    """(C, H, W) the first picture of a file, upright, as 8-bit or 16-bit numbers, or why it cannot
    be had.

    Colours become grey by the weights of ITU-R 601; what is transparent is laid on white.

    Args:
        path: of the file.
        channels: 1 or 3.
        bits: 8 or 16, as its head says.
        size: as in `betafront.data.images.resize.resized`: pixels are put back onto their levels,
            256 by `Grid`, as those of other images are.
    """
    from PIL import Image, ImageOps

    try:
        # Of a file given by its name Pillow maps a TIFF that is not packed, and gets it wrong where
        # it lies on its side.
        with path.open("rb") as file, Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if bits == 16:
                return _sized(_of_16_bits(image, channels), bits, size)
            if _is_transparent(image):
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
        channels_first = array[None] if channels == 1 else array.transpose(2, 0, 1)
        return _sized(channels_first, bits, size)
    except Exception as error:  # a damaged file makes its reader raise almost anything
        return _reason(error)


def _sized(array: NDArray[Any], bits: int, size: int | None) -> NDArray[Any]:
    if size is None:
        return np.ascontiguousarray(array)
    _, height, width = array.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = np.ascontiguousarray(array[:, top : top + side, left : left + side])
    if side == size:
        return middle
    greatest = 2**bits - 1
    x = resized(torch.from_numpy(middle.astype(np.float32))[None] / greatest, size)[0]
    level = Grid(256).level(x) if bits == 8 else (x * greatest).round()
    return level.numpy().astype(array.dtype)


def _of_16_bits(image: Any, channels: int) -> NDArray[Any]:
    array = np.asarray(image)
    if array.min() < 0 or array.max() > 65535:
        raise ValueError(f"integers from {array.min()} to {array.max()}, beyond 16 bits")
    return np.repeat(array.astype(np.uint16)[None], channels, axis=0)


def _is_transparent(image: Any) -> bool:
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "it is no picture, or is damaged"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(error)[:120] or type(error).__name__
