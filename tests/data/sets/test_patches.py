"""Patches of photographs: splits that share no pixel."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from betafront.data import SPLITS, patches
from betafront.errors import UserError


def test_patches_of_photographs_in_three_splits() -> None:
    data = patches(size=32, stride=16)
    assert data.shape == (3, 32, 32)
    each = 2 * 3  # of a block of 61 x 64
    assert [data.size(split) for split in SPLITS] == [84 * each, 28 * each, 28 * each]
    assert data.factors is not None
    assert (data.factors.names, data.factors.sizes) == (("label",), (2,))
    assert patches(size=32, stride=16).digest == data.digest
    assert patches(size=32, stride=16, split_seed=1).digest != data.digest


def test_no_pixel_is_in_two_splits_and_labels_say_the_photograph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Photographs in which the colours of each pixel are its number."""
    n, height, width = 2, 427, 640
    numbers = np.arange(n * height * width).reshape(n, height, width)
    coded = np.stack([numbers >> 16, numbers >> 8, numbers], -1).astype(np.uint8)

    published = SimpleNamespace(images=list(coded))
    monkeypatch.setattr("sklearn.datasets.load_sample_images", lambda: published)
    data = patches(size=8, stride=3)
    weights = torch.tensor([65536, 256, 1]).view(1, 3, 1, 1)
    pixels = {}
    for split in SPLITS:
        found = ((data.examples(split) * 255).round().long() * weights).sum(1)
        known = data.known(split)
        assert known is not None
        assert (found[:, 0, 0] // (height * width)).equal(known.values[:, 0])
        # A patch is a piece of a photograph: its rows follow each other.
        assert (found[:, 1:] - found[:, :-1] == width).all()
        assert (found[:, :, 1:] - found[:, :, :-1] == 1).all()
        pixels[split] = set(found.flatten().tolist())
    assert not pixels["train"] & (pixels["val"] | pixels["test"])
    assert not pixels["val"] & pixels["test"]
    assert len(set().union(*pixels.values())) > 0.9 * numbers.size


def test_a_limit_is_of_all_patches() -> None:
    data = patches(size=16, limit=500, binarize=0.5)
    assert sum(data.size(split) for split in SPLITS) == 500
    assert data.train.unique().tolist() == [0, 1]
    assert load_sample_images().images[0].shape == (427, 640, 3)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"size": 33}, r"data\.size is a number of pixels from 8 to 32, not 33"),
        ({"stride": 0}, r"data\.stride is a number of pixels from 1 to 64, not 0"),
        ({"val": 0.0}, r"data\.val is a part of the examples"),
        ({"limit": 3}, r"data\.limit=3 leaves \d patches for the \w+ split"),
    ],
)
def test_what_cannot_be_cut_is_refused(settings: dict[str, int], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        patches(**settings)
