"""From images in their final scale to a data set: splits, grey levels, noise."""

import torch
from torch import Tensor

from betafront.data.factors import Table
from betafront.data.images.images import Images
from betafront.data.images.levels import dequantized, on_levels
from betafront.data.tensors import Rows, Splits, splits
from betafront.errors import UserError
from betafront.objective.likelihoods.grid import Grid

# Kept apart from the generators of a run, which may be seeded with the same small number.
OTHER_STREAM = 0x6E6F6973


def prepare(
    name: str,
    x: Rows,
    *,
    test_set: Tensor | None = None,
    factors: Table | None = None,
    test_set_factors: Table | None = None,
    val: float,
    test: float = 0.0,
    split_seed: int,
    limit: int | None,
    binarize: float | None,
    levels: int | None = None,
    dequantize: bool = False,
    side: int | None = None,
    note: str = "",
) -> Images:
    """Split `x`, images in their final scale, and bring them onto their grey levels.

    Args:
        name: of the data.
        x: (n, C, H, W) all images, or the published training set where there is a `test_set`.
        test_set, factors, test_set_factors, val, test, split_seed, limit: as in
            `betafront.data.tensors.splits`.
        binarize: the grey value above which a pixel is 1, and 0 otherwise, which makes two levels;
            None keeps grey.
        levels: the number k of grey levels, from 2 to 256; images in [0, 1] that have other values
            are brought onto `i / (k - 1)`. None changes nothing.
        dequantize: make each value `(i + u) / k`, with u drawn once from `split_seed`.
        side: pixels a side that the images were brought to, if they were; new images will be too.
        note: a sentence on how the images were read, which is said before training.

    Raises:
        UserError: as in `splits`; or there cannot be such levels, or none are known to dequantise.
    """
    found = splits(
        name,
        x,
        test_set=test_set,
        factors=factors,
        test_set_factors=test_set_factors,
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
    )
    return on_their_levels(
        name,
        found,
        split_seed=split_seed,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
        side=side,
        note=note,
    )


def on_their_levels(
    name: str,
    found: Splits,
    *,
    split_seed: int,
    binarize: float | None,
    levels: int | None,
    dequantize: bool,
    side: int | None = None,
    note: str = "",
) -> Images:
    """Images that are split already, brought onto their grey levels; arguments as in `prepare`.

    Raises:
        UserError: there cannot be such levels, or none are known to dequantise.
    """
    parts = {split: on_levels(part, binarize, levels) for split, part in found.parts.items()}
    k = known_levels(binarize, levels, dequantize)
    if dequantize and k is not None:
        noise, grid = noise_of(split_seed), Grid(k)
        parts = {split: dequantized(part, noise, grid) for split, part in parts.items()}
    return Images(
        name=name,
        train=parts["train"],
        val=parts["val"],
        test=parts["test"],
        factors=found.factors,
        note=note,
        levels=k,
        dequantized=dequantize,
        side=side,
        binarize=binarize,
    )


def known_levels(binarize: float | None, levels: int | None, dequantize: bool) -> int | None:
    """The number of grey levels that images have in the end; None where it is not known.

    Raises:
        UserError: they are to be dequantised, and it is not known.
    """
    k = 2 if binarize is not None else levels
    if dequantize and k is None:
        raise UserError(
            "data.dequantize=true spreads each grey level over its cell, and the number of "
            "levels is not known: give data.levels=… (256 for 8-bit images)"
        )
    return k


def noise_of(split_seed: int) -> torch.Generator:
    """The source of the noise of dequantised images: of those of validation, test and training, in
    this order."""
    return torch.Generator().manual_seed(split_seed ^ OTHER_STREAM)
