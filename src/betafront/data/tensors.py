"""Data in memory: one tensor per split, sliced where it lies."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from betafront.data.data import SPLITS
from betafront.data.factors import Factors, Table
from betafront.data.in_splits import InSplits
from betafront.data.new_examples import as_tensor, refuse_not_finite
from betafront.errors import UserError
from betafront.objective import Likelihood


@dataclass(frozen=True)
class InMemory(InSplits[Tensor]):
    """A data set that is one tensor per split, (n, ...) float32 each, for examples of any shape."""

    @property
    def digest(self) -> str:
        sha = hashlib.sha256()
        for split in SPLITS:
            part = self.examples(split)
            sha.update(repr(tuple(part.shape)).encode())
            sha.update(part.contiguous().numpy().data)
        return sha.hexdigest()[:16]

    def check(self, likelihood: Likelihood) -> None:
        for split in SPLITS:
            likelihood.check(self.examples(split))


class Rows(Protocol):
    """Examples by their rows: indexing with row numbers gives a tensor, (n, ...) float32 in its
    final scale. A tensor is the usual case; examples on disk, or drawn when they are asked for, are
    others."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Tensor, /) -> Tensor: ...


class Splits(NamedTuple):
    """The examples of each split, by its name, and the factors of all."""

    parts: dict[str, Tensor]
    factors: Factors | None


def in_memory(
    name: str,
    x: ArrayLike | Tensor,
    *,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
    factors: Table | None = None,
) -> InMemory:
    """Data of examples in any shape that a model takes: vectors, say, of a table's columns.

    Args:
        name: of the data in tables and records.
        x: (n, ...) finite numbers, in the scale that the likelihood is for.
        val, test, split_seed, limit, factors: as in `splits`.

    Raises:
        UserError: `x` has no such form, or as in `splits`.
    """
    given = as_tensor(x, f"data={name}")
    if given.is_complex():
        raise UserError(f"data={name} holds complex numbers: give real ones")
    every = given.float()
    if every.ndim < 2 or 0 in every.shape:
        raise UserError(
            f"data={name} has the shape {tuple(every.shape)}: give (n, ...), the examples one "
            "after the other"
        )
    refuse_not_finite(every, f"data={name}", "example")
    found = splits(
        name, every, factors=factors, val=val, test=test, split_seed=split_seed, limit=limit
    )
    return InMemory(name, **found.parts, factors=found.factors, note="")


def splits(
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
) -> Splits:
    """Split examples, and what is known of them, into train, validation and test.

    Args:
        name: of the data.
        x: all examples, or the published training set where there is a `test_set`.
        test_set: the published test set; without it, the part `test` of `x` becomes it.
        factors, test_set_factors: what varies behind each example of `x` and of `test_set`, if that
            is known.
        val, test: parts of `x`, in (0, 1).
        split_seed: of the one permutation that decides which example goes where.
        limit: use no more than this many examples of `x` and of `test_set`.

    Raises:
        UserError: a part is out of range, or too few examples are left; or the factors are not one
            row per example.
    """
    for rows, known in ((x, factors), (test_set, test_set_factors)):
        if rows is not None and known is not None and len(known.values) != len(rows):
            raise UserError(
                f"data={name}: {len(rows)} examples and the labels or factors of "
                f"{len(known.values)}: give one row per example, in the same order"
            )
    sizes = {"train": len(x)} | ({} if test_set is None else {"test": len(test_set)})
    plan = rows_of_splits(name, sizes, val=val, test=test, split_seed=split_seed, limit=limit)

    def parted(every: Rows, test_set: Tensor | None) -> dict[str, Tensor]:
        of_train = [split for split, part in plan.items() if part.source == "train"]
        rows = [plan[split].rows for split in of_train]
        taken = every[torch.cat(rows)].split([len(part) for part in rows])  # read at once
        parts = dict(zip(of_train, taken, strict=True))
        return parts if test_set is None else parts | {"test": test_set[plan["test"].rows]}

    parts = parted(x, test_set)
    return Splits(parts, factors.split(parted, test_set_factors) if factors else None)


def taken(n: int, split_seed: int, limit: int | None) -> Tensor:
    """Which of n examples are used, in the order in which the splits take them.

    Args:
        n: of all.
        split_seed, limit: as in `splits`.

    Raises:
        UserError: the limit is none.
    """
    if limit is not None and limit < 1:
        raise UserError(f"data.limit must be at least 1, not {limit}")
    return torch.randperm(n, generator=torch.Generator().manual_seed(split_seed))[:limit]


class Part(NamedTuple):
    """Where the examples of a split come from.

    Attributes:
        source: `train`, `val` or `test`: the set that they are of.
        rows: (n,) of that set, in the order of the split.
    """

    source: str
    rows: Tensor


def rows_of_splits(
    name: str,
    sizes: Mapping[str, int],
    *,
    val: float,
    test: float,
    split_seed: int,
    limit: int | None,
) -> dict[str, Part]:
    """Which examples each split consists of.

    Args:
        name: of the data.
        sizes: the number of examples of `train`, from which the splits that are not given are
            taken; and of `val` and `test`, where they are given.
        val, test, split_seed, limit: as in `splits`.

    Raises:
        UserError: a part is out of range, or too few examples are left.
    """
    for key, part in (("val", val), ("test", test)):
        if key not in sizes and not 0 < part < 1:
            raise UserError(f"data.{key} is a part of the examples, in (0, 1), not {part}")
    order = taken(sizes["train"], split_seed, limit)
    n_val = 0 if "val" in sizes else round(len(order) * val)
    n_test = 0 if "test" in sizes else round(len(order) * test)
    of_train = {
        "val": order[n_test : n_test + n_val],
        "test": order[:n_test],
        "train": order[n_test + n_val :],
    }
    plan = {
        split: Part(split, torch.arange(sizes[split])[:limit])
        if split != "train" and split in sizes
        else Part("train", rows)
        for split, rows in of_train.items()
    }
    for split, found in plan.items():
        if len(found.rows) < 2:
            raise UserError(
                f"data={name}: the {split} split has {len(found.rows)} example(s), and needs 2 or "
                "more: give more examples, or change data.val and data.test"
            )
    return plan
