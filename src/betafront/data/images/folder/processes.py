"""Work on many files, by processes on all cores."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from betafront.errors import UserError, one_line

T = TypeVar("T")

FEW = 200  # files, for which no process is begun


class Jobs(Dataset[Any], Generic[T]):
    """Jobs on blocks of files.

    Args:
        work: does one, given the numbers of the files.
        blocks: of files.
    """

    def __init__(self, work: Callable[[Sequence[int]], T], blocks: Sequence[range]) -> None:
        self.work = work
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, number: int) -> T:
        return self.work(self.blocks[number])


def by_processes(work: Callable[[Sequence[int]], T], n: int, block: int) -> Iterator[T]:
    """What `work` gives for the numbers from 0 to n - 1, `block` of them at once, in their order.

    The processes are those of a torch `DataLoader`, which end with this one.

    Args:
        work: does a part, given its numbers.
        n: of all.
        block: numbers of one part.

    Raises:
        UserError: a process was ended, as the system does where memory is short.
    """
    blocks = [range(first, min(first + block, n)) for first in range(0, n, block)]
    alone = n <= FEW or multiprocessing.current_process().daemon
    workers = 0 if alone else min(len(os.sched_getaffinity(0)), len(blocks))
    loader = DataLoader(
        Jobs(work, blocks),
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        generator=torch.Generator(),  # or torch's global one would be drawn from
        multiprocessing_context="fork" if workers else None,
    )
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UserError(f"a process that reads pictures has ended: {one_line(error)}") from error


def _as_it_is(made: T) -> T:
    return made
