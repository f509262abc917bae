"""The user's cache: what can be made again, and is kept because making it is slow.

Whenever a file is added, those that no process has used for `UNUSED` are removed.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from filelock import FileLock
from numpy.typing import NDArray

from betafront.files import opened_whole, remove_parts

UNUSED = 30 * 24 * 3600
"""Seconds after which a file that nothing has used is removed."""


def home() -> Path:
    """The folder of betafront in the user's cache; where the user has no home, as the accounts of
    containers may not, a folder among the temporary files."""
    try:
        return platformdirs.user_cache_path("betafront", appauthor=False)
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"betafront-{os.getuid()}"


def cached(file: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The array of `file` in the cache, or else that of `make()`, which is then kept there.

    An archive has a checksum, so a damaged file is noticed and replaced. A file appears under its
    name only when all of it is written. Where the cache cannot be written, nothing is kept.
    """
    path = home() / file
    use(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            found: NDArray[Any] = archive["array"]
            return found
    except Exception:  # not there yet, or damaged, which makes the reader raise almost anything
        pass
    array = make()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened_whole(path) as sink:
            np.savez_compressed(sink, array=array)
        remove_unused()
    return array


def use(*paths: Path) -> None:
    """Note that files of the cache are used, as their times of change: some file systems keep no
    others. To be called before they are opened, so that they stay for whoever finds them."""
    for path in paths:
        with suppress(OSError):  # not there, or in a cache that others fill
            os.utime(path)


def remove_unused() -> None:
    """Remove the files that nothing has used for `UNUSED`, and what killed processes left of files
    that nobody asked for again.

    Processes that share the cache are not disturbed: an open file stays until it is closed, and
    one that is gone is made again.
    """
    with suppress(OSError):  # a folder is gone, or cannot be looked into
        for path in home().rglob("*"):
            with suppress(OSError):  # another process has removed it
                if path.is_file() and time.time() - path.stat().st_mtime > UNUSED:
                    path.unlink()


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """A context in which no other process of this machine makes `path`: the others wait, and look
    for it then. What was left by a process that was killed in such a context is removed first.

    Args:
        path: of a file in the cache, whose folder is made.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        use(Path(f"{path}.lock"))
        remove_parts(path)
        yield
    remove_unused()
