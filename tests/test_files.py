"""Files appear whole or not at all, and what a killed writer left is removed."""

from pathlib import Path

import pytest

from betafront.files import remove_parts, write_whole, written_whole


def test_a_file_keeps_its_content_where_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_whole(path, "β")
    with pytest.raises(OSError, match="full"), written_whole(path) as part:
        part.write_text("half")
        raise OSError("the disk is full")
    assert path.read_text(encoding="utf-8") == "β"
    assert list(tmp_path.iterdir()) == [path]


def test_parts_of_killed_writers_are_removed_and_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint[1].ckpt"
    others = [path, tmp_path / "other.ckpt.7.part", tmp_path / "checkpoint[1].ckpt.best"]
    for file in (*others, tmp_path / "checkpoint[1].ckpt.4711.part"):
        file.write_text("")
    remove_parts(path)
    assert set(tmp_path.iterdir()) == set(others)
