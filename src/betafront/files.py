"""Files that appear under their names whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Where to write what is to appear at `path`, once all of it is written.

    The temporary file lies beside `path`, so that the final step is a rename, and bears the number
    of the process, so that two writers do not meet. It is removed where writing fails.

    Args:
        path: of the file; its folder is there.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
