"""Training examples that are read when a step needs them, by processes of a DataLoader."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from betafront.data.data import Batches, Data, Outcome
from betafront.data.datasets.reading import Asked, Loading, Reader, collected, in_parts
from betafront.data.new_examples import Preparation
from betafront.data.tensors import InMemory
from betafront.models import Model
from betafront.objective import Likelihood


class StreamedDataset(Data):
    """A data set whose training examples are streamed; the others are held in memory.

    Shuffled batches have the order, and so the bits, that they have in memory.

    Args:
        held: the validation and test examples, and the first of the training examples: what is
            looked at before training, and what the digest is made of.
        reader: of the training examples.
        rows: (n,) of the set that `reader` reads: those of the training split, in order.
        workers: processes that read; 0 reads in this one.
        device: where batches go.
    """

    def __init__(
        self,
        held: InMemory,
        reader: Reader,
        rows: Tensor,
        workers: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.held = held
        self.reader = reader
        self.rows_read = rows
        self.workers = workers
        self.device = torch.device(device)
        self.name, self.factors, self.note = held.name, held.factors, held.note

    @property
    def shape(self) -> tuple[int, ...]:
        return self.held.shape

    @property
    def log_volume(self) -> float:
        return self.held.log_volume

    @property
    def preparation(self) -> Preparation:
        return self.held.preparation

    @property
    def about(self) -> dict[str, Any]:
        return self.held.about

    @property
    def digest(self) -> str:
        """Of the rows of the training split, and of the examples that are held."""
        sha = hashlib.sha256(self.held.digest.encode())
        sha.update(self.rows_read.numpy().tobytes())
        return sha.hexdigest()[:16]

    def size(self, split: str) -> int:
        return len(self.rows_read) if split == "train" else self.held.size(split)

    def at_hand(self, split: str) -> int:
        return self.held.size(split)

    def examples(self, split: str, limit: int | None = None) -> Tensor:
        n = self.size(split) if limit is None else min(limit, self.size(split))
        if n <= self.held.size(split):
            return self.held.examples(split, n)
        loading = Loading(self.reader, self.workers)
        x, _ = collected(loading.read(in_parts(self.rows_read[:n])), n)
        return x.to(self.device)

    def batches(self, split: str, size: int, generator: torch.Generator | None = None) -> Batches:
        if split != "train":
            return self.held.batches(split, size, generator)
        pinned = self.device.type == "cuda"
        loading = Loading(self.reader, self.workers, pinned)
        return StreamedBatches(loading, self.rows_read, size, generator, self.device)

    def to(self, device: torch.device | str) -> "StreamedDataset":
        held = self.held.to(device)
        return StreamedDataset(held, self.reader, self.rows_read, self.workers, device)

    def check(self, likelihood: Likelihood) -> None:
        """As in `Data.check`, of the examples that are held."""
        self.held.check(likelihood)

    def show(self, model: Model, outcome: Outcome, folder: Path) -> None:
        self.held.show(model, outcome, folder)


class StreamedBatches:
    """Batches of rows that are read as they are needed, as `betafront.data.Data.batches` describes
    them.

    Args:
        loading: reads them.
        rows: (n,) of the set.
        size: examples per batch; all of them where there are fewer.
        generator: on the CPU; the source of the order. What a set draws at random for a batch, from
            the global generators, depends on the order of the epoch, and not on how many processes
            read it.
        device: where batches go.
    """

    def __init__(
        self,
        loading: Loading,
        rows: Tensor,
        size: int,
        generator: torch.Generator | None,
        device: torch.device,
    ) -> None:
        self.loading = loading
        self.rows = rows
        self.size = min(size, len(rows))
        self.generator = generator
        self.device = device

    def __len__(self) -> int:
        return len(self.rows) // self.size if self.generator else -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[Tensor]:
        order, key = torch.arange(len(self.rows)), b""
        if self.generator is not None:
            order = torch.randperm(len(self.rows), generator=self.generator)
            key = hashlib.sha256(order.numpy().tobytes()).digest()
        parts = self.rows[order].split(self.size)[: len(self)]
        for read in self.loading.read([Asked.of(part, key) for part in parts]):
            yield read.x.to(self.device, non_blocking=True)
