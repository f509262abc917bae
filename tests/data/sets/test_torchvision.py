"""torchvision's sets, from small files of our own making in its layout."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io
import torch
import torchvision.datasets

from betafront.data import torchvision as load
from betafront.errors import UserError

Folder = Callable[..., Path]

WAYS_OUT = ("data.download=true", "data.root=FOLDER", "BETAFRONT_DATA_DIR")


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the IDX format."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def pictures(n: int, first: int) -> np.ndarray:
    """Images of which each is one grey level: its number and `first`."""
    levels = (first + np.arange(n, dtype=np.uint8))[:, None, None]
    return np.ascontiguousarray(np.broadcast_to(levels, (n, 28, 28)))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Folder:
    def make(packed: bool = True, train: int = 20, mend: Callable[[bytes], bytes] = bytes) -> Path:
        root = tmp_path / "data"
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for part, n, first in (("train", train, 0), ("t10k", 10, 100)):
            labels = idx(np.arange(n, dtype=np.uint8) % 10)
            for kind, content in (
                ("images-idx3", mend(idx(pictures(n, first)))),
                ("labels-idx1", labels),
            ):
                file = raw / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
                file.write_bytes(gzip.compress(content) if packed else content)
        return root

    return make


def levels(x: torch.Tensor) -> list[int]:
    return sorted(int(level) for level in (x[:, 0, 0, 0] * 255).round())


@pytest.mark.parametrize("packed", [True, False])
def test_published_splits_scaled_to_the_unit_interval(folder: Folder, packed: bool) -> None:
    images = load("mnist", "MNIST", str(folder(packed)), val=0.25)
    assert images.shape == (1, 28, 28)
    assert levels(torch.cat([images.train, images.val])) == list(range(20))
    assert [len(images.train), len(images.val)] == [15, 5]
    assert levels(images.test) == list(range(100, 110))
    torch.testing.assert_close(images.test[3], torch.full((1, 28, 28), 103 / 255))


def test_labels_are_one_factor(folder: Folder) -> None:
    images = load("mnist", "MNIST", str(folder()), val=0.25, limit=18)
    assert images.factors is not None
    assert (images.factors.names, images.factors.sizes) == (("label",), (10,))
    assert images.factors.ordinal == (False,)
    for part in (
        "train",
        "val",
        "test",
    ):  # image i has the level i or 100 + i, and the label i % 10
        level = (getattr(images, part)[:, 0, 0, 0] * 255).round().long()
        assert torch.equal(getattr(images.factors, part)[:, 0], level % 10)


def test_packed_files_are_unpacked_into_the_cache_and_nowhere_else(
    folder: Folder, cache: Path
) -> None:
    root = folder()
    before = sorted(root.rglob("*"))
    load("mnist", "MNIST", str(root), val=0.25)
    assert sorted(root.rglob("*")) == before
    unpacked = sorted(path.name for path in cache.rglob("*") if path.is_file())
    assert unpacked == [
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
    ]


def test_a_second_load_unpacks_nothing_and_changed_files_are_unpacked_anew(
    folder: Folder, cache: Path
) -> None:
    root = folder()
    load("mnist", "MNIST", str(root), val=0.25)
    files = [path for path in cache.rglob("*") if path.is_file()]
    before = {path: path.stat().st_ino for path in files}  # of whole new files another
    load("mnist", "MNIST", str(root), val=0.25)
    assert {path: path.stat().st_ino for path in before} == before

    images = load("mnist", "MNIST", str(folder(train=40)), val=0.25)
    assert len(images.train) + len(images.val) == 40


@pytest.mark.parametrize("dataset", ["MNIST", "FashionMNIST", "KMNIST", "CIFAR10"])
def test_missing_files_name_the_folder_and_three_ways_out(
    tmp_path: Path, cache: Path, dataset: str
) -> None:
    with pytest.raises(UserError) as refused:
        load("mine", dataset, str(tmp_path / "nothing"))
    message = str(refused.value)
    assert f"data=mine is not in {tmp_path / 'nothing'}" in message
    assert "\n" not in message
    for way_out in WAYS_OUT:
        assert way_out in message


def test_a_folder_with_some_of_the_files_is_named_itself(folder: Folder) -> None:
    root = folder()
    next((root / "MNIST" / "raw").glob("train-labels*")).unlink()
    with pytest.raises(UserError, match=f"data=mnist is not in {root}: "):
        load("mnist", "MNIST", str(root))


@pytest.mark.parametrize(
    "mend", [lambda content: content[:-100], lambda content: content[:2]], ids=["short", "headless"]
)
@pytest.mark.parametrize("packed", [True, False])
def test_damaged_images_are_refused(
    folder: Folder, packed: bool, mend: Callable[[bytes], bytes]
) -> None:
    root = folder(packed, mend=mend)
    with pytest.raises(UserError, match=f"data=mnist in {root} cannot be read: .") as refused:
        load("mnist", "MNIST", str(root))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[: len(content) // 2], lambda content: b"<html>not found</html>"],
    ids=["short", "no gzip at all"],
)
def test_a_damaged_archive_is_refused_and_leaves_nothing(
    folder: Folder, cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    root = folder()
    archive = root / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(UserError, match=f"data=mnist in {root} cannot be read: ."):
        load("mnist", "MNIST", str(root))
    assert not [path for path in cache.rglob("t10k-images*") if path.is_file()]


def test_an_unknown_set_names_the_near_miss(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'FashionMnist': did you mean 'FashionMNIST'\?"):
        load("mine", "FashionMnist", str(tmp_path))


def test_colour_images_have_their_channels_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours = np.zeros((20, 32, 32, 3), np.uint8)
    colours[..., 2] = 255  # blue
    labels = list(range(20))

    def cifar(root: str, train: bool, download: bool) -> SimpleNamespace:
        return SimpleNamespace(data=colours, targets=labels)

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", cifar)
    images = load("cifar10", "CIFAR10", str(tmp_path))
    assert images.shape == (3, 32, 32)
    assert images.train.mean((0, 2, 3)).tolist() == [0, 0, 1]


def test_256_levels_are_those_of_the_files_and_8_merge_them(folder: Folder) -> None:
    root = str(folder())
    images = load("mnist", "MNIST", root, val=0.25)
    assert images.levels == 256
    assert images.digest == load("mnist", "MNIST", root, val=0.25, levels=None).digest
    few = load("mnist", "MNIST", root, val=0.25, levels=8)
    # The test images are of one grey level each, 100 to 109, which is 3 of 8: 3/7.
    torch.testing.assert_close(few.test, torch.full((10, 1, 28, 28), 3 / 7))
    spread = load("mnist", "MNIST", root, val=0.25, dequantize=True)
    assert sorted((spread.test * 256).floor().unique().tolist()) == list(range(100, 110))


def in_three_colours(n: int, first: int) -> np.ndarray:
    """(n, 4, 5, 3) images of which each is one level of red: its number and `first`."""
    x = np.zeros((n, 4, 5, 3), np.uint8)
    x[..., 0] = (first + np.arange(n, dtype=np.uint8))[:, None, None]
    return x


def test_house_numbers_are_read_from_matlabs_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, n, first in (("train", 20, 0), ("test", 10, 100)):
        x = in_three_colours(n, first).transpose(1, 2, 3, 0)  # height, width, colour, image
        labels = 1 + np.arange(n)[:, None] % 10
        scipy.io.savemat(tmp_path / f"{part}_32x32.mat", {"X": x, "y": labels})
    monkeypatch.setattr(torchvision.datasets.SVHN, "_check_integrity", lambda _: True)
    images = load("svhn", "SVHN", str(tmp_path), val=0.25)
    assert images.shape == (3, 4, 5)
    assert levels(images.test) == list(range(100, 110))
    assert images.factors is not None
    assert images.factors.sizes == (10,)
    first = int((images.test[0, 0, 0, 0] * 255).round()) - 100
    assert images.factors.test[0, 0] == (1 + first) % 10  # a 10 stands for the digit 0


def test_characters_lie_upright_and_their_labels_begin_at_0(tmp_path: Path) -> None:
    raw = tmp_path / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    upper = np.zeros((20, 28, 28), np.uint8)
    upper[:, :14] = 255  # the upper half, as it is to be seen
    for part in ("train", "test"):
        stored = np.ascontiguousarray(upper.swapaxes(1, 2))
        (raw / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(idx(stored))
        labels = 1 + np.arange(20, dtype=np.uint8)
        (raw / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    images = load("emnist", "EMNIST", str(tmp_path), val=0.25, options={"split": "letters"})
    assert images.test[:, 0, :14].min() == 1
    assert images.test[:, 0, 14:].max() == 0
    assert images.factors is not None
    assert images.factors.test[:, 0].tolist() == list(range(20))


def test_digits_of_the_post_are_read_from_their_texts(tmp_path: Path) -> None:
    for file, n in (("usps.bz2", 20), ("usps.t.bz2", 10)):
        lines = [
            f"{1 + i % 10} " + " ".join(f"{j + 1}:{-1 if j else 1}" for j in range(256))
            for i in range(n)
        ]
        (tmp_path / file).write_bytes(bz2.compress("\n".join(lines).encode()))
    images = load("usps", "USPS", str(tmp_path), val=0.25)
    assert images.shape == (1, 16, 16)
    assert (images.test.sum((1, 2, 3)) == 1).all()
    assert images.test[:, 0, 0, 0].tolist() == [1] * 10


def test_channels_may_come_first_and_several_facts_begin_with_the_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = in_three_colours(20, 0).transpose(0, 3, 1, 2)
    facts = torch.arange(20)[:, None].expand(20, 8)

    def stl(root: str, split: str, download: bool) -> SimpleNamespace:
        assert split in ("train", "test")
        return SimpleNamespace(data=x, labels=facts)

    monkeypatch.setattr(torchvision.datasets, "STL10", stl)
    images = load("stl10", "STL10", str(tmp_path))
    assert images.shape == (3, 4, 5)
    assert images.factors is not None
    assert images.factors.names == ("label",)
    assert levels(images.test) == images.factors.test[:, 0].sort().values.tolist()


def test_a_set_of_files_is_read_as_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faces(root: str, train: bool, download: bool) -> SimpleNamespace:
        return SimpleNamespace()

    monkeypatch.setattr(torchvision.datasets, "LFWPeople", faces)
    with pytest.raises(UserError, match=r"LFWPeople is no array of images: .* data=folder"):
        load("faces", "LFWPeople", str(tmp_path))
