"""Files appear whole or not at all, and what a killed writer left is removed."""

from pathlib import Path

import pytest

from betafront.files import link_or_copy, remove_parts, write_whole, written_whole


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
