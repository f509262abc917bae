"""Colour patches of the two photographs that scikit-learn ships: real images without a download."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from betafront.data.factors import Table
from betafront.data.images import Images
from betafront.data.images.prepare import on_their_levels
from betafront.data.tensors import Splits, splits
from betafront.errors import UserError

SIZES = (8, 32)
BLOCK = (61, 64)  # pixels: 7 x 10 of them are a photograph of 427 x 640, without a rest


def patches(
    name: str = "patches",
    size: int = 16,
    stride: int | None = None,
    val: float = 0.2,
    test: float = 0.2,
    split_seed: int = 0,
    limit: int | None = None,
    binarize: float | None = None,
    levels: int | None = 256,
    dequantize: bool = False,
) -> Images:
    """Patches of `sklearn.datasets.load_sample_images`, scaled to [0, 1]. Which photograph one is
    of is its known factor, `label`.

    The photographs are cut into 140 blocks of 61 x 64 pixels, of which each is of one split, so
    that no patch of one split shares a pixel with one of another; patches of one block may overlap.

    Args:
        name: what the data is called in tables and records.
        size: pixels a side of a patch, from 8 to 32.
        stride: pixels from one patch of a block to the next; None for half of the size.
        val, test: parts of the blocks, in (0, 1).
        split_seed: of the one permutation of the blocks, and of that of the patches.
        limit: use no more than this many patches.
        binarize, levels, dequantize: as in `betafront.data.images.prepare`.

    Raises:
        UserError: the size or the stride is none, or as in `betafront.data.images.prepare`.
    """
    _check("size", size, *SIZES)
    stride = size // 2 if stride is None else stride
    _check("stride", stride, 1, BLOCK[1])
    blocks = _blocks()
    cut = [_patches(block, size, stride) for block in blocks]
    every, each = torch.from_numpy(np.concatenate(cut)), len(cut[0])
    numbers = torch.arange(len(blocks))
    of_blocks = splits(name, numbers, val=val, test=test, split_seed=split_seed, limit=None).parts
    rows = _rows(name, of_blocks, each, split_seed, limit)
    photograph = Table.of_labels(numbers.repeat_interleave(each) // (len(blocks) // 2), 2)
    return on_their_levels(
        name,
        Splits(
            {split: every[part].float() / 255 for split, part in rows.items()},
            photograph.split(lambda known, _: {s: known[part] for s, part in rows.items()}, None),
        ),
        split_seed=split_seed,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
    )


def _rows(
    name: str, of_blocks: dict[str, Tensor], each: int, seed: int, limit: int | None
) -> dict[str, Tensor]:
    """The patches of each split, in a random order.

    Args:
        name: of the data.
        of_blocks: the blocks of each split.
        each: patches of a block, numbered one block after the other.
        seed: of the order.
        limit: of all splits together, of which each has its part.

    Raises:
        UserError: the limit leaves a split with fewer than two.
    """
    generator = torch.Generator().manual_seed(seed)
    every, rows = sum(map(len, of_blocks.values())) * each, dict[str, Tensor]()
    for split, blocks in of_blocks.items():
        found = (blocks[:, None] * each + torch.arange(each)).flatten()
        n = len(found) if limit is None else min(len(found), limit * len(found) // every)
        if n < 2:
            raise UserError(
                f"data={name}: data.limit={limit} leaves {n} patches for the {split} split, which "
                "needs 2 or more"
            )
        rows[split] = found[torch.randperm(len(found), generator=generator)[:n]]
    return rows


def _blocks() -> NDArray[np.uint8]:
    """(140, 61, 64, 3) the blocks of both photographs, those of the first one first."""
    from sklearn.datasets import load_sample_images

    high, wide = BLOCK
    photographs = np.stack(load_sample_images().images)
    n, height, width, colours = photographs.shape
    cut = photographs.reshape(n, height // high, high, width // wide, wide, colours)
    return cut.swapaxes(2, 3).reshape(-1, high, wide, colours)


def _patches(block: NDArray[np.uint8], size: int, stride: int) -> NDArray[np.uint8]:
    """(n, 3, size, size) the patches of a block."""
    windows = np.lib.stride_tricks.sliding_window_view(block, (size, size), axis=(0, 1))
    return windows[::stride, ::stride].reshape(-1, 3, size, size)


def _check(key: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UserError(f"data.{key} is a number of pixels from {least} to {most}, not {value}")
