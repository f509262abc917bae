"""Folders of small pictures, for tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[Any]


def noise(shape: tuple[int, ...], seed: int, most: int = 255) -> Picture:
    """Pixels at random; the seed says which."""
    kind = np.uint16 if most > 255 else np.uint8
    return np.random.default_rng(seed).integers(0, most + 1, shape).astype(kind)


def smooth(height: int, width: int, seed: int) -> Picture:
    """A colour picture that is no noise, so that JPEG keeps it."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((seed % 7 + c + 1) * (x / width + (c + 1) * y / height)) for c in range(3)]
    return (np.stack(waves, -1) * 127 + 128).astype(np.uint8)


def save(path: Path, picture: Picture, **how: Any) -> None:
    """Write a picture, whose folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **how)


def folder_of(
    root: Path, n: int, make: Callable[[int], Picture], name: str = "{}.png", **how: Any
) -> Path:
    """A folder of n pictures.

    Args:
        root: the folder.
        n: pictures.
        make: makes each.
        name: of each below the folder, with `{}` for its number.
        how: to save.
    """
    for i in range(n):
        save(root / name.format(f"{i:04}"), make(i), **how)
    return root
