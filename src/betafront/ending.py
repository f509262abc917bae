"""How a command ends that cannot go on: a line, or JSON, and the exit status."""

import sys
from typing import NoReturn

from betafront.errors import machine_fault, one_line, os_error
from betafront.own_modules import cause, users_place


class Interrupted(Exception):
    """Ctrl-C, as an error that typer passes on."""


def said_of(error: Exception) -> tuple[str, int]:
    """The line and the exit status for an error that nobody has made a line of."""
    if worded := getattr(error, "format_message", None):  # a wrong option, where typer raises it
        return str(worded()), 2
    if (fault := machine_fault(error)) is not None:
        return os_error(fault), 2
    from betafront.study.storage.errors import of_database

    if of_store := of_database(error):
        return of_store, 2
    if isinstance(error, OSError):
        line = os_error(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        return line, 2
    if users_place(error):
        return f"{cause(error)} (BETAFRONT_DEBUG=1 shows the calls)", 2
    line = one_line(error)[:300]
    return f"unexpected {type(error).__name__}: {line} (BETAFRONT_DEBUG=1 shows where)", 1


def end(line: str, status: int, as_json: bool) -> NoReturn:
    """End the program with a line on what was wrong; as JSON on the standard output where the
    command was asked for JSON."""
    if as_json:
        from betafront.terminal import print_json

        print_json({"error": line})
    else:
        print(f"betafront: {line}", file=sys.stderr)
    sys.exit(status)
