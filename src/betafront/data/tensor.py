"""A user's own examples, from one `.npy`, `.npz` or `.pt` file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betafront.data.arrays.held import held
from betafront.data.arrays.kinds import as_examples
from betafront.data.factors import Table
from betafront.data.images import prepare
from betafront.data.images.folder.listing import PICTURES
from betafront.data.images.resize import resized
from betafront.data.new_examples import as_tensor
from betafront.data.tensors import InMemory, splits
from betafront.errors import UserError, near_path, one_line

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".xls", ".xlsx", ".feather")
KINDS = (".npy", ".npz", ".pt")
EXAMPLES = ("images", "examples")
"""Names of the array of examples in a file of several."""


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
    kind: str | None = None,
    channels: str | None = None,
) -> InMemory:
    """The examples of a file: images, (n, H, W), (n, C, H, W) or (n, H, W, C); vectors, (n, D); 1-D
    signals, (n, L), (n, C, L) or (n, L, C); or arrays of any shape.

    Of images, truth values become 0 and 1, 8-bit integers are divided by 255 and 16-bit integers by
    65,535; floating-point numbers, and all numbers of other kinds, are taken as they are.

    Args:
        name: what the data is called in tables and records.
        path: `.npy`; `.npz` or a `.pt` dictionary with the examples under `images` or `examples`,
            or alone; or a `.pt` tensor (read without unpickling code).
        size: as in `betafront.data.images.resize.resized`; of images alone.
        val, test, split_seed, limit: as in `betafront.data.tensors.splits`.
        binarize, levels, dequantize: as in `betafront.data.images.prepare`; of images alone.
        labels: such a file with the class of each example, (n,), or K factors of it, (n, K), of any
            sortable type: under `labels` or `factors`, or alone. Without such a file, arrays of
            these names beside the examples are taken. Nobody says whether the values have an order,
            so none is assumed.
        kind: as in `betafront.data.arrays.kinds.kind_of`.
        channels: as in `betafront.data.arrays.channels.channels_first`.

    Raises:
        UserError: a file is not there, not of such a form, or holds NaN or infinity; or there is
            not one row of labels per example.
    """
    with _reading(path, "data.path") as file:
        arrays = _arrays(file, *EXAMPLES)
        given = next(name for name in EXAMPLES if name in arrays)
        read = as_examples(as_tensor(arrays[given], path), path, kind, channels)
        factors = as_factors(arrays, path)
    if labels is not None:
        with _reading(labels, "data.labels") as file:
            factors = as_factors(_arrays(file, "labels"), labels)
    split: dict[str, Any] = {"val": val, "test": test, "split_seed": split_seed, "limit": limit}
    of_images: dict[str, Any] = {"binarize": binarize, "levels": levels, "dequantize": dequantize}
    if read.kind == "images":
        return prepare(
            name,
            resized(read.x, size),
            factors=factors,
            side=size,
            note=read.note,
            **split,
            **of_images,
        )
    for key, value in {"size": size, **of_images}.items():
        if value not in (None, False):
            raise UserError(f"data.{key}={value} is for images, and {path} holds {read.kind}")
    found = splits(name, read.x, factors=factors, **split)
    return held(read.kind, name, found.parts, found.factors, read.note)


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
            f"{path} has labels of the shape {values.shape}: give one class per example, (n,), or "
            "K factors of it, (n, K)"
        )
    values = values.reshape(len(values), -1)
    k = values.shape[1]
    names = ["label"] if k == 1 else [f"factor_{i}" for i in range(k)]
    return Table.of(names, [False] * k, values)


def _arrays(path: Path, main: str, *others: str) -> dict[str, Any]:
    """The arrays of a file by their names; a single array is called `main`, whatever its name."""
    kind = path.suffix.lower()
    if kind == ".pt":
        loaded = torch.load(path, weights_only=True, map_location="cpu")
    elif kind in (".npy", ".npz"):
        loaded = np.load(path, allow_pickle=False)
    else:
        raise UserError(f"{path} is not a .npy, .npz or .pt file{_way_out(path)}")
    arrays = {main: loaded} if isinstance(loaded, np.ndarray | Tensor) else dict(loaded)
    if main == "labels" and "factors" in arrays:
        return arrays
    if main not in arrays and len(arrays) == 1:
        arrays = {main: next(iter(arrays.values()))}
    if not arrays.keys() & {main, *others}:
        raise UserError(
            f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}: "
            f"name the array of {main} '{main}'{''.join(f', or {other!r}' for other in others)}"
        )
    return arrays


@contextmanager
def _reading(path: str, key: str) -> Iterator[Path]:
    """The file that the setting `key` names; an error while it is read becomes a `UserError`."""
    if not isinstance(path, str) or not path:
        raise UserError(f"{key} is the path of one file, not {path!r}")
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"{key}: {_no_file(file)}")
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


def _no_file(file: Path) -> str:
    """Why there is no file to read: a folder, a folder that is not there, or a misspelt name."""
    if file.is_dir():
        pictures = sum(path.suffix.lower() in PICTURES for path in file.iterdir())
        holds = f" of {pictures:,} pictures" if pictures else ""
        arrays = sorted(str(path) for path in file.iterdir() if path.suffix.lower() in KINDS)
        if arrays:
            return f"{file} is a folder: name one file, as {arrays[0]}"
        return (
            f"there is no file {file}, but a folder{holds}: data=folder data.path={file} "
            "data.size=32 reads it"
        )
    if file.exists():
        return f"there is no file {file}, but something else: give a .npy, .npz or .pt file"
    folder = file.absolute().parent
    if not folder.is_dir():
        return f"there is no file {file}: there is no folder {folder}"
    beside = [path.name for path in folder.iterdir() if path.suffix.lower() in KINDS]
    return f"there is no file {file} in {folder}: {near_path(file, beside)}"


def _way_out(path: Path) -> str:
    """What to do with a file of another kind."""
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        return ", but one picture: data=folder data.path=FOLDER reads the folder that holds it"
    if suffix in TABLES:
        return f", but a table: data=table data.path={path} reads .csv, .tsv and .parquet"
    return ": save its examples as one array, np.save('examples.npy', x)"
