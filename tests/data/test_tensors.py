"""Data in memory: any shape of examples, batches of a tensor, and what is refused."""

from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch

from betafront.data import SPLITS, Data, InMemory, in_memory
from betafront.data.batches import TensorBatches
from betafront.data.factors import Table
from betafront.errors import UserError
from betafront.objective import Bernoulli, Gaussian


def numbered(n: int, *shape: int, **changed: Any) -> InMemory:
    """Examples of any shape, each of which is its own number."""
    x = torch.arange(n).view(n, *(1 for _ in shape)).expand(n, *shape)
    return in_memory("numbered", x, **changed)


@pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 8, 8), (2, 2, 2, 2)])
def test_examples_of_any_shape_are_split(shape: tuple[int, ...]) -> None:
    data = numbered(50, *shape, val=0.2, test=0.1)
    assert isinstance(data, Data)
    assert data.shape == shape
    assert data.dims == np.prod(shape)
    assert data.log_volume == 0
    assert [data.size(split) for split in SPLITS] == [35, 10, 5]
    every = torch.cat([data.examples(split).flatten(1)[:, 0] for split in SPLITS])
    assert sorted(every.tolist()) == list(range(50))
    assert data.examples("val", 3).equal(data.val[:3])
    assert data.examples("train").dtype == torch.float32


def test_numpy_in_double_precision_is_the_same_data() -> None:
    x = np.random.default_rng(0).normal(size=(50, 5))
    ours, theirs = in_memory("x", x), in_memory("x", torch.from_numpy(x).float())
    assert ours.digest == theirs.digest
    assert in_memory("x", x[::-1].copy()).digest != ours.digest


def test_factors_go_with_their_examples() -> None:
    table = Table.of(("number",), (True,), np.arange(50)[:, None])
    data = numbered(50, 5, factors=table)
    for split in SPLITS:
        known = data.known(split)
        assert known is not None
        assert known.values[:, 0].tolist() == data.examples(split)[:, 0].tolist()
    assert numbered(50, 5).known("val") is None


def test_batches_are_those_of_a_split() -> None:
    data = numbered(50, 5)
    batches = data.batches("val", 2)
    assert len(batches) == 3
    assert torch.cat(list(batches)).equal(data.val)
    shuffled = list(data.batches("train", 8, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in shuffled] == [8] * 5


def test_a_likelihood_is_held_against_every_split() -> None:
    data = numbered(50, 5)
    data.check(Gaussian())
    with pytest.raises(UserError, match="data runs from"):
        data.check(Bernoulli())


def test_data_without_a_picture_writes_none(tmp_path: Any) -> None:
    numbered(50, 5).show(None, None, tmp_path / "pictures")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


WRONG = {
    "one number each": (np.zeros(9), r"data=wrong has the shape \(9,\): give \(n, ...\)"),
    "nothing": (np.zeros((0, 5)), r"has the shape \(0, 5\)"),
    "NaN": (np.full((9, 5), np.nan), "NaN or infinity in 9 of 9 examples, first in example 0"),
    "too few": (np.zeros((3, 5)), r"the val split has 0 example\(s\)"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_no_data_is_refused(name: str) -> None:
    x, expected = WRONG[name]
    with pytest.raises(UserError, match=expected):
        in_memory("wrong", x)


def test_batches_in_order_are_complete() -> None:
    batches = TensorBatches(torch.arange(10), 4)
    assert [batch.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(batches) == 3


def test_shuffled_batches_are_full_and_hold_nothing_twice() -> None:
    batches = TensorBatches(torch.arange(10), 4, torch.Generator().manual_seed(0))
    epoch = [batch.tolist() for batch in batches]
    assert [len(batch) for batch in epoch] == [4, 4]
    assert len(batches) == 2
    assert len(set(chain(*epoch))) == 8


def test_every_epoch_has_another_order_and_leaves_out_others() -> None:
    batches = TensorBatches(torch.arange(10), 4, torch.Generator().manual_seed(0))
    epochs = [[number for batch in batches for number in batch.tolist()] for _ in range(20)]
    assert len({tuple(epoch) for epoch in epochs}) == 20
    assert set().union(*epochs) == set(range(10))


def test_a_seed_gives_the_same_epochs_again() -> None:
    first, again = (
        [batch.tolist() for _ in range(3) for batch in batches]
        for batches in (
            TensorBatches(torch.arange(10), 4, torch.Generator().manual_seed(5)) for _ in range(2)
        )
    )
    assert first == again


def test_batches_larger_than_the_data_are_the_data() -> None:
    assert [len(batch) for batch in TensorBatches(torch.arange(3), 100, torch.Generator())] == [3]
    assert [len(batch) for batch in TensorBatches(torch.arange(3), 100)] == [3]
