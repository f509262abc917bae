"""The picture files below a folder."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from betafront.errors import UserError, near_path

PICTURES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm",
    ".jp2",
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """Picture files below a folder, in the order of their names.

    Attributes:
        root: the folder.
        files: their paths below it, with slashes.
        state: bytes and time of the last change of each, by which a changed folder is known.
    """

    root: Path
    files: tuple[str, ...]
    state: tuple[tuple[int, int], ...]

    def only(self, numbers: Sequence[int]) -> "Listing":
        """Those of these numbers, in their order."""
        files = tuple(self.files[i] for i in numbers)
        return Listing(self.root, files, tuple(self.state[i] for i in numbers))


def pictures_below(path: str) -> Listing:
    """The picture files below `path`, known by the endings of their names, without hidden ones.

    Raises:
        UserError: there is no such folder, or no picture in it.
    """
    if not isinstance(path, str) or not path:
        raise UserError(f"data.path is the path of a folder of pictures, not {path!r}")
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UserError(f"data.path: {_no_folder(root)}")
    found, others = dict[str, tuple[int, int]](), list[str]()
    try:
        every = list(_files(root))
    except OSError as error:
        raise UserError(
            f"data.path: {error.filename or root} cannot be looked into ({error.strerror}): give "
            "yourself the right to read it, or move it out of the folder"
        ) from error
    for name, entry in every:
        if Path(name).suffix.lower() not in PICTURES:
            others.append(name)
            continue
        try:
            state = entry.stat()
            found[name] = (state.st_size, state.st_mtime_ns)
        except OSError:  # a link that leads nowhere: named when it cannot be read
            found[name] = (-1, -1)
    if not found:
        holds = f"; of {len(others):,} other files the first is {min(others)}" if others else ""
        raise UserError(
            f"data.path: there is no picture in {root} or below it (PNG, JPEG, TIFF, WebP, …)"
            f"{holds}: name the folder that holds the pictures"
        )
    names = tuple(sorted(found))
    return Listing(root, names, tuple(found[name] for name in names))


def _files(root: Path) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """The files below a folder, through links, each folder once, the same one of several ways to it
    on every machine; without hidden ones.

    Raises:
        OSError: a folder cannot be read.
    """
    todo, seen = [""], set[tuple[int, int]]()
    while todo:
        place = todo.pop()
        state = (root / place).stat()
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        with os.scandir(root / place) as entries:
            for entry in sorted(entries, key=attrgetter("name")):
                name = f"{place}/{entry.name}" if place else entry.name
                if entry.name.startswith((".", "__MACOSX")):
                    continue
                if _is_folder(entry):
                    todo.append(name)
                else:
                    yield name, entry


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _no_folder(path: Path) -> str:
    if path.exists():
        return (
            f"{path} is a file: name the folder that holds the pictures (one file of arrays is "
            "read by data=tensor)"
        )
    above = path.absolute().parent
    if not above.is_dir():
        return f"there is no folder {path}, nor {above}"
    beside = [entry.name for entry in above.iterdir() if entry.is_dir()]
    return f"there is no folder {path} in {above}: {near_path(path, beside)}"
