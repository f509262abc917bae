"""Files that appear under their names whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Where to write what is to appear at `path`, once all of it is written.

    The temporary file lies beside `path`, so that the final step is a rename, and bears the number
    of the process, so that two writers do not meet. It is removed where writing fails.

    Args:
        path: of the file; its folder is there.

    Raises:
        OSError: of the operating system, with `path` as its `filename`.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.filename in (None, str(part), part):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # where the disk is read-only now, what was raised says so
            part.unlink(missing_ok=True)


@contextmanager
def opened_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write bytes into, which appears at `path` once all of it is written.

    Libraries that are given the path of a file write it in other languages than Python, and tell a
    full disk in errors of their own, or not at all. Given this, they cannot: it is Python that
    writes, and raises an OSError.

    Args:
        path: of the file; its folder is there.

    Raises:
        OSError: as `written_whole` does.
    """
    with written_whole(path) as part, part.open("wb") as sink:
        yield sink


def can_write(folder: Path) -> bool:
    """Whether files can be made in `folder`, or in the nearest folder above it that is there: it
    may lack the permission, or be on a disk that is read-only, by root neither."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return os.access(place, os.W_OK | os.X_OK)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Have the file `source` at `target` too: as a second name of it, or as a copy where the disk
    has no such names. Only for files that are always written whole, so that what is written under
    one of the names later does not change the other."""
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def remove_parts(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` have left beside it; only
    where no other process writes the file."""
    for part in path.parent.glob(f"{escape(path.name)}.*.part"):
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file (UTF-8) that appears under its name whole or not at all."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
