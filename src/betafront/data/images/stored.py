"""Images in a file of 8-bit or 16-bit numbers, read row by row."""

import math
import os
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from betafront.data.images.levels import on_levels, spread
from betafront.objective.likelihoods.grid import PARTS, Grid

BLOCK = 256  # examples between two known states of a generator
TYPES: Mapping[int, np.dtype[Any]] = {8: np.dtype("u1"), 16: np.dtype("<u2")}


@dataclass(frozen=True)
class ImageFile:
    """(n, C, H, W) 8-bit or 16-bit images, one after the other in a file.

    They are read and not mapped: what is read stands in the memory that the system keeps of files,
    once for all processes, and counts neither as memory of a process nor as its address space.

    Attributes:
        path: of the file.
        shape: of one image: channels, height and width.
        bits: 8 or 16.
        digest: of all images.
        values: (k,) the numbers that occur in them, rising.
    """

    path: Path
    shape: tuple[int, int, int]
    bits: int
    digest: str
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        self._file  # noqa: B018  # opened at once

    @cached_property
    def _file(self) -> int:
        # Open for as long as the data lives: the images stay there when the cache is emptied.
        number = os.open(self.path, os.O_RDONLY)
        weakref.finalize(self, os.close, number)
        return number

    def __getstate__(self) -> dict[str, Any]:
        """A copy, as another process gets it, opens the file for itself."""
        return {key: value for key, value in vars(self).items() if key != "_file"}

    def read(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """(len(numbers), C, H, W) the images of these numbers.

        Raises:
            OSError: the file has become shorter.
        """
        found: NDArray[Any] = np.empty((len(numbers), *self.shape), TYPES[self.bits])
        each = found[0].nbytes if len(found) else 0
        for image, number in zip(found, numbers.tolist(), strict=True):
            if os.preadv(self._file, [image.data], number * each) != each:
                raise OSError(f"{self.path} has lost images while it was used: remove it")
        return found

    @property
    def top(self) -> int:
        """The number that becomes 1."""
        return int(2**self.bits - 1)


class Noise:
    """The parts of their cells (`betafront.data.images.levels.dequantized`) into which the examples
    of one split go, to be had by their rows: those that one generator draws for all in a row.

    Args:
        n: examples of the split.
        shape: of one.
        begin: gives the state of the generator before the first.
    """

    def __init__(self, n: int, shape: tuple[int, ...], begin: Callable[[], Tensor]) -> None:
        self.n = n
        self.shape = shape
        self._begin = begin
        self._states: list[Tensor] = []
        self._generator = torch.Generator()

    def __getitem__(self, rows: Tensor) -> Tensor:
        """(len(rows), *shape) int64, from 0 to `PARTS` - 1."""
        found = torch.empty(len(rows), *self.shape, dtype=torch.int64)
        blocks = rows // BLOCK
        for block in blocks.unique().tolist():
            here = blocks == block
            self._generator.set_state(self._state(block))
            found[here] = self._draw(block)[rows[here] - block * BLOCK]
        return found

    def end(self) -> Tensor:
        """The state of the generator after the last example."""
        return self._state(-(-self.n // BLOCK))

    def _state(self, block: int) -> Tensor:
        """The state before a block, for which all before it are drawn, once."""
        if not self._states:
            self._states.append(self._begin())
        while len(self._states) <= block:
            self._generator.set_state(self._states[-1])
            self._draw(len(self._states) - 1)
            self._states.append(self._generator.get_state())
        return self._states[block]

    def _draw(self, block: int) -> Tensor:
        size = min(BLOCK, self.n - block * BLOCK)
        return torch.randint(PARTS, (size, *self.shape), generator=self._generator)


def noises(sizes: list[int], shape: tuple[int, ...], generator: torch.Generator) -> list[Noise]:
    """The noise of several splits, of which each begins where the one before it ends."""
    first = Noise(sizes[0], shape, generator.get_state)
    found = [first]
    for size in sizes[1:]:
        found.append(Noise(size, shape, found[-1].end))
    return found


@dataclass(frozen=True)
class StoredRows:
    """Some of the images of a file, as `betafront.data.tensors.Rows`: in their final scale, on
    their grey levels.

    Attributes:
        file: holds the images.
        numbers: (n,) int64, which of them.
        binarize, levels: as in `betafront.data.images.prepare`.
        noise: of dequantised images, and their grid.
    """

    file: ImageFile
    numbers: Tensor
    binarize: float | None
    levels: int | None
    noise: tuple[Noise, Grid] | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: Tensor, /) -> Tensor:
        x = self._scaled(torch.from_numpy(self.file.read(self.numbers[rows].numpy())))
        return x if self.noise is None else spread(x, self.noise[0][rows], self.noise[1])

    def clean(self) -> "StoredRows":
        """The same images without noise."""
        return replace(self, noise=None)

    def values(self) -> Tensor:
        """(1 or more, C, H, W) images of which the pixels have every value that occurs."""
        occurring = np.array(self.file.values, TYPES[self.file.bits])
        images = -(-len(occurring) // math.prod(self.file.shape))
        each = np.resize(occurring, images * math.prod(self.file.shape))
        numbers = each.reshape(images, *self.file.shape)
        x = self._scaled(torch.from_numpy(numbers))
        if self.noise is None:
            return x
        return spread(x, torch.full(x.shape, PARTS // 2), self.noise[1])

    def _scaled(self, x: Tensor) -> Tensor:
        table = self._table
        return x.float() / self.file.top if table is None else table[x.long()]

    @cached_property
    def _table(self) -> Tensor | None:
        """(2^bits,) what becomes of each number; None where it is divided by the greatest."""
        plain = torch.arange(self.file.top + 1).float() / self.file.top
        table = on_levels(plain, self.binarize, self.levels)
        return None if torch.equal(plain, table) else table
