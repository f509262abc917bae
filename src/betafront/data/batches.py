"""Batches of examples that are sliced where they lie."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from betafront.data.data import Examples

Renew = Callable[[Tensor, torch.Generator], Tensor]
"""Makes a shuffled batch of stored examples into that of one optimiser step."""


class TensorBatches:
    """Batches of a tensor, as `betafront.data.Data.batches` describes them. Which examples of the
    shuffled ones are left out differs from epoch to epoch.

    Args:
        x: (n, ...) examples, a tensor or read batch by batch.
        size: examples per batch; all of them where there are fewer.
        generator: on the CPU; the source of the order, and of the noise of `renew`.
        renew: what each shuffled batch goes through.
    """

    def __init__(
        self,
        x: Tensor | Examples,
        size: int,
        generator: torch.Generator | None = None,
        renew: Renew | None = None,
    ) -> None:
        self.x = x
        self.size = min(size, len(x))
        self.generator = generator
        self.renew = renew

    def __len__(self) -> int:
        return len(self.x) // self.size if self.generator else -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[Tensor]:
        if self.generator is None:
            yield from self.x.split(self.size)
            return
        order = self.order()
        for i in range(len(self)):
            batch = self.x[order[i * self.size : (i + 1) * self.size]]
            yield self.renew(batch, self.generator) if self.renew else batch

    def order(self) -> Tensor:
        """(n,) the numbers of the examples in the order of the next epoch."""
        return torch.randperm(len(self.x), generator=self.generator).to(self.x.device)


def side_by_side(of_runs: Sequence["TensorBatches"]) -> Iterator[Tensor]:
    """One epoch of runs that take their steps together: (k, B, ...) batches, of which each run has
    those that it has alone.

    Args:
        of_runs: shuffled batches of each of k runs, as many and of the same shape.
    """
    first, *others = of_runs
    shared = isinstance(first.x, Tensor) and all(other.x is first.x for other in others)
    if not shared or any(each.renew for each in of_runs):
        yield from (torch.stack(batches) for batches in zip(*of_runs, strict=True))
        return
    orders = torch.stack([each.order() for each in of_runs])
    for i in range(len(first)):
        yield first.x[orders[:, i * first.size : (i + 1) * first.size]]
