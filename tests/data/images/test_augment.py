"""Augmentation: of shuffled training batches alone, seeded by the run."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.picture_folders import folder_of, noise
from torch import Tensor
from torchvision.transforms import v2

from betafront.data import Images, digits, folder, in_memory
from betafront.data.images import prepare
from betafront.errors import UserError


def flipped(**changed: Any) -> Images:
    return digits(limit=200, **changed).augmented([v2.RandomHorizontalFlip(p=0.5)])


def batches(data: Images, split: str = "train", seed: int = 0) -> list[Tensor]:
    return list(data.batches(split, 16, torch.Generator().manual_seed(seed)))


def test_each_training_image_is_flipped_by_a_chance_of_its_own() -> None:
    plain, data = digits(limit=200), flipped()
    known = {tuple(x.flatten().tolist()): x for x in plain.train}
    mirrored = {tuple(x.flip(-1).flatten().tolist()) for x in plain.train}
    made = torch.cat(batches(data))
    as_they_were = [tuple(x.flatten().tolist()) in known for x in made]
    assert all(
        was or tuple(x.flatten().tolist()) in mirrored
        for was, x in zip(as_they_were, made, strict=True)
    )
    n = len(made)
    assert abs(sum(as_they_were) - n / 2) < 2 * n**0.5  # 4 standard errors
    # Within one batch, too: the images of a batch do not go through one and the same draw.
    assert all(len(set(part)) == 2 for part in (as_they_were[:16], as_they_were[16:32]))


def test_a_seed_gives_the_same_batches_and_nothing_else_is_drawn_from() -> None:
    data = flipped()
    before = torch.get_rng_state()
    one, same, other = (batches(data, seed=seed) for seed in (0, 0, 1))
    assert all(map(torch.equal, one, same))
    assert not all(map(torch.equal, one, other))
    assert torch.equal(torch.get_rng_state(), before)


def seed_numpy_and_python(seed: int) -> None:
    np.random.seed(seed)
    random.seed(seed)


def by_numpy_and_python(x: Tensor) -> Tensor:
    return x * (np.random.rand() + random.random()) / 2


def test_what_a_transform_draws_from_numpy_and_python_is_seeded_too() -> None:
    data = digits(limit=200).augmented([by_numpy_and_python])
    seed_numpy_and_python(1)
    first = torch.cat(batches(data))
    seed_numpy_and_python(2)
    assert torch.equal(torch.cat(batches(data)), first)


def test_what_is_evaluated_stays_as_it_is() -> None:
    plain, data = digits(limit=200), flipped()
    assert data.digest == plain.digest
    assert torch.equal(torch.cat(list(data.batches("train", 16))), plain.train)
    assert all(map(torch.equal, batches(data, "val"), batches(plain, "val")))
    assert torch.equal(data.to("cpu").examples("val"), plain.val)


@pytest.mark.parametrize("dequantize", [True, False])
def test_augmented_images_are_on_their_levels(dequantize: bool) -> None:
    data = digits(limit=200, dequantize=dequantize)
    turned = data.augmented([v2.RandomRotation(30, v2.InterpolationMode.BILINEAR)])
    made = torch.cat(batches(turned))
    if dequantize:
        assert 0 < float(made.min()) < float(made.max()) < 1
        assert len(made.unique()) > 1000
    else:
        assert set((made * 16).round().div(16).unique().tolist()) == set(made.unique().tolist())
    assert not torch.equal(made, torch.cat(batches(data)))


def noisy(x: Tensor) -> Tensor:
    return x + 0.2 * torch.randn_like(x)  # now and then beyond 1.5


@pytest.mark.parametrize("in_memory", [True, False])
def test_images_of_16_bits_stay_in_the_unit_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pics = folder_of(tmp_path / "pics", 40, lambda i: noise((6, 5), i, 65535))
    plain = folder("pics", str(pics), in_memory=in_memory)
    assert plain.levels is None
    made = torch.cat(batches(plain.augmented([noisy])))
    assert (float(made.min()), float(made.max())) == (0, 1)
    assert len(made.unique()) > 500  # and on no levels
    with pytest.raises(UserError, match="leave out what changes the scale"):
        plain.augmented([v2.Normalize([0.5], [0.2])])


def test_images_on_another_scale_are_left_on_it() -> None:
    x = torch.randn(60, 1, 6, 5, generator=torch.Generator().manual_seed(0))
    data = prepare("own", x, val=0.2, test=0.2, split_seed=0, limit=None, binarize=None)
    made = torch.cat(batches(data.augmented([noisy])))
    assert float(made.min()) < -1
    assert float(made.max()) > 1


def to_a_smaller_one(x: Tensor) -> Tensor:
    return x[:, :4]


def to_words(_: Tensor) -> Any:
    return "image"


def to_whole_numbers(x: Tensor) -> Tensor:
    return (x * 255).to(torch.uint8)


WRONG = {
    "whole numbers": (to_whole_numbers, "to_whole_numbers makes uint8 of an image: leave it out"),
    "another scale": (
        v2.Normalize([0.5], [0.5]),
        r"makes images from -1 to .* leave out what changes the scale, as Normalize",
    ),
    "a smaller one": (
        to_a_smaller_one,
        r"to_a_smaller_one makes \(1, 4, 8\) of an image of \(1, 8",
    ),
    "words": (to_words, r"to_words makes str of an image of \(1, 8, 8\)"),
    "refused": (v2.RandomCrop(20), r"RandomCrop cannot take an image of \(1, 8, 8\)"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_transform_that_does_not_fit_is_refused_before_training(name: str) -> None:
    transform, expected = WRONG[name]
    with pytest.raises(UserError, match=rf"data\.augment:? {expected}") as refused:
        digits(limit=200).augmented([transform])
    assert "\n" not in str(refused.value)


def test_data_without_a_picture_has_nothing_to_augment() -> None:
    with pytest.raises(UserError, match=r"data\.augment is for images, and data=vectors has none"):
        in_memory("vectors", torch.rand(50, 5)).augmented([v2.RandomHorizontalFlip()])
