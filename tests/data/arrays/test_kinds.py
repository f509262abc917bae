"""Vectors, signals, images of any channels, and arrays: what a file's shape and values say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from betafront.data import Images, InMemory, data_cautions, tensor
from betafront.data.arrays.kinds import as_examples
from betafront.data.arrays.signals import Signals
from betafront.data.images.new_images import ImagePreparation
from betafront.data.images.pictures import save
from betafront.errors import UserError
from betafront.objective import Bernoulli

N = 20


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, *shape)).astype(np.float32)


def saved(folder: Path, x: np.ndarray) -> str:
    np.save(folder / "x.npy", x)
    return str(folder / "x.npy")


@pytest.mark.parametrize(
    ("shape", "settings", "made", "becomes"),
    [
        ((7,), {}, InMemory, (7,)),
        ((4, 6), {}, Images, (1, 4, 6)),
        ((2, 4, 6), {}, Images, (2, 4, 6)),  # as many channels as there are
        ((12, 6, 4), {"channels": "first"}, Images, (12, 6, 4)),
        ((8, 6, 4), {"channels": "last"}, Images, (4, 8, 6)),
        ((3, 6, 3), {"channels": "last"}, Images, (3, 3, 6)),
        ((50,), {"kind": "signals"}, Signals, (1, 50)),
        ((12, 50), {"kind": "signals"}, Signals, (12, 50)),
        ((50, 2), {"kind": "signals", "channels": "last"}, Signals, (2, 50)),
        ((4, 6), {"kind": "arrays"}, InMemory, (4, 6)),
        ((2, 2, 4, 6), {}, InMemory, (2, 2, 4, 6)),
    ],
)
def test_the_shape_says_what_examples_are(
    tmp_path: Path,
    shape: tuple[int, ...],
    settings: dict[str, str],
    made: type,
    becomes: tuple[int, ...],
) -> None:
    x = numbers(*shape)
    data = tensor("mine", saved(tmp_path, x), **settings)  # type: ignore[arg-type]
    assert type(data) is made
    assert data.shape == becomes
    found = torch.cat([data.train, data.val, data.test])
    assert float(found.sum()) == pytest.approx(float(x.sum()), abs=1e-3)
    every = data.preparation(x)  # new examples in the form of the file
    assert every.shape == (N, *becomes)
    assert any(torch.equal(data.val[0], one) for one in every)


@pytest.mark.parametrize(
    ("shape", "settings", "says"),
    [
        ((4, 6), {"kind": "vectors"}, r"vectors are \(n, D\); save x.reshape\(len\(x\), -1\)"),
        ((784,), {"kind": "images"}, r"images are .*; save x.reshape\(-1, 28, 28\)"),
        ((7,), {"kind": "vector"}, "data.kind: there is no 'vector': did you mean 'vectors'"),
        ((9, 6, 5), {}, r"data.channels=first \(9 channels\) or data.channels=last \(5 channels\)"),
        ((9, 9, 4), {}, r"an alpha channel, save the colours alone, x\[..., :-1\]"),
        ((50, 2), {"kind": "signals"}, r"data.channels=first \(50 channels\) or .*=last \(2"),
        ((4, 5, 6), {"channels": "middle"}, "data.channels is first or last, not 'middle'"),
        ((7,), {"channels": "last"}, "data.channels is for images and signals"),
        ((7,), {"size": 8}, "data.size=8 is for images, and .* holds vectors"),
        ((7,), {"dequantize": True}, "data.dequantize=True is for images"),
    ],
)
def test_what_the_shape_does_not_say_is_asked(
    tmp_path: Path, shape: tuple[int, ...], settings: dict[str, str], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        tensor("mine", saved(tmp_path, numbers(*shape)), **settings)  # type: ignore[arg-type]


def test_truth_values_of_vectors_are_0_and_1(tmp_path: Path) -> None:
    data = tensor("mine", saved(tmp_path, numbers(7) > 0))
    assert data.train.unique().tolist() == [0, 1]
    data.check(Bernoulli())
    assert not data.note


def test_whole_numbers_of_vectors_are_taken_as_they_are_and_that_is_said(tmp_path: Path) -> None:
    x = np.arange(N * 5).reshape(N, 5)
    data = tensor("mine", saved(tmp_path, x))
    assert sorted(torch.cat([data.train, data.val, data.test]).flatten().tolist()) == list(
        range(100)
    )
    (said,) = [line for line in data_cautions(data) if "whole numbers" in line]
    assert "from 0 to 99, which of vectors are taken as they are" in said


def test_vectors_of_16_bits_are_taken_as_they_are(tmp_path: Path) -> None:
    x = np.arange(200, dtype=np.uint16).reshape(40, 5) * 300
    np.save(tmp_path / "x.NPY", x)
    (tmp_path / "x.NPY.npy").rename(tmp_path / "x.NPY")
    data = tensor("mine", str(tmp_path / "x.NPY"))
    assert float(data.train.max()) > 255
    assert "whole numbers from 0 to 59,700" in data.note


def test_vectors_that_may_be_images_are_named(tmp_path: Path) -> None:
    flat = np.random.default_rng(0).random((N, 64)).astype(np.float32)
    assert "save x.reshape(-1, 8, 8)" in tensor("mine", saved(tmp_path, flat)).note
    assert not tensor("mine", saved(tmp_path, flat - 0.5)).note


@pytest.mark.parametrize("bad", [np.nan, 1e300])
def test_numbers_that_a_model_cannot_take_are_refused(bad: float) -> None:
    x = torch.zeros(5, 3, dtype=torch.float64)
    x[2, 1] = bad
    with pytest.raises(UserError, match="NaN or infinity in 1 of 5 examples, first in example 2"):
        as_examples(x, "file")


def test_new_images_have_their_channels_where_the_model_has_them() -> None:
    prepare = ImagePreparation((5, 4, 6), None, None, None, False)
    x = torch.rand(3, 5, 4, 6)
    assert prepare(x).equal(x)
    assert prepare(x.movedim(1, -1)).equal(x)
    with pytest.raises(UserError, match=r"the model is for images of \[5, 4, 6\]"):
        prepare(torch.rand(3, 2, 4, 6))


@pytest.mark.parametrize(("channels", "shown"), [(1, "L"), (2, "L"), (3, "RGB"), (7, "RGB")])
def test_pictures_of_any_number_of_channels(tmp_path: Path, channels: int, shown: str) -> None:
    save(torch.rand(4, channels, 40, 50), tmp_path / "a.png", columns=2)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == shown
        assert picture.size == (2 * 52 + 2, 2 * 42 + 2)
