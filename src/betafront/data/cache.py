"""The user's cache: what can be made again, and is kept because that takes a while."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from betafront.files import written_whole


def home() -> Path:
    """Our folder in the user's cache; of one without a home, in the folder for temporary files."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # no HOME, and an account that the system does not know, as in containers
        return Path(tempfile.gettempdir()) / f"betafront-{os.getuid()}"
    return cache / "betafront"


def kept(file: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The array of `file` in the cache, or else that of `make()`, which is then kept there.

    An archive has a checksum, so a damaged file is seen and made anew. It appears under its name
    only when it is whole. A cache that cannot be written is done without.
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
        with written_whole(path) as part, part.open("wb") as sink:
            np.savez_compressed(sink, array=array)
    return array
