"""Factors go where their images go."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.data import Factors, Images
from betafront.data.factors import Table
from betafront.data.images import prepare
from betafront.errors import UserError

SPLITS = ("train", "val", "test")


def numbered(n: int, first: int = 0) -> Tensor:
    """Images of which each says its own number."""
    number = torch.arange(first, first + n, dtype=torch.float32)
    return number.view(n, 1, 1, 1).expand(n, 1, 2, 3).contiguous()


def table(x: Tensor) -> Table:
    """Two factors of numbered images: the number, and what is left of it by 3."""
    number = x[:, 0, 0, 0].long()
    return Table(("number", "rest"), (200, 3), (True, False), torch.stack([number, number % 3], 1))


def split(x: Tensor, **changed: Any) -> Images:
    settings: dict[str, Any] = {"val": 0.2, "test": 0.1, "split_seed": 0, "limit": None}
    return prepare("numbered", x, **({"binarize": None} | settings | changed))


def known(images: Images) -> Factors:
    assert images.factors is not None
    return images.factors


@pytest.mark.parametrize("limit", [None, 20])
@pytest.mark.parametrize("published", [None, numbered(30, first=100)])
def test_every_image_keeps_its_factors(limit: int | None, published: Tensor | None) -> None:
    x = numbered(50)
    images = split(
        x,
        limit=limit,
        test_set=published,
        factors=table(x),
        test_set_factors=None if published is None else table(published),
    )
    factors = known(images)
    assert (factors.names, factors.sizes) == (("number", "rest"), (200, 3))
    assert factors.ordinal == (True, False)
    for part in SPLITS:
        expected = table(getattr(images, part)).values
        assert torch.equal(getattr(factors, part), expected)
        assert expected.dtype == torch.int64


def test_factors_change_neither_the_splits_nor_the_digest() -> None:
    x = numbered(50)
    assert split(x, factors=table(x)).digest == split(x).digest
    assert split(x).factors is None


@pytest.mark.parametrize("n", [49, 51])
def test_as_many_rows_as_images(n: int) -> None:
    x = numbered(50)
    with pytest.raises(UserError, match=f"data=numbered: 50 examples .* of {n}: give one row per"):
        split(x, factors=table(numbered(n)))
    with pytest.raises(UserError, match=f"data=numbered: 50 examples .* of {n}: give one row per"):
        split(x, test_set=x, factors=table(x), test_set_factors=table(numbered(n)))


def test_on_another_device_the_images_keep_their_factors() -> None:
    x = numbered(50)
    moved = split(x, factors=table(x)).to("meta")
    assert moved.train.device.type == "meta"
    assert known(moved).train.device.type == "cpu"


def test_values_of_any_kind_are_numbered_in_their_order() -> None:
    values = np.array([[0.5, -30], [0.25, 30], [0.5, 0], [1, -30]])
    made = Table.of(("scale", "angle"), (True, False), values)
    assert made.values.tolist() == [[1, 0], [0, 2], [1, 1], [2, 0]]
    assert made.sizes == (3, 3)
    words = Table.of(("word",), (False,), np.array([["b"], ["a"], ["b"]]))
    assert words.values.tolist() == [[1], [0], [1]]


def test_constant_factors_can_be_left_out() -> None:
    made = Table.of(("a", "b", "c"), (True, False, True), np.array([[1, 1, 2], [1, 2, 1]]))
    assert made.varying().names == ("b", "c")
    assert made.varying().sizes == (2, 2)
    assert made.varying().ordinal == (False, True)
    assert made.varying().values.tolist() == [[0, 1], [1, 0]]
