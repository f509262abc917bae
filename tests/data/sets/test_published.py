"""dSprites and 3D Shapes, from small files of our own making in their layouts."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from betafront.data import Images, dsprites, shapes3d
from betafront.data.images import memory_limit as room
from betafront.data.sets import published
from betafront.data.sets.published import DSPRITES, SHAPES3D, Stored
from betafront.errors import UserError

N = 48
SIDE = 8


def factors_of(images: Images, part: str) -> list[list[int]]:
    assert images.factors is not None
    rows: list[list[int]] = getattr(images.factors, part).tolist()
    return rows


def dsprites_arrays() -> tuple[np.ndarray, np.ndarray]:
    """Images that have their own number in their first six pixels, bit by bit; their factors."""
    number = np.arange(N)
    images = np.zeros((N, SIDE, SIDE), np.uint8)
    images[:, 0, :6] = number[:, None] >> np.arange(6) & 1
    classes = [0 * number, number // 16, number // 8 % 2, number // 4 % 2, number // 2 % 2]
    return images, np.stack([*classes, number % 2], 1).astype(np.int64)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    images, classes = dsprites_arrays()
    metadata = np.array({"title": "kept as an object"}, dtype=object)
    np.savez_compressed(
        tmp_path / DSPRITES,
        imgs=images,
        latents_classes=classes,
        latents_values=classes.astype(float),
        metadata=metadata,
    )
    return tmp_path


def test_dsprites_without_its_constant_colour(root: Path) -> None:
    images = dsprites("dsprites", str(root))
    assert [len(x) for x in (images.train, images.val, images.test)] == [38, 5, 5]
    assert images.shape == (1, SIDE, SIDE)
    assert images.levels == 2
    assert images.factors is not None
    assert images.factors.names == ("shape", "scale", "orientation", "x", "y")
    assert images.factors.sizes == (3, 2, 2, 2, 2)
    assert images.factors.ordinal == (False, True, False, True, True)


@pytest.mark.parametrize("limit", [None, 30])
def test_dsprites_keep_their_factors(root: Path, limit: int | None) -> None:
    images = dsprites("dsprites", str(root), limit=limit)
    _, classes = dsprites_arrays()
    seen = []
    for part in ("train", "val", "test"):
        bits = getattr(images, part)[:, 0, 0, :6].long()
        numbers = (bits << torch.arange(6)).sum(1)
        assert factors_of(images, part) == classes[numbers, 1:].tolist()
        seen += numbers.tolist()
    assert len(set(seen)) == len(seen) == (limit or N)


@pytest.mark.parametrize(("load", "file"), [(dsprites, DSPRITES), (shapes3d, SHAPES3D)])
def test_a_missing_file_says_what_to_put_where(
    tmp_path: Path, load: Callable[..., Images], file: str
) -> None:
    with pytest.raises(UserError) as refused:
        load("mine", str(tmp_path / "nothing"))
    message = str(refused.value)
    assert f"data=mine: put {file} from https://" in message
    assert f"into {tmp_path / 'nothing'}" in message
    assert "data.root=FOLDER" in message
    assert "\n" not in message


@pytest.mark.parametrize("whole", [0, 100, 0.5])
def test_a_damaged_file_is_refused(root: Path, whole: float) -> None:
    file = root / DSPRITES
    content = file.read_bytes()
    file.write_bytes(content[: int(whole if whole > 1 else whole * len(content))])
    with pytest.raises(UserError, match=f"data=dsprites: {file} cannot be read: .") as refused:
        dsprites("dsprites", str(root))
    assert "\n" not in str(refused.value)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / DSPRITES, x=np.zeros(3))
    with pytest.raises(UserError, match=r"cannot be read: .*latents_classes"):
        dsprites("dsprites", str(tmp_path))


def test_more_images_than_the_memory_holds_are_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = room.psutil.virtual_memory().total
    monkeypatch.setattr(room, "PART", 40.5 * 4 * SIDE * SIDE / total)
    with pytest.raises(UserError, match=r"data=dsprites: 48 images .* give data\.limit=40 or less"):
        dsprites("dsprites", str(root))
    images = dsprites("dsprites", str(root), limit=40)
    assert len(images.train) + len(images.val) + len(images.test) == 40


def shapes3d_arrays() -> tuple[np.ndarray, np.ndarray]:
    """Images of one colour, (number, 2·number, 255), and their factors as they are published."""
    number = np.arange(N)
    images = np.zeros((N, SIDE, SIDE, 3), np.uint8)
    images[:] = np.stack([number, 2 * number, 0 * number + 255], 1)[:, None, None]
    tenths = [number % 2 / 10, number // 2 % 2 / 10, number // 4 % 2 / 10]
    labels = [*tenths, 0.75 + number // 8 % 2 / 4, number // 16 % 3, -30.0 + 60 * (number // 2 % 2)]
    return images, np.stack(labels, 1)


def check_shapes3d(root: Path) -> None:
    images = shapes3d("shapes3d", str(root))
    assert images.shape == (3, SIDE, SIDE)
    assert images.levels == 256
    assert images.factors is not None
    assert images.factors.names[:3] == ("floor_hue", "wall_hue", "object_hue")
    assert images.factors.names[3:] == ("scale", "shape", "orientation")
    assert images.factors.sizes == (2, 2, 2, 2, 3, 2)
    assert images.factors.ordinal == (False, False, False, True, False, True)
    for part in ("train", "val", "test"):
        x = getattr(images, part)
        number = (255 * x[:, 0, 0, 0]).round().long()
        torch.testing.assert_close(x[:, 1], x[:, 0] * 2)
        assert bool((x[:, 2] == 1).all())
        factors = [number % 2, number // 2 % 2, number // 4 % 2, number // 8 % 2, number // 16 % 3]
        expected = torch.stack([*factors, number // 2 % 2], 1)
        assert factors_of(images, part) == expected.tolist()


def test_3d_shapes_from_a_real_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed, and not needed otherwise")
    images, labels = shapes3d_arrays()
    with h5py.File(tmp_path / SHAPES3D, "w") as file:
        file["images"], file["labels"] = images, labels
    check_shapes3d(tmp_path)
    (tmp_path / SHAPES3D).write_bytes((tmp_path / SHAPES3D).read_bytes()[:500])
    with pytest.raises(UserError, match=r"cannot be read: ."):
        shapes3d("shapes3d", str(tmp_path))


def test_3d_shapes_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = shapes3d_arrays()

    def opened(path: Path) -> Any:
        return nullcontext({"images": images, "labels": labels})

    monkeypatch.setitem(sys.modules, "h5py", SimpleNamespace(File=opened))
    monkeypatch.setattr(published, "BLOCK", 7)
    (tmp_path / SHAPES3D).touch()
    check_shapes3d(tmp_path)


def test_without_h5py_its_installation_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / SHAPES3D).touch()
    with pytest.raises(UserError, match="is read with h5py: pip install h5py"):
        shapes3d("shapes3d", str(tmp_path))


def test_stored_images_come_in_the_order_in_which_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, _ = shapes3d_arrays()
    monkeypatch.setattr(published, "BLOCK", 5)
    rows = torch.tensor([47, 0, 5, 5, 4, 30])
    x = Stored("mine", images, 255, None)[rows]
    assert x.shape == (6, 3, SIDE, SIDE)
    assert (255 * x[:, 0, 2, 3]).round().long().tolist() == rows.tolist()
