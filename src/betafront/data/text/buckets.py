"""Shuffled batches of sentences of similar length, so that little of them is padding."""

from collections.abc import Iterator

import torch
from torch import Tensor

from betafront.data.text.ragged import Ragged

POOL = 64  # batches whose sentences are sorted together


class Buckets:
    """Batches of sentences in a random order, as `betafront.data.Data.batches` describes them.

    The sentences of an epoch are a random part of all, as without buckets, each of them once: the
    mean of D over epochs is the same. A random pool of `POOL` batches is sorted by length and cut,
    and the batches of all pools are shuffled.

    Args:
        x: the sentences.
        size: sentences per batch; all of them where there are fewer.
        generator: on the CPU; the source of the order.
    """

    def __init__(self, x: Ragged, size: int, generator: torch.Generator) -> None:
        self.x = x
        self.size = min(size, len(x))
        self.generator = generator

    def __len__(self) -> int:
        return len(self.x) // self.size

    def __iter__(self) -> Iterator[Tensor]:
        yield from map(self.x.numbered, self.numbers())

    def numbers(self) -> Tensor:
        """(batches, size) the numbers of the sentences of one epoch."""
        order = torch.randperm(len(self.x), generator=self.generator)
        order = order[: len(self) * self.size]
        lengths = self.x.lengths.cpu()
        sorted_pools = [
            pool[lengths[pool].argsort(stable=True)] for pool in order.split(POOL * self.size)
        ]
        batches = torch.cat(sorted_pools).view(-1, self.size)
        return batches[torch.randperm(len(batches), generator=self.generator)]


def padding(lengths: Tensor, batches: Tensor) -> float:
    """The part of the symbols of some batches that is padding.

    Args:
        lengths: (n,) of all sentences.
        batches: (batches, size) their numbers.
    """
    each = lengths[batches]
    return 1 - float(each.sum()) / float(each.amax(1).sum() * each.shape[1])
