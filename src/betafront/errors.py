"""The errors that are a user's to mend (one clear line, a way out, a non-zero exit), and the faults
of a machine, which are nobody's run to blame for."""

import errno
import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
# Errors of the machine and not of what is run on it: whatever comes next would meet them too.
OF_MACHINE = (
    *FULL, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOLCK,
)  # fmt: skip


class UserError(Exception):
    """A mistake in what the user gave (a key, a file, a folder, a budget).

    The message is one line that names the cause and the way out; the command line prints it
    without a traceback and exits with status 2.
    """


def os_error(error: OSError) -> str:
    """An operating system's refusal in one line."""
    if error.errno in FULL:
        lacks = "" if error.filename is None else f" (it could not write {error.filename})"
        return f"{FULL[error.errno]}: free some space, and the same command goes on{lacks}"
    if error.filename is not None:
        return f"cannot write {error.filename}: {error.strerror}"
    return one_line(error)


def machine_fault(error: BaseException) -> OSError | None:
    """The fault of the machine that an error is, or came from: a disk that is full, read-only,
    broken or gone, a quota or a number of open files that is used up. None for any other error.

    Libraries that are written in other languages than Python have errors of their own (safetensors,
    torch, SQLite), which say the fault in words or by a name.
    """
    return next(filter(None, map(_fault, _with_causes(error))), None)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen:
        yield at
        seen.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _fault(error: BaseException) -> OSError | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error if error.errno in OF_MACHINE else None
    if getattr(error, "sqlite_errorname", None) == "SQLITE_FULL":
        return _of_number(errno.ENOSPC)
    said = str(error)
    numbers = (int(number) for number in re.findall(r"os error (\d+)", said))  # as Rust has it
    in_words = (number for number in OF_MACHINE if os.strerror(number) in said)
    return next((_of_number(n) for n in (*numbers, *in_words) if n in OF_MACHINE), None)


def _of_number(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def one_line(error: BaseException) -> str:
    """The message of an error without its line breaks."""
    return " ".join(str(error).split())


def near_miss(word: str, known: Iterable[str]) -> str:
    """The ending of an error about an unknown `word`: the nearest known one, or all of them.

    >>> near_miss("summ", ["sum", "mean"])
    "did you mean 'sum'?"
    >>> near_miss("geometric", ["sum", "mean"])
    'known: mean, sum'
    >>> near_miss("sum", [])
    'there is no other'
    """
    known = sorted(known)
    small = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), small, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{small[close[0]]}'?"
    return f"known: {', '.join(known)}" if known else "there is no other"


def near_path(path: Path, names: Iterable[str]) -> str:
    """As `near_miss`, for a file or folder that is not there: the nearest one beside it is named as
    the missing one was, so that it can be copied.

    >>> near_path(Path("../pictrues"), ["pictures", "notes"])
    "did you mean '../pictures'?"
    """
    names = list(names)
    said = near_miss(path.name, names)
    for name in names:
        if said == f"did you mean '{name}'?":
            return f"did you mean '{path.with_name(name)}'?"
    return said
