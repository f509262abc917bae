"""Files that appear under their names whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from betafront.errors import UserError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


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
        if error.errno is not None and error.filename in (None, str(part)):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # where the disk is read-only now, what was raised says so
            part.unlink(missing_ok=True)


@contextmanager
def opened_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write bytes into, which appears at `path` once all of it is written.

    For libraries, which are to be given this and not the path of the file: on a full disk some have
    errors of their own, some have none, and torch, which closes its file once more when the error
    is dealt with, ends the process.

    Args:
        path: of the file; its folder is there.

    Raises:
        OSError: as `written_whole` does.
    """
    with written_whole(path) as part:
        kept = _Sink(part)
        try:
            with BufferedWriter(kept) as sink:
                yield sink
        except Exception as error:
            if kept.error is not None:
                raise kept.error from error
            raise
        if kept.error is not None:
            raise kept.error


class _Sink(FileIO):
    """A file that takes whatever is written into it, so that no library meets an error.

    Attributes:
        error: the first one of the operating system; nothing is written from there on.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w")
        self.error: OSError | None = None

    def write(self, data: "Buffer", /) -> int:
        size = memoryview(data).nbytes
        if self.error is None:
            try:
                return super().write(data) or 0
            except OSError as error:
                self.error = error
        self.seek(size, os.SEEK_CUR)
        return size


def can_write(folder: Path) -> bool:
    """Whether files can be made in `folder`, or in the nearest folder above it that is there: it
    may lack the permission, or be on a disk that is read-only, by root neither."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return os.access(place, os.W_OK | os.X_OK)


def check_target(path: Path) -> None:
    """Refuse a path to which no file can be written, before anything is measured.

    Raises:
        UserError: with the reason.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"{path} cannot be written: permission denied")


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
