"""Reading a file of SQLite's without writing beside it, as where its folder is read-only.

In WAL mode SQLite makes two files beside a database (`-wal`, `-shm`) whoever opens it. Where it
cannot, it opens nothing, although all that is to be read is there.
"""

import shutil
import sqlite3
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

UNMERGED = ("-wal", "-journal")  # files with changes that are not in the database yet
TRIES = 5  # at a copy, while another process writes
BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")

State = tuple[tuple[int, int], ...]


def opens(path: Path, seconds: float) -> bool:
    """Whether SQLite can open a file as it does by default.

    Args:
        path: of the file.
        seconds: to wait for another process.

    Raises:
        sqlite3.Error: it cannot, and `connected` cannot either.
    """
    try:
        _opened(path, "mode=rw", seconds).close()
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            raise
        return False
    return True


def connected(path: Path, seconds: float) -> sqlite3.Connection:
    """A connection for reading alone.

    It is to the file itself where SQLite can open that, or can where it takes the file for one that
    does not change; where there are changes that are not merged into the file, it is to a copy
    among the temporary files, into which they are merged.

    Args:
        path: of the file.
        seconds: to wait for another process.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    try:
        return _opened(path, "mode=rw", seconds)
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            raise
        try:
            if any(map(_size, _unmerged(path))):
                return _opened(_copied(path.resolve(), _state(path)).path, "mode=rw", seconds)
            return _opened(path, "mode=ro&immutable=1", seconds)
        except (sqlite3.OperationalError, OSError):
            raise error from None


def _opened(path: Path, how: str, seconds: float) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?{how}"
    connection = sqlite3.connect(address, timeout=seconds, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorname.startswith(BUSY)


class _Copy:
    """A copy of a database with its unmerged files, which is gone with this object."""

    def __init__(self, source: Path) -> None:
        self._folder = TemporaryDirectory(prefix="betafront-")
        self.path = Path(self._folder.name) / source.name
        for _ in range(TRIES):
            before = _state(source)
            for file in (source, *_unmerged(source)):
                target = self.path.with_name(file.name)
                target.unlink(missing_ok=True)
                if file.is_file():
                    shutil.copyfile(file, target)
            if _state(source) == before:
                return


@lru_cache(maxsize=2)
def _copied(path: Path, state: State) -> _Copy:
    """The copy of a file that is in this state."""
    return _Copy(path)


def _unmerged(path: Path) -> list[Path]:
    beside = path.resolve()  # SQLite looks beside the file that a link stands for
    return [beside.with_name(beside.name + ending) for ending in UNMERGED]


def _state(path: Path) -> State:
    there = [file.stat() for file in (path, *_unmerged(path)) if file.is_file()]
    return tuple((found.st_size, found.st_mtime_ns) for found in there)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
