"""A user's own images, from one `.npy`, `.npz` or `.pt` file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betafront.data.images import Images, prepare
from betafront.errors import UserError, one_line


def tensor(
    name: str,
    path: str,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
    binarize: float | None = None,
    levels: int | None = None,
    dequantize: bool = False,
) -> Images:
    """The images of a file: (n, H, W), (n, C, H, W) or (n, H, W, C), C being 1 or 3.

    8-bit integers are scaled from 0..255 to [0, 1]; floating-point numbers are taken as they are.

    Args:
        name: what the data is called in tables and records.
        path: `.npy`; `.npz` or a `.pt` dictionary with the images under `images`, or alone; or a
            `.pt` tensor (read without unpickling code).
        val, test, split_seed, limit, binarize, levels, dequantize: as in
            `betafront.data.images.prepare`.

    Raises:
        UserError: the file is not there, not of such a form, or holds NaN or infinity.
    """
    x = as_images(_load(Path(path).expanduser()), path)
    return prepare(
        name,
        x,
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
    )


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
    bad = ~torch.isfinite(x).flatten(1).all(1)
    if bad.any():
        first = int(bad.nonzero()[0])
        raise UserError(
            f"{path} has NaN or infinity in {int(bad.sum())} of {len(x)} images, first in image "
            f"{first}: mend or drop them"
        )
    return x.float()


def _load(path: Path) -> Tensor:
    if not path.is_file():
        raise UserError(f"data.path: there is no file {path}")
    try:
        loaded: Any
        if path.suffix == ".pt":
            loaded = torch.load(path, weights_only=True, map_location="cpu")
        elif path.suffix in (".npy", ".npz"):
            loaded = np.load(path, allow_pickle=False)
        else:
            raise UserError(f"data.path: {path} is not a .npy, .npz or .pt file")
        if not isinstance(loaded, np.ndarray | Tensor):
            loaded = _only(dict(loaded), path)
        return torch.as_tensor(loaded)
    except UserError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, TypeError) as error:
        reason = one_line(error)[:120]
        raise UserError(f"data.path: {path} cannot be read: {reason}") from error
    except Exception as error:  # a damaged file makes its reader raise almost anything
        raise UserError(
            f"data.path: {path} cannot be read: it is damaged, or holds more than arrays"
        ) from error


def _only(arrays: dict[str, Any], path: Path) -> Any:
    if "images" in arrays:
        return arrays["images"]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    raise UserError(
        f"data.path: {path} holds {', '.join(sorted(arrays)) or 'nothing'}: "
        "name the array of images 'images'"
    )
