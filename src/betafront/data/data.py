"""The contract between a data set and whatever trains on it, measures it or shows it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from betafront.data.factors import Factors, Known
from betafront.data.new_examples import Preparation
from betafront.errors import UserError
from betafront.models import Model
from betafront.objective import Likelihood

SPLITS = ("train", "val", "test")


class Batches(Protocol):
    """Batches of the examples of one split, `(B, *shape)` each; one pass is one epoch. Of sentences
    they are `(B, l)`, l ≤ L the longest of them."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Tensor]: ...


class Examples(Protocol):
    """The examples of one split, `(n, *shape)` float32, or int64 symbols: a tensor, or what reads
    them when they are asked for and so takes no memory for all. Slices, rows and parts of it are
    tensors; of sentences they are `(k, l)`, l ≤ L the longest of them."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def ndim(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any, /) -> Tensor: ...

    def split(self, size: int, /) -> Iterable[Tensor]: ...


class Outcome(Protocol):
    """What the pictures of a finished run depend on beside its model and its data."""

    @property
    def spectrum(self) -> Sequence[float]:
        """(M,) mean KL per latent on the validation split, in nats."""
        ...

    @property
    def seed(self) -> int:
        """Seed of the run."""
        ...


class Data(ABC):
    """A data set, split into `train`, `val` and `test`.

    `betafront.data.InMemory` implements this contract for examples that fit into memory,
    `betafront.data.Images` for images. Another implementation is as good: whatever trains, measures
    or shows asks a data set for nothing but what stands here.

    Attributes:
        name: of the data in tables and records.
        factors: what varies behind the examples, if that is known; no part of the digest.
        note: a sentence on how the examples were read, which is said before training; empty where
            there is nothing to say.
    """

    name: str
    factors: Factors | None
    note: str = ""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one example, as the model takes it."""

    @property
    def dims(self) -> int:
        """N, the number of data dimensions."""
        return math.prod(self.shape)

    @property
    def symbols(self) -> int | None:
        """The number of distinct symbols, of which an example is a sequence; None where examples
        are numbers.

        Such an example is (L,) int64: symbol 0 is padding, which counts nowhere, 1 is the end of
        the sequence, which every example has before its padding, 2 is a word that is not known.
        N, `dims`, is the mean number of symbols with the end."""
        return None

    @property
    def log_volume(self) -> float:
        """Nats per example that a log density of the examples, as the model takes them, is greater
        by than that of the data as the user has it: of dequantised data than the log mass of its
        levels, of standardised columns than the log density in their own units. 0 where the
        examples are the data as it is."""
        return 0.0

    @property
    def about(self) -> dict[str, Any]:
        """What else the result of a run keeps of the data, as JSON has it."""
        return {}

    @property
    @abstractmethod
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name the data: its values, their order and the splits."""

    @property
    def preparation(self) -> Preparation:
        """What a new example goes through before a model that was trained on the data sees it."""
        return Preparation(self.shape)

    @abstractmethod
    def size(self, split: str) -> int:
        """The number of examples of a split."""

    def at_hand(self, split: str) -> int:
        """The number of examples of a split that can be looked at without reading them first."""
        return self.size(split)

    @abstractmethod
    def examples(self, split: str, limit: int | None = None) -> Tensor:
        """`(n, *shape)` float32, or int64 symbols: the first `limit` examples of a split, or all of
        them."""

    def rows(self, split: str) -> Tensor | Examples:
        """All examples of a split, for what reads them part by part. Data that does not lie in
        memory reads each part when it is asked for."""
        return self.examples(split)

    @abstractmethod
    def batches(self, split: str, size: int, generator: torch.Generator | None = None) -> Batches:
        """The examples of a split in batches.

        Args:
            split: `train`, `val` or `test`.
            size: examples per batch; all of them where there are fewer.
            generator: on the CPU; the source of the order, and of any noise. With a generator the
                examples are shuffled, and an incomplete last batch is left out, so that every
                optimiser step sees the same number of examples. Without a generator the examples
                are in order and complete.
        """

    @abstractmethod
    def to(self, device: torch.device | str) -> "Data":
        """The same data with its examples and batches on `device`; the factors stay on the CPU."""

    @abstractmethod
    def check(self, likelihood: Likelihood) -> None:
        """Refuse a likelihood whose support does not hold the data.

        Raises:
            UserError: naming the likelihood, the offending values and the way out.
        """

    def augmented(self, transforms: Sequence[Callable[[Tensor], Tensor]]) -> "Data":
        """The same data, whose shuffled training batches go through `transforms`, example by
        example; nothing else of it changes, nor its digest.

        Raises:
            UserError: a transform cannot take an example, or the data has none.
        """
        raise UserError(f"data.augment is for images, and data={self.name} has none: leave it out")

    def known(self, split: str) -> Known | None:
        """The factors behind the examples of a split, if they are known."""
        return self.factors.of(split) if self.factors else None

    def show(self, model: Model, outcome: Outcome, folder: Path) -> None:  # noqa: B027
        """Write what a model does with the data into `folder`, which is made: images of images
        (`.png`), text of sentences (`.txt`). Data that cannot be shown writes nothing.

        Args:
            model: trained, on the device of the data.
            outcome: the result of its run.
            folder: for the files.
        """
