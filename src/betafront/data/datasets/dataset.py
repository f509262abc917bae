"""A user's own `Dataset` or `LightningDataModule` as data: `data=dataset`."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from betafront.data.arrays.held import held
from betafront.data.data import SPLITS, Data
from betafront.data.datasets.fields import Fields, Key
from betafront.data.datasets.reading import Asked, Loading, Reader, collected, in_parts
from betafront.data.datasets.sources import Source, sources_of
from betafront.data.datasets.streaming import StreamedDataset
from betafront.data.factors import Factors, Table
from betafront.data.images.memory_limit import PART, memory, refuse_choice
from betafront.data.seeded import seeded
from betafront.data.tensors import Part, rows_of_splits
from betafront.errors import UserError

SAMPLE = 64  # examples by which the kind of the data is told
HELD = 2048  # training examples that are held of streamed data

Labels = list[list[Any]] | None


def dataset(
    name: str,
    dataset: Any,
    field: Key | None = None,
    label: Key | None = None,
    kind: str | None = None,
    channels: str | None = None,
    in_memory: bool | None = None,
    workers: int = 0,
    val: float = 0.1,
    test: float = 0.1,
    split_seed: int = 0,
    limit: int | None = None,
) -> Data:
    """The examples of a `torch.utils.data.Dataset`, of any shape.

    Images, signals and other arrays are read as `data=tensor` reads them. Examples that fit into a
    quarter of the machine's memory are read once and held there. Of others the training examples
    are streamed.

    Args:
        name: what the data is called in tables and records.
        dataset: as in `betafront.data.datasets.sources.sources_of`. Splits that it has itself are
            kept.
        field, label: as in `betafront.data.datasets.fields.Fields`.
        kind, channels: as in `betafront.data.arrays.kinds.as_examples`.
        in_memory: hold all examples in memory, or, if False, read those of training when a step
            needs them; None for memory where they fit.
        workers: processes that read examples; 0 reads in this one.
        val, test: parts of the training examples, where `dataset` has no such split itself.
        split_seed: of the one permutation that decides which example goes where, and of what a
            module draws to split its examples itself.
        limit: use no more than this many examples of each set that is given.

    Raises:
        UserError: it is no such data set, its examples cannot be read, differ in shape, or take
            more memory than there is.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise UserError(f"data.workers must be a whole number of processes, or 0, not {workers}")
    refuse_choice(in_memory)
    with seeded(split_seed):  # of a module that splits its examples at random
        sources = sources_of(dataset)
    sizes = {split: len(source) for split, source in sources.items()}
    parts = rows_of_splits(name, sizes, val=val, test=test, split_seed=split_seed, limit=limit)
    readers, note = _readers(
        sources, parts, Reader(sources["train"], Fields(field, label), kind, channels)
    )
    first = readers["train"]
    streamed = _is_streamed(name, parts, first, in_memory)
    taken = {split: part.rows for split, part in parts.items()}
    if streamed:
        taken["train"] = taken["train"][:HELD]
    x, labels = dict[str, Tensor](), dict[str, Labels]()
    for split, rows in taken.items():
        loading = Loading(readers[parts[split].source], workers)
        x[split], labels[split] = collected(loading.read(in_parts(rows)), len(rows))
    factors = _factors(labels, label, without="train" if streamed else None)
    notes = [note, _said(parts, first, streamed, workers)]
    assert first.kind is not None  # told by its examples
    found = held(first.kind, name, x, factors, " ".join(filter(None, notes)))
    if not streamed:
        return found
    return StreamedDataset(found, first, parts["train"].rows, workers)


