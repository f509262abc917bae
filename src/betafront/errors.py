"""The errors that are a user's to mend: one clear line, a way out, a non-zero exit."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in what the user gave (a key, a file, a folder, a budget).

    The message is one line that names the cause and the way out; the command line prints it
    without a traceback and exits with status 2.
    """


def os_error(error: OSError) -> str:
    """An operating system's refusal in one line."""
    if error.filename is not None:
        return f"cannot write {error.filename}: {error.strerror}"
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space; the same command goes on"
    return one_line(error)


def one_line(error: BaseException) -> str:
    """The message of an error without its line breaks."""
    return " ".join(str(error).split())


def near_miss(word: str, known: Iterable[str]) -> str:
    """The ending of an error about an unknown `word`: the nearest known one, or all of them.

    >>> near_miss("summ", ["sum", "mean"])
    "did you mean 'sum'?"
    >>> near_miss("geometric", ["sum", "mean"])
    'known: mean, sum'
    """
    known = sorted(known)
    small = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), small, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{small[close[0]]}'?"
    return f"known: {', '.join(known)}" if known else "there is none"
