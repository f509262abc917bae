"""A user's own images, from one `.npy`, `.npz` or `.pt` file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betafront.data.factors import Table
from betafront.data.images import Images, prepare
from betafront.data.images.new_images import as_images
from betafront.data.images.resize import resized
from betafront.errors import UserError, one_line


def tensor(
    name: str,
    path: str,
    size: int | None = None,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
    binarize: float | None = None,
    levels: int | None = None,
    dequantize: bool = False,
    labels: str | None = None,
) -> Images:
    """The images of a file: (n, H, W), (n, C, H, W) or (n, H, W, C), C being 1 or 3.

    8-bit integers are scaled from 0..255 to [0, 1]; floating-point numbers are taken as they are.

    Args:
        name: what the data is called in tables and records.
        path: `.npy`; `.npz` or a `.pt` dictionary with the images under `images`, or alone; or a
            `.pt` tensor (read without unpickling code).
        size: as in `betafront.data.images.resize.resized`.
        val, test, split_seed, limit, binarize, levels, dequantize: as in
            `betafront.data.images.prepare`.
        labels: such a file with the class of each image, (n,), or K factors of it, (n, K), of any
            sortable type: under `labels` or `factors`, or alone. Without such a file, arrays of
            these names beside the `images` are taken. Nobody says whether the values have an order,
            so none is assumed.

    Raises:
        UserError: a file is not there, not of such a form, or holds NaN or infinity; or there is
            not one row of labels per image.
    """
    with _reading(path, "data.path") as file:
        arrays = _arrays(file, "images")
        x = as_images(torch.as_tensor(arrays["images"]), path)
        factors = as_factors(arrays, path)
    if labels is not None:
        with _reading(labels, "data.labels") as file:
            factors = as_factors(_arrays(file, "labels"), labels)
    return prepare(
        name,
        resized(x, size),
        factors=factors,
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
        side=size,
    )


def as_factors(arrays: Mapping[str, Any], path: str) -> Table | None:
    """The factors under `factors`, or else under `labels`; None where neither is there.

    Raises:
        UserError: naming `path` and the shape, which is neither (n,) nor (n, K).
    """
    found = arrays.get("factors", arrays.get("labels"))
    if found is None:
        return None
    values = np.asarray(found)
    if values.ndim not in (1, 2) or 0 in values.shape:
        raise UserError(
            f"{path} has labels of the shape {values.shape}: give one class per image, (n,), or K "
            "factors of it, (n, K)"
        )
    values = values.reshape(len(values), -1)
    k = values.shape[1]
    names = ["label"] if k == 1 else [f"factor_{i}" for i in range(k)]
    return Table.of(names, [False] * k, values)


def _arrays(path: Path, main: str) -> dict[str, Any]:
    """The arrays of a file by their names; a single array is called `main`, whatever its name."""
    if path.suffix == ".pt":
        loaded = torch.load(path, weights_only=True, map_location="cpu")
    elif path.suffix in (".npy", ".npz"):
        loaded = np.load(path, allow_pickle=False)
    else:
        raise UserError(f"{path} is not a .npy, .npz or .pt file")
    arrays = {main: loaded} if isinstance(loaded, np.ndarray | Tensor) else dict(loaded)
    if main == "labels" and "factors" in arrays:
        return arrays
    if main not in arrays and len(arrays) == 1:
        arrays = {main: next(iter(arrays.values()))}
    if main not in arrays:
        raise UserError(
            f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}: "
            f"name the array of {main} '{main}'"
        )
    return arrays


@contextmanager
def _reading(path: str, key: str) -> Iterator[Path]:
    """The file that the setting `key` names; an error while it is read becomes a `UserError`."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"{key}: there is no file {file}")
    try:
        yield file
    except UserError as error:
        raise UserError(f"{key}: {error}") from error
    except (OSError, ValueError, EOFError, RuntimeError, TypeError) as error:
        reason = one_line(error)[:120]
        raise UserError(f"{key}: {file} cannot be read: {reason}") from error
    except Exception as error:  # a damaged file makes its reader raise almost anything
        raise UserError(
            f"{key}: {file} cannot be read: it is damaged, or holds more than arrays"
        ) from error
