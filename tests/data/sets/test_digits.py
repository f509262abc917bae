"""The embedded digits."""

import math

import pytest
import torch
from sklearn.datasets import load_digits

from betafront.data import digits


def test_all_1797_digits_on_their_grey_levels() -> None:
    images = digits()
    assert images.shape == (1, 8, 8)
    assert [len(x) for x in (images.train, images.val, images.test)] == [1079, 359, 359]
    everything = torch.cat([images.train, images.val, images.test])
    assert everything.dtype == torch.float32
    assert (16 * everything).unique().tolist() == list(range(17))
    # No image was changed or lost: as a set, they are the published ones.
    published = {tuple(image) for image in load_digits().data.astype(int).tolist()}
    loaded = {tuple(image) for image in (16 * everything).flatten(1).int().tolist()}
    assert loaded == published


def test_the_same_choice_is_the_same_data() -> None:
    assert digits().digest == digits().digest
    others = [digits(split_seed=1), digits(binarize=0.5), digits(limit=1000)]
    assert len({digits().digest, *(other.digest for other in others)}) == 4


def test_the_digests_of_studies_that_are_there_stay() -> None:
    assert digits().digest == "3f4f4602d3c0be1e"
    assert digits(split_seed=1, limit=1000).digest == "8ecc3193f8fa6e0d"
    assert digits(binarize=0.5).digest == "f891def8ef5e9970"
    assert digits(dequantize=True).digest == "597bc88744deb1ae"


def test_every_digit_has_its_label() -> None:
    published = load_digits()
    label = {
        tuple(image): int(target)
        for image, target in zip(published.data.tolist(), published.target, strict=True)
    }
    images = digits()
    assert images.factors is not None
    assert (images.factors.names, images.factors.sizes) == (("label",), (10,))
    assert images.factors.ordinal == (False,)
    for part in ("train", "val", "test"):
        shown = [label[tuple(image)] for image in (16 * getattr(images, part)).flatten(1).tolist()]
        assert getattr(images.factors, part)[:, 0].tolist() == shown


def test_binarized_digits_are_zeros_and_ones() -> None:
    assert digits(binarize=0.5).train.unique().tolist() == [0, 1]
    assert digits(binarize=0.5).levels == 2


def test_they_have_17_levels_and_can_have_fewer() -> None:
    assert digits().levels == 17
    assert digits(levels=None).digest == digits().digest
    assert (3 * digits(levels=4).train).unique().tolist() == [0, 1, 2, 3]
    assert digits(dequantize=True).log_volume == pytest.approx(64 * math.log(17), rel=1e-15)
