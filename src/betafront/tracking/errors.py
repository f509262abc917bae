"""Errors of MLflow as one line for a user, with the way out."""

import http.client
import os
import sqlite3
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from betafront.addresses import RUNS, SQLITE
from betafront.errors import UserError, machine_fault, one_line, os_error
from betafront.files import can_write
from betafront.study.storage.errors import of_driver
from betafront.tracking.address import PASSWORD, USERNAME, path_of

ANSWER_SECONDS = 5.0  # MLflow's own calls wait longer, and repeatedly
DAMAGED = (
    "put back a copy of the file, or move it away: then `betafront sync` writes the runs of a "
    "study again, but no registered models"
)
UNREACHABLE = "check the address, and that the server runs and can be reached from here"


@contextmanager
def as_user_error(uri: str, what: str = "") -> Iterator[None]:
    """A context that raises the errors of MLflow as a UserError.

    Args:
        uri: with which MLflow was opened, without a password.
        what: the beginning of the message, before MLflow is named.

    Raises:
        UserError: MLflow cannot be reached, read or written.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:  # artifacts raise the last
        if (fault := machine_fault(error)) is not None:
            reason = os_error(fault)
        elif isinstance(cause := of_driver(error), sqlite3.Error):
            reason = _of_file(cause)
        else:
            reason = _reason(error)
        raise UserError(f"{what}MLflow at {uri}: {reason}") from error


def check_answers(uri: str) -> None:
    """Check in a few seconds that a server answers, before MLflow waits minutes for it.

    Any answer counts: a proxy may not pass MLflow's `/health` on.

    Raises:
        UserError: it does not answer.
    """
    if uri.startswith(SQLITE):
        return
    try:
        urllib.request.urlopen(f"{uri}/health", timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError:
        return
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLError):  # MLflow has settings of its own for certificates
            return
        raise UserError(
            f"MLflow at {uri} does not answer ({str(reason) or 'it hung up'}): {UNREACHABLE}"
        ) from error


def check_can_write(uri: str) -> None:
    """Check that the file of MLflow can be written, if the address is one: MLflow's own error is a
    traceback, or comes after a minute.

    Raises:
        UserError: it cannot.
    """
    if is_read_only(uri):
        path = path_of(uri)
        raise UserError(
            f"MLflow's record at {path} cannot be written: allow writing, or copy {path.parent} "
            f"and name the copy in {RUNS}"
        )


def is_read_only(uri: str) -> bool:
    """Whether the address is one of a file that cannot be written, or not be made."""
    if not uri.startswith(SQLITE):
        return False
    path = path_of(uri)
    return not can_write(path.parent) or (path.exists() and not os.access(path, os.W_OK))


def _reason(error: Exception) -> str:
    line, status = one_line(error)[:200], _status(error)
    if status == 401:
        if os.environ.get(USERNAME) and os.environ.get(PASSWORD):
            return f"it does not know the user and password in {USERNAME} and {PASSWORD}"
        return f"it asks for a user and a password: export {USERNAME}=… and {PASSWORD}=…"
    if status == 403 and "Host" in line:
        return f"{line}: start the server with --allowed-hosts and the name in the address"
    if status == 403:
        return f"{line}: the user in {USERNAME} may not do this"
    if "failed with exception" in line or "timeout exception" in line:
        return f"it does not answer: {UNREACHABLE}"
    return line


def _of_file(error: sqlite3.Error) -> str:
    """The reason of an error of SQLite's; what is damaged has no kind of its own there."""
    said = one_line(error)[:200]
    return f"{said}: {DAMAGED}" if type(error) is sqlite3.DatabaseError else said


def _status(error: Exception) -> int | None:
    """The HTTP status of an answer to a call, or to the transfer of a file; None without one."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return int(error.get_http_status_code())
    status = getattr(getattr(error, "response", None), "status_code", None)
    return None if status is None else int(status)
