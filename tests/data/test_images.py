"""Splits, batches and digests."""

import math
from itertools import chain
from typing import Any

import pytest
import torch
from torch import Tensor

from betafront.data import Batches, Images
from betafront.data.images import prepare
from betafront.errors import UserError


def numbered(n: int) -> Tensor:
    """Images of which each says its own number."""
    return torch.arange(n, dtype=torch.float32).view(n, 1, 1, 1).expand(n, 1, 2, 3).contiguous()


def split(x: Tensor, **changed: Any) -> Images:
    settings: dict[str, Any] = {
        "val": 0.2,
        "test": 0.1,
        "split_seed": 0,
        "limit": None,
        "binarize": None,
    }
    return prepare("numbered", x, **(settings | changed))


def numbers(x: Tensor) -> list[int]:
    return [int(i) for i in x[:, 0, 0, 0]]


def test_splits_have_their_parts_and_share_nothing() -> None:
    images = split(numbered(50))
    parts = [numbers(x) for x in (images.train, images.val, images.test)]
    assert [len(part) for part in parts] == [35, 10, 5]
    assert sorted(chain(*parts)) == list(range(50))
    assert images.shape == (1, 2, 3)
    assert images.pixels == 6


def test_splits_are_fixed_by_their_seed() -> None:
    one, same, other = (split(numbered(50), split_seed=seed) for seed in (3, 3, 4))
    assert numbers(one.train) == numbers(same.train)
    assert numbers(one.test) == numbers(same.test)
    assert set(numbers(one.test)) != set(numbers(other.test))


def test_splits_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    split(numbered(50))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_published_test_set_stays_as_it_is() -> None:
    published = 100 + numbered(7)
    images = split(numbered(50), test_set=published)
    assert torch.equal(images.test, published)
    assert len(images.val) == 10
    assert sorted(numbers(images.train) + numbers(images.val)) == list(range(50))


def test_a_limit_holds_for_both_sets() -> None:
    images = split(numbered(50), test_set=100 + numbered(30), limit=20)
    assert [len(x) for x in (images.train, images.val, images.test)] == [16, 4, 20]
    images = split(numbered(50), limit=20)
    assert [len(x) for x in (images.train, images.val, images.test)] == [14, 4, 2]


def test_binarize_is_a_threshold_on_every_split() -> None:
    images = split(numbered(50), binarize=24.0)
    ones = sum(int(x.sum()) for x in (images.train, images.val, images.test))
    assert ones == 25 * 6  # 25 to 49; 24 itself is 0
    for x in (images.train, images.val, images.test):
        assert set(x.unique().tolist()) <= {0, 1}


@pytest.mark.parametrize("key", ["val", "test"])
@pytest.mark.parametrize("part", [0.0, 1.0, -0.1, math.nan])
def test_a_part_that_is_none_is_refused(key: str, part: float) -> None:
    with pytest.raises(UserError, match=rf"data\.{key} is a part .* in \(0, 1\)"):
        split(numbered(50), **{key: part})


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.limit must be at least 1, not 0"):
        split(numbered(50), limit=0)


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"val": 0.01}, "val"), ({"test": 0.01}, "test"), ({"val": 0.5, "test": 0.49}, "train")],
)
def test_a_split_of_too_few_images_is_refused(settings: dict[str, float], name: str) -> None:
    with pytest.raises(UserError, match=rf"the {name} split has \d image\(s\), and needs 2"):
        split(numbered(50), **settings)


def test_the_digest_names_values_order_and_splits() -> None:
    x = numbered(50) / 50
    digest = split(x).digest
    assert len(digest) == 16
    assert digest == split(x.clone()).digest
    touched = x.clone()
    touched[49, 0, 1, 2] += 1e-6
    others = [split(touched), split(x, split_seed=1), split(x, binarize=0.5), split(x, val=0.3)]
    reshaped = split(x.view(50, 1, 3, 2))
    assert len({digest, reshaped.digest, *(other.digest for other in others)}) == 6


def test_images_move_to_a_device_together() -> None:
    moved = split(numbered(50)).to("meta")
    assert {x.device.type for x in (moved.train, moved.val, moved.test)} == {"meta"}


def test_batches_in_order_are_complete() -> None:
    batches = Batches(numbered(10), 4)
    assert [numbers(batch) for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(batches) == 3


def test_shuffled_batches_are_full_and_hold_nothing_twice() -> None:
    batches = Batches(numbered(10), 4, torch.Generator().manual_seed(0))
    epoch = [numbers(batch) for batch in batches]
    assert [len(batch) for batch in epoch] == [4, 4]
    assert len(batches) == 2
    assert len(set(chain(*epoch))) == 8


def test_every_epoch_has_another_order_and_leaves_out_others() -> None:
    batches = Batches(numbered(10), 4, torch.Generator().manual_seed(0))
    epochs = [list(chain(*map(numbers, batches))) for _ in range(20)]
    assert len({tuple(epoch) for epoch in epochs}) == 20
    assert set().union(*epochs) == set(range(10))


def test_a_seed_gives_the_same_epochs_again() -> None:
    first, again = (
        [numbers(batch) for _ in range(3) for batch in batches]
        for batches in (
            Batches(numbered(10), 4, torch.Generator().manual_seed(5)) for _ in range(2)
        )
    )
    assert first == again


def test_batches_larger_than_the_data_are_the_data() -> None:
    assert [len(batch) for batch in Batches(numbered(3), 100, torch.Generator())] == [3]
    assert [len(batch) for batch in Batches(numbered(3), 100)] == [3]
