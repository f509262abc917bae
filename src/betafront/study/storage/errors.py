"""A database's errors, in one line with the way out."""

import sqlite3
from traceback import walk_tb

from betafront.errors import one_line

ELSEWHERE = "set BETAFRONT_RUNS to a folder that can be written"
# The way out by the beginning of SQLite's own name of an error; the first that fits is taken.
OF_SQLITE = {
    "SQLITE_BUSY": "another program holds it: end that program, or wait for it",
    "SQLITE_LOCKED": "another program holds it: end that program, or wait for it",
    "SQLITE_READONLY": f"allow writing with chmod u+w, or {ELSEWHERE}",
    "SQLITE_CANTOPEN": f"see that it is a file in a folder that can be written, or {ELSEWHERE}",
    "SQLITE_PERM": f"see who may read and write it, or {ELSEWHERE}",
    "SQLITE_NOTADB": "move that file away, or set BETAFRONT_RUNS to another folder",
    "SQLITE_CORRUPT": "restore a copy, or save what is left with `sqlite3 FILE .recover`",
    "SQLITE_FULL": f"free some space, or {ELSEWHERE}",
    "SQLITE_IOERR": f"see that the disk works and has space, or {ELSEWHERE}",
}
# The way out by words of libpq, psycopg or the server; the first that an error contains are taken.
OF_POSTGRESQL = {
    "lock timeout": "another process has been making the tables for a minute: end it",
    "password": "check USER and PASSWORD, with % : / and @ written as %25 %3A %2F and %40",
    "does not exist": "check its name, or make it (`createdb`, `createuser`)",
    "resolve host": "check HOST",
    "refused": "check HOST and PORT, and that the server listens there for this machine",
    "timeout": "check HOST and PORT, and that no firewall stands between",
    "pg_hba.conf": "let this machine in there",
    "SSL": "add ?sslmode=… as the server wants it",
    "too many": "let fewer workers run, or raise the server's max_connections",
    "slots": "let fewer workers run, or raise the server's max_connections",
    "permission denied": "the user must be allowed to make tables (GRANT CREATE ON SCHEMA public)",
    "read-only": "name the server that takes writes",
}

# Words of errors that waiting does not mend. They are whole phrases, since the error of a lost
# connection may also contain the word SSL or password.
SETTINGS = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "does not support SSL",
    "certificate",
    "permission denied",
)


def refusal(error: BaseException, shown: str) -> str:
    """The line that tells the user why a database cannot be opened.

    Args:
        error: of SQLite, or of SQLAlchemy or Optuna with the driver's as its cause.
        shown: the address, without its password.
    """
    return f"the studies at {shown} cannot be opened: {_with_way_out(of_driver(error))}"


def in_a_line(error: BaseException) -> str:
    """A database's error in one line with the way out; any other error in one line."""
    cause = of_driver(error)
    return one_line(error) if cause is error else _with_way_out(cause)


def of_database(error: BaseException) -> str | None:
    """A database's error in one line with the way out; None where it is another error."""
    cause = of_driver(error)
    if _is_of_rows(error):
        found = f"a row of it is damaged ({one_line(error)[:100]}): {OF_SQLITE['SQLITE_CORRUPT']}"
    elif cause is error and not isinstance(error, sqlite3.Error):
        return None
    else:
        found = _with_way_out(cause)
    return f"the database of the studies cannot be read or written: {found}"


def _is_of_rows(error: BaseException) -> bool:
    """Whether an error is of a text in a row, which is not the JSON that it was written as."""
    readers = ("optuna.", "betafront.study.storage.")
    modules = (str(f.f_globals.get("__name__")) for f, _ in walk_tb(error.__traceback__))
    return isinstance(error, ValueError) and any(name.startswith(readers) for name in modules)


def of_driver(error: BaseException) -> BaseException:
    """The driver's own error, from which SQLAlchemy's or Optuna's was raised; any other error as it
    is."""
    from sqlalchemy.exc import DBAPIError

    at: BaseException | None = error
    while at is not None:
        if isinstance(at, DBAPIError) and at.orig is not None:
            return at.orig
        at = at.__cause__
    return error


def _with_way_out(cause: BaseException) -> str:
    reason = _reason(cause)
    return f"{reason}: {_way_out(cause, reason)}"


def _reason(cause: BaseException) -> str:
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return lines[0].removeprefix("connection failed: ")


def _way_out(cause: BaseException, reason: str) -> str:
    name = getattr(cause, "sqlite_errorname", None)
    if name is None and isinstance(cause, sqlite3.Error):  # of Python's reader, as of a text
        name = "SQLITE_CORRUPT"
    if name is not None:
        return next((way for start, way in OF_SQLITE.items() if name.startswith(start)), ELSEWHERE)
    found = (way for words, way in OF_POSTGRESQL.items() if words in reason)
    return next(found, "check the address")


def is_of_settings(error: BaseException) -> bool:
    """Whether a PostgreSQL server, or the address, is set up wrong, which waiting does not mend."""
    return any(words in str(of_driver(error)) for words in SETTINGS)


def driver_missing(error: ImportError) -> str:
    """The line that tells the user that a database's driver is not installed."""
    reason = one_line(error.__cause__ or error)
    return f"PostgreSQL needs its driver ({reason}): pip install 'betafront[postgres]'"
