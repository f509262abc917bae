"""Colour patches of the two photographs that scikit-learn ships: real images without a download."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from betafront.data.factors import Table
from betafront.data.images import Images
from betafront.data.images.prepare import on_their_levels
from betafront.data.tensors import Splits, refuse_parts, refuse_too_few
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
    refuse_parts(val, test, limit)
    blocks = _blocks()
    generator = torch.Generator().manual_seed(split_seed)
    order = torch.randperm(len(blocks), generator=generator)
    n_val, n_test = round(len(order) * val), round(len(order) * test)
    split_of = torch.full((len(blocks),), 2)
    split_of[order[:n_val]], split_of[order[n_val : n_val + n_test]] = 0, 1

    cut = [_patches(block, size, stride) for block in blocks]
    each = len(cut[0])
    shuffled = torch.randperm(len(blocks) * each, generator=generator)[:limit]
    every, of_block = torch.from_numpy(np.concatenate(cut)), shuffled // each
    rows = {s: shuffled[split_of[of_block] == i] for i, s in enumerate(("val", "test", "train"))}
    photograph = torch.arange(len(blocks)).repeat_interleave(each) // (len(blocks) // 2)
    table = Table.of_labels(photograph, 2)
    parts = {split: _scaled(every[numbers]) for split, numbers in rows.items()}
    refuse_too_few(name, parts)
    factors = table.split(lambda known, _: {s: known[numbers] for s, numbers in rows.items()}, None)
    return on_their_levels(
        name,
        Splits(parts, factors),
        split_seed=split_seed,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
    )


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


def _scaled(x: Tensor) -> Tensor:
    return x.float() / 255


def _check(key: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UserError(f"data.{key} is a number of pixels from {least} to {most}, not {value}")
