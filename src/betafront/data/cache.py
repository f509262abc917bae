"""The user's cache: arrays that can be made again, and are kept because making them is slow."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from filelock import FileLock
from numpy.typing import NDArray

from betafront.files import opened_whole, remove_parts


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
    return array


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
        remove_parts(path)
        yield
