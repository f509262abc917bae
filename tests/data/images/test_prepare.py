"""Splits, digests and grey levels of images."""

import math
from itertools import chain
from typing import Any

import pytest
import torch
from torch import Tensor

from betafront.data import Images
from betafront.data.batches import TensorBatches
from betafront.data.images import prepare
from betafront.errors import UserError
from betafront.objective.likelihoods.grid import PARTS


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
    assert images.dims == 6


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
    with pytest.raises(UserError, match=rf"the {name} split has \d example\(s\), and needs 2"):
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


def grey(n: int, k: int) -> Tensor:
    """Images on k grey levels, of which every one occurs."""
    levels = torch.randint(k, (n, 1, 2, 3), generator=torch.Generator().manual_seed(0))
    levels.flatten()[:k] = torch.arange(k)
    return levels / (k - 1)


def everything(images: Images) -> Tensor:
    return torch.cat([images.train, images.val, images.test])


@pytest.mark.parametrize("k", [2, 17, 255, 256])
def test_the_levels_that_images_have_change_nothing(k: int) -> None:
    x = grey(200, k)
    plain, told = split(x), split(x, levels=k)
    assert (plain.levels, told.levels) == (None, k)
    assert plain.digest == told.digest
    assert not told.dequantized
    assert told.log_volume == plain.log_volume == 0


@pytest.mark.parametrize("k", [2, 3, 8, 100])
def test_fewer_levels_merge_neighbours_evenly(k: int) -> None:
    x = (torch.arange(256).repeat(2).view(-1, 1, 1, 1) / 255).expand(-1, 1, 2, 3)
    values, counts = everything(split(x, levels=k))[:, 0, 0, 0].unique(return_counts=True)
    torch.testing.assert_close(values, torch.arange(k) / (k - 1))
    # 256 / k of the 256 levels to each, rounded to either side; each level is there twice.
    assert set(counts.tolist()) <= {2 * (256 // k), 2 * -(-256 // k)}


def test_levels_of_images_beyond_the_unit_interval_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.levels=8 is for images in \[0, 1\], .* runs from"):
        split(numbered(50), levels=8)


@pytest.mark.parametrize("levels", [0, 1, 257, 8.0])
@pytest.mark.parametrize("binarize", [None, 0.5])
def test_levels_that_cannot_be_are_refused(levels: int, binarize: float | None) -> None:
    with pytest.raises(UserError, match="from 2 to 256"):
        split(grey(50, 2), levels=levels, binarize=binarize)


def test_binarised_images_have_two_levels() -> None:
    assert split(grey(50, 17), levels=17, binarize=0.5).levels == 2
    assert split(numbered(50), binarize=24.0).levels == 2


@pytest.mark.parametrize("k", [2, 17, 255, 256])
def test_dequantised_values_lie_in_the_cells_of_their_levels(k: int) -> None:
    x = grey(200, k)
    images, plain = split(x, levels=k, dequantize=True), split(x)
    assert images.dequantized
    assert images.log_volume == pytest.approx(6 * math.log(k), rel=1e-15)
    y, levels = everything(images), (everything(plain) * (k - 1)).round()
    assert y.dtype == torch.float32
    assert 0 < float(y.min()) < float(y.max()) < 1
    u = y.double() * k - levels.double()
    # Within the cell, on the middle of a part, up to the rounding of y to 2^-25.
    part = u * PARTS - 0.5
    assert float((part - part.round()).abs().max()) <= PARTS * k * 2.0**-24
    assert set(part.round().flatten().tolist()) <= set(range(PARTS))
    n = u.numel()
    assert float(u.mean()) == pytest.approx(0.5, abs=4 / (12 * n) ** 0.5)  # 4 standard errors


def test_the_noise_is_drawn_once_from_the_splits_seed() -> None:
    x = grey(200, 17)
    one, same = (split(x, levels=17, dequantize=True) for _ in range(2))
    assert one.digest == same.digest
    other = split(x, levels=17, dequantize=True, split_seed=1)
    assert len({one.digest, other.digest, split(x, levels=17).digest}) == 3


def test_binarised_and_dequantised_images_fill_two_cells() -> None:
    images = split(grey(200, 17), levels=17, binarize=0.5, dequantize=True)
    assert (images.levels, images.dequantized) == (2, True)
    assert images.log_volume == pytest.approx(6 * math.log(2), rel=1e-15)
    assert float((everything(images) * 2).floor().max()) == 1


def test_dequantising_unknown_levels_is_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match=r"data\.dequantize=true .* give data\.levels="):
        split(grey(50, 17), dequantize=True)


def dequantised_batches(seed: int) -> TensorBatches:
    images = split(grey(200, 17), levels=17, dequantize=True)
    return images.batches("train", 16, torch.Generator().manual_seed(seed))


def test_training_has_fresh_noise_in_every_batch_and_the_same_levels() -> None:
    batches, plain = dequantised_batches(0), split(grey(200, 17))
    epochs = [torch.cat(list(batches)) for _ in range(2)]
    known = {tuple(image) for image in (plain.train * 16).round().flatten(1).tolist()}
    for epoch in epochs:
        levels = (epoch * 17).floor().flatten(1).tolist()
        assert {tuple(image) for image in levels} <= known
    stored = set(batches.x.flatten().tolist())
    noise = [(epoch * 17).frac().flatten() for epoch in epochs]
    # A value comes again by chance alone: of the 4096 parts of a cell some 50 are taken, 1.2 %, so
    # 10 of 800 values with a standard error of 3.
    again = sum(value in stored for value in epochs[0].flatten().tolist())
    assert again < 0.03 * epochs[0].numel()
    n = noise[0].numel()
    correlation = float(torch.corrcoef(torch.stack(noise))[0, 1])
    assert abs(correlation) < 4 / n**0.5  # 4 standard errors of independent noise


def test_the_same_generator_gives_the_same_noise_to_the_bit() -> None:
    one, same, other = (torch.cat(list(dequantised_batches(seed))) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_batches_in_order_are_the_stored_values() -> None:
    images = split(grey(200, 17), levels=17, dequantize=True)
    assert torch.equal(torch.cat(list(images.batches("val", 7))), images.val)
