"""A user's own file: every form it may have, and one clear line for every form it may not."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from betafront.data import Images, data_cautions, tensor
from betafront.data.images.new_images import ImagePreparation, as_images
from betafront.errors import UserError


class NotAnArray:
    """Something that only unpickling code could make."""


@pytest.fixture
def grey() -> np.ndarray:
    return np.random.default_rng(0).random((20, 4, 6)).astype(np.float32)


def everything(path: Path) -> Tensor:
    """All images of a file, in a fixed order."""
    images = tensor("mine", str(path), val=0.2, test=0.2)
    assert isinstance(images, Images)
    x = torch.cat([images.train, images.val, images.test])
    return x[x.flatten(1).sum(1).argsort()]


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        tensor("mine", str(path))
    message = str(refused.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_npy_npz_and_pt_hold_the_same(tmp_path: Path, grey: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", grey)
    np.savez(tmp_path / "alone.npz", whatever=grey)
    np.savez_compressed(tmp_path / "named.npz", images=grey, labels=np.zeros(20))
    torch.save(torch.from_numpy(grey), tmp_path / "tensor.pt")
    torch.save({"pictures": torch.from_numpy(grey)}, tmp_path / "alone.pt")
    torch.save({"images": torch.from_numpy(grey), "labels": torch.zeros(20)}, tmp_path / "named.pt")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 6
    expected = torch.from_numpy(grey).unsqueeze(1)
    expected = expected[expected.flatten(1).sum(1).argsort()]
    for file in files:
        assert torch.equal(everything(file), expected), file.name


def test_a_name_below_the_home_folder_is_found(
    tmp_path: Path, grey: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "a.npy", grey)
    assert tensor("mine", "~/a.npy").shape == (1, 4, 6)


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ((5, 4, 6), (5, 1, 4, 6)),
        ((5, 1, 4, 6), (5, 1, 4, 6)),
        ((5, 3, 4, 6), (5, 3, 4, 6)),
        ((5, 4, 6, 1), (5, 1, 4, 6)),
        ((5, 4, 6, 3), (5, 3, 4, 6)),
    ],
)
def test_accepted_shapes(given: tuple[int, ...], becomes: tuple[int, ...]) -> None:
    assert as_images(torch.zeros(given), "file").shape == becomes


def test_channels_at_the_end_come_to_the_front() -> None:
    x = torch.rand(5, 4, 6, 3, generator=torch.Generator().manual_seed(0))
    images = as_images(x, "file")
    for channel in range(3):
        assert torch.equal(images[:, channel], x[..., channel])


def test_one_number_an_example_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(5, np.float32))
    said = refusal(tmp_path / "a.npy")
    assert "has the shape (5,): arrays are (n, ...), of any shape; one number" in said


def test_another_kind_of_file_of_the_same_numbers_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", examples=np.random.default_rng(0).random((20, 7)), labels=[1] * 20)
    assert tensor("mine", str(tmp_path / "a.npz")).shape == (7,)


def test_no_images_at_all_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((0, 4, 6), np.float32))
    assert "has the shape (0, 4, 6)" in refusal(tmp_path / "a.npy")


def test_bytes_are_scaled_to_the_unit_interval() -> None:
    x = as_images(torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1), "file")
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.flatten(), torch.tensor([0, 0.2, 1]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_floating_point_numbers_are_taken_as_they_are(dtype: torch.dtype) -> None:
    x = as_images(torch.tensor([-3.0, 0.5, 200.0], dtype=dtype).view(3, 1, 1), "file")
    assert x.dtype == torch.float32
    assert x.flatten().tolist() == [-3, 0.5, 200]


def test_truth_values_are_0_and_1() -> None:
    x = as_images(torch.tensor([False, True]).view(2, 1, 1), "file")
    assert x.dtype == torch.float32
    assert x.flatten().tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, ">u2"])
def test_16_bit_integers_are_divided_by_65535_and_that_is_said(tmp_path: Path, dtype: Any) -> None:
    x = np.zeros((20, 4, 6), dtype)
    x[:, 0, 0], x[:, 0, 1] = 4095, np.arange(20)
    np.save(tmp_path / "a.npy", x)
    images = tensor("mine", str(tmp_path / "a.npy"))
    assert images.train.max() == np.float32(4095) / np.float32(65535)
    (said,) = [line for line in data_cautions(images) if "16-bit" in line]
    assert "divided by 65,535: the greatest, 4,095, is 0.0625. If 12 bits are all there" in said
    x[0, 0, 0] = 32768 if dtype != np.int16 else 32767
    np.save(tmp_path / "a.npy", x)
    assert bool(tensor("mine", str(tmp_path / "a.npy")).note.endswith("65,535.")) == (
        dtype != np.int16
    )


def test_new_images_are_read_as_those_of_the_training_were() -> None:
    prepare = ImagePreparation((1, 2, 2), None, None, None, False)
    for dtype, top in ((np.bool_, 1), (np.uint8, 255), (np.uint16, 65535)):
        x = prepare(np.full((3, 2, 2), top, dtype))
        assert x.shape == (3, 1, 2, 2)
        assert x.unique().tolist() == [1]


@pytest.mark.parametrize(
    ("values", "dtype", "says"),
    [
        ([0, 1], np.int64, "int64 values from 0 to 1: save them as x.astype('bool')"),
        ([0, 200], np.int32, "int32 values from 0 to 200: save them as x.astype('uint8')"),
        ([0, 4095], np.int64, "save them as x.astype('uint16')"),
        ([-5, 5], np.int64, "int64 values from -5 to 5: save them as x.astype('float32')"),
        ([-1000, 3000], np.int16, "holds 16-bit integers from -1,000 on: bring them to the scale"),
        ([0, 1], np.complex64, "holds complex64 values: save real numbers"),
        (["a", "b"], "U1", "holds values of type <U1: give one array of numbers"),
    ],
)
def test_numbers_whose_scale_nobody_knows_are_refused_with_what_to_save(
    tmp_path: Path, values: list[Any], dtype: Any, says: str
) -> None:
    np.save(tmp_path / "a.npy", np.resize(np.array(values, dtype), (20, 4, 6)))
    assert says in refusal(tmp_path / "a.npy")


@pytest.mark.parametrize("dtype", [">f4", ">f8", np.longdouble])
def test_floats_of_any_order_and_length_are_read(
    tmp_path: Path, grey: np.ndarray, dtype: Any
) -> None:
    np.save(tmp_path / "a.npy", grey)
    np.save(tmp_path / "b.npy", grey.astype(dtype))
    assert torch.equal(everything(tmp_path / "a.npy"), everything(tmp_path / "b.npy"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_image_that_is_not_finite_is_named(
    tmp_path: Path, grey: np.ndarray, bad: float
) -> None:
    grey[7, 2, 3] = grey[7, 0, 0] = grey[11, 0, 0] = bad
    np.save(tmp_path / "a.npy", grey)
    assert "NaN or infinity in 2 of 20 images, first in image 7" in refusal(tmp_path / "a.npy")


def test_a_missing_file_is_refused_with_what_there_is(tmp_path: Path, grey: np.ndarray) -> None:
    assert "nothing.npy in " in refusal(tmp_path / "nothing.npy")
    np.save(tmp_path / "images.npy", grey)
    near = f"did you mean '{tmp_path}/images.npy'?"  # as it was written, ready to be copied
    assert near in refusal(tmp_path / "image.npy")
    assert near in refusal(tmp_path / "images")
    assert f"there is no folder {tmp_path}/none" in refusal(tmp_path / "none" / "a.npy")


def test_a_folder_is_no_file(tmp_path: Path, grey: np.ndarray) -> None:
    (tmp_path / "1.png").touch()
    (tmp_path / "2.JPG").touch()
    assert "but a folder of 2 pictures: data=folder data.path=" in refusal(tmp_path)
    np.save(tmp_path / "images.npy", grey)
    assert f"is a folder: name one file, as {tmp_path / 'images.npy'}" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.csv", "but a table: data=table data.path="),
        ("a.PNG", "but one picture: data=folder data.path=FOLDER reads"),
        ("a.h5", "save its examples as one array, np.save('examples.npy', x)"),
    ],
)
def test_another_kind_of_file_is_refused_with_the_way_out(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / name).write_text("1,2,3")
    said = refusal(tmp_path / name)
    assert "is not a .npy, .npz or .pt file" in said
    assert says in said


@pytest.mark.parametrize("path", [None, 3, ["a.npy", "b.npy"], ""])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(UserError, match=r"data\.path is the path of one file, not "):
        tensor("mine", path)


@pytest.mark.parametrize("suffix", ["npz", "pt"])
def test_several_arrays_without_images_are_refused(
    tmp_path: Path, grey: np.ndarray, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        np.savez(path, x=grey, y=grey)
    else:
        torch.save({"x": torch.from_numpy(grey), "y": torch.zeros(1)}, path)
    assert "holds x, y: name the array of images 'images', or 'examples'" in refusal(path)


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz")
    assert "holds nothing" in refusal(tmp_path / "a.npz")


def test_pickled_code_is_refused(tmp_path: Path) -> None:
    objects = np.empty(20, dtype=object)
    np.save(tmp_path / "objects.npy", objects, allow_pickle=True)
    torch.save(NotAnArray(), tmp_path / "object.pt")
    (tmp_path / "pickle.npy").write_bytes(pickle.dumps([1, 2, 3]))
    assert "cannot be read" in refusal(tmp_path / "objects.npy")
    assert "holds more than arrays" in refusal(tmp_path / "object.pt")
    assert "cannot be read" in refusal(tmp_path / "pickle.npy")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "packed.npz", "a.pt", "old.pt"])
def test_a_file_cut_short_is_refused(tmp_path: Path, grey: np.ndarray, name: str) -> None:
    path = tmp_path / name
    write(path, grey)
    whole = path.read_bytes()
    for part in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:part])
        assert "cannot be read" in refusal(path)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "packed.npz", "a.pt", "old.pt"])
def test_a_damaged_file_is_refused_or_read_but_never_a_traceback(
    tmp_path: Path, grey: np.ndarray, name: str
) -> None:
    path = tmp_path / name
    write(path, grey)
    whole, random = path.read_bytes(), np.random.default_rng(1)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(len(damaged), size=3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            tensor("mine", str(path))
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 0


def write(path: Path, images: np.ndarray) -> None:
    if path.suffix == ".npy":
        np.save(path, images)
    elif path.name == "packed.npz":
        np.savez_compressed(path, images=images)
    elif path.suffix == ".npz":
        np.savez(path, images=images)
    else:
        zipped = path.name != "old.pt"
        torch.save(torch.from_numpy(images), path, _use_new_zipfile_serialization=zipped)


def test_levels_are_unknown_until_they_are_told(tmp_path: Path, grey: np.ndarray) -> None:
    path = tmp_path / "a.npy"
    np.save(path, grey)
    assert tensor("mine", str(path)).levels is None
    images = tensor("mine", str(path), levels=4)
    assert (3 * images.train).unique().tolist() == [0, 1, 2, 3]
    with pytest.raises(UserError, match=r"give data\.levels="):
        tensor("mine", str(path), dequantize=True)
    assert tensor("mine", str(path), levels=4, dequantize=True).dequantized


@pytest.fixture
def ranks(grey: np.ndarray) -> np.ndarray:
    """The rank of the first pixel of each image."""
    return grey[:, 0, 0].argsort().argsort()


def rank_of(grey: np.ndarray, x: Tensor) -> list[int]:
    return np.searchsorted(np.sort(grey[:, 0, 0]), x[:, 0, 0, 0].numpy()).tolist()


@pytest.mark.parametrize(
    "name", ["labels.npy", "inside.npz", "inside.pt", "alone.npz", "words.npy"]
)
def test_labels_are_one_factor(
    tmp_path: Path, grey: np.ndarray, ranks: np.ndarray, name: str
) -> None:
    path, labels = tmp_path / "images.npy", tmp_path / name
    np.save(path, grey)
    if name == "labels.npy":
        np.save(labels, ranks)
    elif name == "words.npy":
        np.save(labels, np.array([f"class {rank:02}" for rank in ranks]))
    elif name == "alone.npz":
        np.savez(labels, factors=ranks)
    elif name == "inside.npz":
        np.savez(labels, images=grey, labels=ranks)
    else:
        torch.save({"images": torch.from_numpy(grey), "labels": torch.from_numpy(ranks)}, labels)
    inside = name.startswith("inside")
    images = (
        tensor("mine", str(labels)) if inside else tensor("mine", str(path), labels=str(labels))
    )
    assert images.digest == tensor("mine", str(path)).digest
    assert images.factors is not None
    assert (images.factors.names, images.factors.sizes) == (("label",), (20,))
    assert images.factors.ordinal == (False,)
    for part in ("train", "val", "test"):
        assert getattr(images.factors, part)[:, 0].tolist() == rank_of(grey, getattr(images, part))


def test_factors_are_several(tmp_path: Path, grey: np.ndarray, ranks: np.ndarray) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images=grey, factors=np.stack([ranks % 4 / 4, ranks], 1))
    images = tensor("mine", str(path))
    assert images.factors is not None
    assert images.factors.names == ("factor_0", "factor_1")
    assert images.factors.sizes == (4, 20)
    expected = rank_of(grey, images.train)
    assert images.factors.train.tolist() == [[rank % 4, rank] for rank in expected]


def test_images_without_labels_have_no_factors(tmp_path: Path, grey: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", grey)
    assert tensor("mine", str(tmp_path / "a.npy")).factors is None


@pytest.mark.parametrize("n", [19, 21])
def test_labels_for_other_images_are_refused(tmp_path: Path, grey: np.ndarray, n: int) -> None:
    np.savez(tmp_path / "a.npz", images=grey, labels=np.arange(n))
    with pytest.raises(UserError, match=f"data=mine: 20 examples and the labels or factors of {n}"):
        tensor("mine", str(tmp_path / "a.npz"))


@pytest.mark.parametrize("shape", [(), (20, 2, 2), (20, 0)])
def test_labels_of_another_shape_are_refused(
    tmp_path: Path, grey: np.ndarray, shape: tuple[int, ...]
) -> None:
    np.savez(tmp_path / "a.npz", images=grey, labels=np.zeros(shape))
    assert "has labels of the shape" in refusal(tmp_path / "a.npz")


def test_a_missing_file_of_labels_is_refused(tmp_path: Path, grey: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", grey)
    with pytest.raises(UserError, match=r"data\.labels: there is no file .*nothing\.npy"):
        tensor("mine", str(tmp_path / "a.npy"), labels=str(tmp_path / "nothing.npy"))
    np.savez(tmp_path / "b.npz", x=grey, y=grey)
    with pytest.raises(UserError, match=r"data\.labels: .* holds x, y: name the array of labels"):
        tensor("mine", str(tmp_path / "a.npy"), labels=str(tmp_path / "b.npz"))