def _readers(
    sources: Mapping[str, Source], parts: Mapping[str, Part], first: Reader
) -> tuple[dict[str, Reader], str]:
    """A reader for each set, all for examples of one kind, and how these are read."""
    readers, note, shape = dict[str, Reader](), "", None
    for split, source in sources.items():
        reader = replace(first, source=source)
        rows = next(part.rows for part in parts.values() if part.source == split)
        asked = Asked.of(rows[:SAMPLE])
        with seeded(asked.seed):
            given, _ = reader.given(asked.rows)
        examples = reader.examples(given)
        if shape not in (None, examples.x.shape[1:]):
            raise UserError(
                f"data.dataset has examples of {list(shape or ())} in train and of "
                f"{list(examples.x.shape[1:])} in {split}: bring all to one shape"
            )
        shape = examples.x.shape[1:]
        readers[split] = replace(
            reader, kind=examples.kind, shape=tuple(given.shape[1:]), dtype=given.dtype
        )
        first = replace(first, kind=examples.kind)
        note = note or examples.note
    return readers, " ".join(filter(None, [note, _drawn(readers["train"], parts["train"].rows)]))


def _drawn(reader: Reader, rows: Tensor) -> str:
    """A sentence where the set draws something at random for an example; else empty."""
    asked = Asked.of(rows[:1])
    seen = []
    for seed in (asked.seed, asked.seed + 1):
        with seeded(seed):
            seen.append(reader.given(asked.rows)[0])
    if torch.equal(*seen):
        return ""
    return (
        "Its examples differ each time that they are read: in memory they are drawn once, with "
        "data.in_memory=false afresh in each epoch, seeded."
    )


def _bytes(n: int, reader: Reader) -> int:
    return 4 * n * math.prod(reader.shape or ())


def _is_streamed(
    name: str, parts: Mapping[str, Part], reader: Reader, in_memory: bool | None
) -> bool:
    """Whether the training examples are streamed.

    Raises:
        UserError: what is to be held does not fit into the memory.
    """
    room = int(PART * memory())
    sizes = {split: len(part.rows) for split, part in parts.items()}
    fits = _bytes(sum(sizes.values()), reader) <= room
    streamed = not (fits if in_memory is None else in_memory)
    kept = sizes | ({"train": min(HELD, sizes["train"])} if streamed else {})
    if (taken := _bytes(sum(kept.values()), reader)) > room:
        what = "validation and test examples" if streamed else "examples"
        way = "give smaller data.val and data.test" if streamed else "give data.in_memory=false"
        raise UserError(
            f"data={name}: the {what} take {taken / 1e9:.1f} GB as 32-bit numbers, more than a "
            f"quarter of this machine's memory: {way}, or data.limit"
        )
    return streamed


def _said(parts: Mapping[str, Part], reader: Reader, streamed: bool, workers: int) -> str:
    """Where the examples are, and what is known of those that are not read before."""
    n = {split: len(part.rows) for split, part in parts.items()}
    if not streamed:
        every = sum(n.values())
        return f"Its {every:,} examples are held in memory, {_bytes(every, reader) / 1e6:,.1f} MB."
    how = f"by {workers} processes" if workers else "by the run itself (data.workers=N gives it N)"
    return (
        f"Its {n['train']:,} training examples are streamed, {how}. Checks and the digest are of "
        f"the first {min(HELD, n['train']):,} of them, and of all for validation and test."
    )


def _factors(
    labels: Mapping[str, Labels], label: Key | None, without: str | None
) -> Factors | None:
    """What varies behind the examples, where every example has it.

    Args:
        labels: of the examples of each split.
        label: the key of the labels.
        without: a split whose labels are not all known: it has none.
    """
    known = {split: [] if split == without else labels[split] for split in SPLITS}
    every = [values for part in known.values() for values in part or ()]
    if any(part is None for part in known.values()) or len({len(v) for v in every}) != 1:
        return None
    base = label if isinstance(label, str) else "label"
    k = len(every[0])
    names = [base] if k == 1 else [f"{base}_{i}" for i in range(k)]
    table = Table.of(names, [False] * k, np.asarray(every))
    ends = np.cumsum([len(known[split] or ()) for split in SPLITS])[:-1].tolist()
    train, val, test = table.values.tensor_split(ends)
    return Factors(table.names, table.sizes, table.ordinal, train, val, test)
