"""Reading rows of a set, in this process or in those of a DataLoader."""

import hashlib
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from betafront.data.arrays.kinds import Examples, as_examples
from betafront.data.datasets.fields import Fields
from betafront.data.datasets.sources import Source
from betafront.data.seeded import seeded
from betafront.errors import UserError, one_line
from betafront.own_modules import cause

AT_ONCE = 64  # rows that are read together, where no batch says how many

WHOSE = "data.dataset"


class Asked(NamedTuple):
    """Rows to read together, and the seed of whatever is drawn at random for them."""

    rows: list[int]
    seed: int

    @classmethod
    def of(cls, rows: Tensor, pass_over: bytes = b"") -> "Asked":
        """Rows with the seed that they have in one pass over the set, whichever process reads
        them."""
        digest = hashlib.sha256(pass_over + rows.numpy().tobytes()).digest()
        return cls(rows.tolist(), int.from_bytes(digest[:4], "big"))


class Read(NamedTuple):
    """Rows that were read.

    Attributes:
        x: (n, ...) float32 examples.
        labels: of each example, where they have some.
        problem: why they could not be read; empty where they were. An error would come out of a
            process of a DataLoader with that process's traceback.
    """

    x: Tensor
    labels: list[list[Any]] | None
    problem: str = ""


@dataclass(frozen=True)
class Reader:
    """Reads rows of a set as a model takes them.

    Attributes:
        source: the set.
        fields: where an item has its example and its label.
        kind, channels: as in `betafront.data.arrays.kinds.as_examples`.
        shape, dtype: of an example as the set gives it; None before the first is read.
    """

    source: Source
    fields: Fields
    kind: str | None = None
    channels: str | None = None
    shape: tuple[int, ...] | None = None
    dtype: torch.dtype | None = None

    def __len__(self) -> int:
        return len(self.source)

    def __getitems__(self, asked: Asked) -> Read:
        """What a DataLoader calls, with the rows of a batch."""
        try:
            with seeded(asked.seed):
                given, labels = self.given(asked.rows)
            return Read(self.examples(given).x, labels)
        except UserError as error:
            return Read(torch.empty(0), None, str(error))

    def given(self, rows: Sequence[int]) -> tuple[Tensor, list[list[Any]] | None]:
        """(n, ...) examples as the set gives them, and their labels."""
        items = self._items(rows)
        labels = [self.fields.factors(item) for item in items]
        known = None if any(label is None for label in labels) else labels
        if self.source.collate is None:
            given = [self.fields.example(item) for item in items]
            self._check_alike(given, rows)
            return _finite(torch.stack(given), rows), known  # type: ignore[return-value]
        try:
            batch = self.source.collate(items)
        except Exception as error:  # of the user's own code
            raise UserError(f"{WHOSE}: its collate_fn: {cause(error)}") from error
        x = self.fields.example(batch)
        if len(x) != len(rows):
            raise UserError(
                f"{WHOSE}: its collate_fn makes {len(x)} examples of {len(rows)}: leave out in the "
                "Dataset what is not to be trained on"
            )
        self._check_alike([x[0]], rows)
        return _finite(x, rows), known  # type: ignore[return-value]

    def examples(self, given: Tensor) -> Examples:
        """Examples as a model takes them, of those that the set gave."""
        return as_examples(given.detach().cpu(), WHOSE, self.kind, self.channels)

    def _items(self, rows: Sequence[int]) -> list[Any]:
        at_once = getattr(self.source.set, "__getitems__", None)
        if at_once is not None:
            try:
                return list(at_once(list(rows)))
            except Exception:  # to be found again in the single rows
                pass
        items = []
        for row in rows:
            try:
                items.append(self.source.set[row])
            except Exception as error:  # of the user's own code
                raise UserError(f"{WHOSE}: example {row}: {cause(error)}") from error
        return items

    def _check_alike(self, given: Sequence[Tensor], rows: Sequence[int]) -> None:
        """Refuse examples of another shape or type than the first one of the set has."""
        shape = self.shape or tuple(given[0].shape)
        dtype = self.dtype or given[0].dtype
        for row, x in zip(rows, given, strict=False):
            if tuple(x.shape) != shape:
                raise UserError(
                    f"{WHOSE} has examples of several shapes: {list(shape)} and, example {row}, "
                    f"{list(x.shape)}: bring all to one in the Dataset"
                )
            if x.dtype != dtype:
                raise UserError(
                    f"{WHOSE} has examples of several types: {_typed(dtype)} and, example {row}, "
                    f"{_typed(x.dtype)}: give all the same"
                )


@dataclass
class Passes:
    """The batches of the pass that is asked for next, for a DataLoader whose processes stay."""

    asked: Sequence[Asked] = field(default_factory=list)

    def __iter__(self) -> Iterator[Asked]:
        return iter(self.asked)

    def __len__(self) -> int:
        return len(self.asked)


class Loading:
    """Reads rows by a DataLoader, whose processes stay from one pass to the next.

    Args:
        reader: of the set.
        workers: processes that read; 0 reads in this one, and so does a process that may have no
            others, as one of a pool.
        pinned: keep batches in memory that a GPU reads fast.
    """

    def __init__(self, reader: Reader, workers: int, pinned: bool = False) -> None:
        workers = 0 if multiprocessing.current_process().daemon else workers
        self.workers = workers
        self.passes = Passes()
        self.loader: DataLoader[Any] = DataLoader(
            reader,  # type: ignore[arg-type]  # it has what a loader calls
            batch_sampler=self.passes,  # type: ignore[arg-type]
            collate_fn=_as_it_is,  # type: ignore[arg-type]
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pinned,
            generator=torch.Generator(),  # else one number of the run's own is drawn for it
        )

    def read(self, asked: Sequence[Asked]) -> Iterator[Read]:
        """Rows that are asked for, in order.

        Raises:
            UserError: rows cannot be read, or a process ended before it had read them.
        """
        self.passes.asked = asked
        try:
            for found in self.loader:
                if found.problem:
                    raise UserError(found.problem)
                yield found
        except RuntimeError as error:  # of a process that the system ended
            if self.workers and "worker" in str(error).lower():
                raise UserError(
                    f"data.workers={self.workers}: {one_line(error)[:200]}: give fewer, or 0"
                ) from error
            raise


def _as_it_is(found: Read) -> Read:
    return found


def in_parts(rows: Tensor, at_once: int = AT_ONCE) -> list[Asked]:
    """Rows, in order, as parts that are read one after the other."""
    return [Asked.of(part) for part in rows.split(at_once)]


def collected(parts: Iterable[Read], n: int) -> tuple[Tensor, list[list[Any]] | None]:
    """The examples and labels of parts that are n rows together."""
    x: Tensor | None = None
    labels: list[list[Any]] | None = []
    done = 0
    for part in parts:
        if x is None:
            x = torch.empty(n, *part.x.shape[1:])
        x[done : done + len(part.x)] = part.x
        done += len(part.x)
        labels = None if labels is None or part.labels is None else labels + part.labels
    assert x is not None  # n > 0
    return x, labels


def _finite(x: Tensor, rows: Sequence[int]) -> Tensor:
    """`x`, refused where an example of it has NaN or infinity."""
    if x.is_floating_point() and not (fine := torch.isfinite(x).flatten(1).all(1)).all():
        row = rows[int((~fine).nonzero()[0])]
        raise UserError(f"{WHOSE}: example {row} has NaN or infinity: mend it, or leave it out")
    return x


def _typed(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
