"""Files appear whole or not at all, also on a full disk; what a killed writer left is removed."""

import errno
import gc
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from tests.support.disks import read_only, small_disk

from betafront.files import (
    can_write,
    link_or_copy,
    opened_whole,
    remove_parts,
    write_whole,
    written_whole,
)


def test_a_file_keeps_its_content_where_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_whole(path, "β")
    with pytest.raises(OSError, match="full"), written_whole(path) as part:
        part.write_text("half")
        raise OSError("the disk is full")
    assert path.read_text(encoding="utf-8") == "β"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_copied_where_it_cannot_have_a_second_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    one.write_text("β")
    link_or_copy(one, two)
    link_or_copy(one, two)  # as after a kill
    assert two.samefile(one)

    def refuse(*names: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr("os.link", refuse)
    link_or_copy(one, three)
    assert three.read_text() == "β"
    assert not three.samefile(one)


def test_parts_of_killed_writers_are_removed_and_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint[1].ckpt"
    others = [path, tmp_path / "other.ckpt.7.part", tmp_path / "checkpoint[1].ckpt.best"]
    for file in (*others, tmp_path / "checkpoint[1].ckpt.4711.part"):
        file.write_text("")
    remove_parts(path)
    assert set(tmp_path.iterdir()) == set(others)


def with_torch(sink: BinaryIO) -> None:
    torch.save({"weights": torch.randn(10**6)}, sink)


def with_safetensors(sink: BinaryIO) -> None:
    from safetensors.torch import save

    sink.write(save({"weights": torch.randn(10**6)}))


def with_numpy(sink: BinaryIO) -> None:
    np.savez(sink, trace=np.random.default_rng(0).normal(size=10**6))


def with_pillow(sink: BinaryIO) -> None:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (1000, 1500), np.uint8)
    Image.fromarray(noise).save(sink, format="PNG", compress_level=1)


def with_matplotlib(sink: BinaryIO) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 12), dpi=100)
    figure.figimage(np.random.default_rng(0).random((1200, 1200)))
    figure.savefig(sink, format="png")


def with_torch_export(sink: BinaryIO) -> None:
    program = torch.export.export(torch.nn.Linear(1000, 1000), (torch.zeros(2, 1000),))
    torch.export.save(program, sink)


WRITERS = (
    with_torch, with_safetensors, with_numpy, with_pillow, with_matplotlib, with_torch_export,
)  # fmt: skip


@pytest.mark.parametrize("write", WRITERS)
def test_every_library_meets_a_full_disk_as_the_systems_error(
    write: Callable[[BinaryIO], None], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", "1m") as folder:
        write_whole(folder / "kept", "β")
        with (
            pytest.raises(OSError, match="No space left") as full,
            opened_whole(folder / "kept") as sink,
        ):
            write(sink)
        assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(folder / "kept"))
        assert [path.read_text(encoding="utf-8") for path in folder.iterdir()] == ["β"]
        del full
        gc.collect()  # a writer that is half done writes on when it is collected


def test_a_text_meets_it_too(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "64k") as folder:
        with pytest.raises(OSError, match="No space left"):
            write_whole(folder / "page.html", "x" * 10**6)
        assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    assert can_write(folder / "report" / "pictures")
    with read_only(folder):
        assert not can_write(folder)
        assert not can_write(folder / "report" / "pictures")
        with pytest.raises(OSError, match="theirs/x") as refused:
            write_whole(folder / "x", "")
        assert refused.value.errno in (errno.EROFS, errno.EACCES)
