"""Published data sets with known factors, each read from the file in which it is published."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betafront.data.factors import Table
from betafront.data.images import Images, prepare
from betafront.data.images.memory_limit import refuse_too_many
from betafront.errors import UserError, one_line

DSPRITES = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
SHAPES3D = "3dshapes.h5"

# Images read at once from a file that is not in memory: 100 MB of 3D Shapes.
BLOCK = 8192


def dsprites(
    name: str,
    root: str,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
    levels: int | None = 2,
    dequantize: bool = False,
) -> Images:
    """The dSprites (Matthey et al. 2017): 737,280 binary images of 64 x 64 pixels, from its `.npz`.

    Its constant factor, the colour, is left out. Its orientations go round the full circle, with 0
    and 2π both among them, so some images have more than one.

    Args:
        name: what the data is called in tables and records.
        root: the folder that holds the file; all of it is read, 3 GB.
        val, test, split_seed, limit, levels, dequantize: as in `betafront.data.images.prepare`; no
            more than `limit` images become 32-bit numbers.

    Raises:
        UserError: the file is not there or cannot be read, or the images are too many for the
            memory.
    """
    kinds = {
        "colour": False,
        "shape": False,
        "scale": True,
        "orientation": False,
        "x": True,
        "y": True,
    }
    file = _found(name, root, DSPRITES, "https://github.com/google-deepmind/dsprites-dataset")
    with _reading(name, file), np.load(file, allow_pickle=False) as arrays:
        table = Table.of(tuple(kinds), tuple(kinds.values()), arrays["latents_classes"])
        return _split(
            Stored(name, arrays["imgs"], 1, limit), table,
            val=val, test=test, split_seed=split_seed, levels=levels, dequantize=dequantize,
        )  # fmt: skip


def shapes3d(
    name: str,
    root: str,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
    levels: int | None = 256,
    dequantize: bool = False,
) -> Images:
    """3D Shapes (Burgess and Kim 2018): 480,000 colour images of 64 x 64 pixels, from its `.h5`.

    Its hues go round, so they have no order; its orientations do not, from -30 to 30 degrees.

    Args:
        name: what the data is called in tables and records.
        root: the folder that holds the file, of which no more than a part is in memory.
        val, test, split_seed, limit, levels, dequantize: as in `betafront.data.images.prepare`; no
            more than `limit` images become 32-bit numbers.

    Raises:
        UserError: h5py is not installed, the file is not there or cannot be read, or the images are
            too many for the memory.
    """
    kinds = {
        "floor_hue": False,
        "wall_hue": False,
        "object_hue": False,
        "scale": True,
        "shape": False,
        "orientation": True,
    }
    file = _found(name, root, SHAPES3D, "https://github.com/google-deepmind/3d-shapes")
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"data={name}: {file} is read with h5py: pip install h5py") from error
    with _reading(name, file), h5py.File(file) as arrays:
        table = Table.of(tuple(kinds), tuple(kinds.values()), arrays["labels"][:])
        return _split(
            Stored(name, arrays["images"], 255, limit), table,
            val=val, test=test, split_seed=split_seed, levels=levels, dequantize=dequantize,
        )  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """8-bit images, (n, H, W) or (n, H, W, C), in a file or in memory; rows are scaled when taken.

    Args:
        name: of the data.
        images: a NumPy array, an HDF5 data set, or anything else with a shape and slices.
        top: the value that becomes 1.
        limit: the number of images that will be taken; None means all.

    Raises:
        UserError: the images are too many for the memory.
    """

    name: str
    images: Any
    top: int
    limit: int | None

    def __post_init__(self) -> None:
        refuse_too_many(self.name, len(self), tuple(self.images.shape[1:]), self.limit)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """(len(rows), C, H, W) float32; read in blocks, as HDF5 is slow at rows in any order."""
        wanted = rows.numpy()
        found = np.empty((len(wanted), *self.images.shape[1:]), np.uint8)
        for start in range(0, len(self), BLOCK):
            (here,) = np.nonzero((wanted >= start) & (wanted < start + BLOCK))
            if len(here):
                found[here] = self.images[start : start + BLOCK][wanted[here] - start]
        x = torch.from_numpy(found)
        x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
        return x.float().div_(self.top)


def _split(images: Stored, table: Table, **how: Any) -> Images:
    return prepare(
        images.name, images, factors=table.varying(), limit=images.limit, binarize=None, **how
    )


def _found(name: str, root: str, file: str, source: str) -> Path:
    path = Path(root).expanduser().absolute() / file
    if not path.is_file():
        raise UserError(
            f"data={name}: put {file} from {source} into {path.parent}, or name the folder that "
            "holds it with data.root=FOLDER or the environment variable BETAFRONT_DATA_DIR"
        )
    return path


@contextmanager
def _reading(name: str, file: Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a damaged file makes its reader raise almost anything
        reason = one_line(error)[:120] or "it is damaged"
        raise UserError(f"data={name}: {file} cannot be read: {reason}") from error
