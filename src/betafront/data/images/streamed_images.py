"""Images that are read from a file when they are asked for, or brought into memory from there."""

import hashlib
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from betafront.data.data import SPLITS
from betafront.data.factors import Table
from betafront.data.images.images import Images, Pictured
from betafront.data.images.memory_limit import fit_in_memory
from betafront.data.images.prepare import known_levels, noise_of
from betafront.data.images.stored import ImageFile, StoredRows, noises
from betafront.data.streamed import OnDemand, Streamed
from betafront.data.tensors import Splits, splits
from betafront.objective import Likelihood
from betafront.objective.likelihoods.grid import Grid

AT_ONCE = 1000  # images that are brought into memory at once
SPLIT_ORDER = ("val", "test", "train")  # in which `prepare` draws the noise


@dataclass(frozen=True)
class StreamedImages(Pictured, Streamed):
    """A data set of images that are read batch by batch, with the order, the noise and the bits
    that `Images` of them have."""

    def shuffled_rows(self, split: str) -> OnDemand:
        x = self.rows(split)
        assert isinstance(x.rows, StoredRows)
        return OnDemand(x.rows.clean(), self.shape, x.device)

    def check(self, likelihood: Likelihood) -> None:
        """As in `Data.check`, by all values that occur: no image is read."""
        likelihood.check(self.training_values())

    def training_values(self) -> Tensor:
        """As in `Pictured`, of all images of the file: none is read."""
        x = self.train
        assert isinstance(x.rows, StoredRows)
        return x.rows.values().to(x.device)


def stored_images(
    name: str,
    file: ImageFile,
    numbers: Tensor,
    *,
    factors: Table | None,
    val: float,
    test: float,
    split_seed: int,
    limit: int | None,
    binarize: float | None,
    levels: int | None,
    dequantize: bool,
    side: int | None,
    note: str,
    in_memory: bool | None,
) -> Images | StreamedImages:
    """Data of the images of a file, split and on their grey levels as `prepare` does it.

    Args:
        name: of the data.
        file: holds the images.
        numbers: (n,) int64, which of them are used.
        factors, val, test, split_seed, limit, binarize, levels, dequantize, side: as in `prepare`.
        note: a sentence on how the images were read; how they are held is added to it.
        in_memory: whether all are brought into memory, or read batch by batch; None for memory
            where they fit (`fit_in_memory`).

    Raises:
        UserError: as in `prepare`.
    """
    found = splits(
        name, numbers, factors=factors, val=val, test=test, split_seed=split_seed, limit=limit
    )
    every = streamed(
        name,
        file,
        found,
        split_seed=split_seed,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
        side=side,
        note=note,
    )
    n = sum(map(len, found.parts.values()))
    size = 4 * n * math.prod(file.shape)
    if in_memory is None:
        in_memory = fit_in_memory(size)
    if in_memory:
        return brought_into_memory(every, f"{note} They are in memory, {shown(size)}.")
    held = shown(size * file.bits // 32)
    return replace(every, note=f"{note} They are read batch by batch, from {held} in the cache.")


def streamed(
    name: str,
    file: ImageFile,
    found: Splits,
    *,
    split_seed: int,
    binarize: float | None,
    levels: int | None,
    dequantize: bool,
    side: int | None,
    note: str,
) -> StreamedImages:
    """Images of a file that are split already; arguments as in `stored_images`, and in `found` the
    number of each image of a split.

    Raises:
        UserError: there cannot be such levels, or none are known to dequantise.
    """
    if levels is not None:
        Grid(levels)  # refused here, and not where the first batch is read
    k = known_levels(binarize, levels, dequantize)
    parts = {split: StoredRows(file, found.parts[split], binarize, levels) for split in SPLIT_ORDER}
    if dequantize and k is not None:
        sizes = [len(parts[split]) for split in SPLIT_ORDER]
        noise = noises(sizes, file.shape, noise_of(split_seed))
        parts = {
            split: StoredRows(file, rows.numbers, binarize, levels, (drawn, Grid(k)))
            for (split, rows), drawn in zip(parts.items(), noise, strict=True)
        }
    settings = (binarize, levels, dequantize and split_seed)
    train, val, test = (OnDemand(parts[split], file.shape) for split in SPLITS)
    return StreamedImages(
        name=name,
        train=train,
        val=val,
        test=test,
        named=_digest(file, found, repr(settings)),
        factors=found.factors,
        note=note,
        levels=k,
        dequantized=dequantize,
        side=side,
        binarize=binarize,
    )


def brought_into_memory(data: StreamedImages, note: str) -> Images:
    """The same data as tensors, with the same digest."""
    train, val, test = (_tensor(data.rows(split)) for split in SPLITS)
    return Images(
        name=data.name,
        train=train,
        val=val,
        test=test,
        factors=data.factors,
        note=note,
        levels=data.levels,
        dequantized=data.dequantized,
        side=data.side,
        binarize=data.binarize,
        named=data.named,
    )


def _tensor(x: OnDemand) -> Tensor:
    """All examples, without a second copy of them on the way."""
    every = torch.empty(x.shape)
    for into, part in zip(every.split(AT_ONCE), x.split(AT_ONCE), strict=True):
        into.copy_(part)
    return every


def _digest(file: ImageFile, found: Splits, settings: str) -> str:
    """Names the values, their order and the splits, the same in memory and read from the file."""
    sha = hashlib.sha256(f"{file.digest} {file.shape} {settings}".encode())
    for split in SPLITS:
        sha.update(repr(len(found.parts[split])).encode())
        sha.update(found.parts[split].numpy().tobytes())
    return sha.hexdigest()[:16]


def shown(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
