"""The address of MLflow: a file below the runs, or a tracking server."""

import os
import sys
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from betafront.addresses import SQLITE, TRACKING, TRACKING_FROM_ENVIRONMENT, looked_up, masked
from betafront.errors import UserError
from betafront.study.spec import Spec
from betafront.study.stored.known import is_known_tracking

USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
DATABASES = ("postgres", "mysql", "mssql")
FORMS = f"write http://HOST:5000 or {SQLITE}FILE"


def beside(runs: Path) -> str:
    """The address of the MLflow file in a folder of runs."""
    return f"{SQLITE}{runs / 'mlflow.db'}"


def path_of(uri: str) -> Path:
    """The MLflow file of an address with which MLflow is opened."""
    return Path(uri.removeprefix(SQLITE))


def uri_of(spec: Spec) -> str:
    """The address at which a study is recorded: its server, else the file beside its runs (which
    may have been moved, or made with tracking off).

    Others may have written the storage that names the server. One that is not known to be this
    user's is not asked: the record is then that of MLFLOW_TRACKING_URI, else the file.

    Raises:
        UserError: as `opened` does.
    """
    uri, file = str(spec.tracking.get("uri", SQLITE)), beside(Path(spec.folder).parent)
    if uri.startswith(SQLITE):
        return file
    if is_known_tracking(uri):
        return opened(uri)
    own = opened(TRACKING_FROM_ENVIRONMENT) if os.environ.get(TRACKING) else file
    _say(
        f"The storage of {spec.name} has its record at {masked(uri)}, which none of your sweeps "
        f"has named: {own} is used. If that server is yours: export {TRACKING}={masked(uri)}"
    )
    return own


@lru_cache
def _say(line: str) -> None:
    """Print a line for the user, once."""
    print(line, file=sys.stderr)


def opened(uri: str) -> str:
    """The address with which MLflow is opened, without secrets.

    A variable of the environment is looked up, and the path of a file made absolute: MLflow's own
    default depends on the current folder. A user's name and password are moved from the address
    into the variables in which MLflow looks for them, in this process's environment: as a part of
    the address they would stand in each of MLflow's errors.

    Args:
        uri: `sqlite:///FILE`, `http://HOST:PORT`, or `$MLFLOW_TRACKING_URI`.

    Raises:
        UserError: the variable is not set, or the address is not one of MLflow's.
    """
    found = looked_up(uri)
    if found.startswith(SQLITE):
        return f"{SQLITE}{Path(found.removeprefix(SQLITE)).absolute()}"
    if found.startswith(DATABASES):
        raise UserError(
            f"betafront writes to MLflow's server, not to its database at {masked(found)}: "
            "`mlflow server --backend-store-uri …` starts one, and its address is http://HOST:5000"
        )
    if not found.startswith(("http://", "https://")):
        raise UserError(f"betafront keeps no record in '{masked(found)}': {FORMS}")
    return _without_credentials(found.rstrip("/"))


def _without_credentials(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:  # its message holds parts of the address
        raise _unparsed(address) from None
    credentials, _, host = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=host).geturl()
    if "@" in bare or not host:  # a part of a password may have been taken for a path
        raise _unparsed(address)
    username, _, password = map(unquote, credentials.partition(":"))
    written = {USERNAME: username, PASSWORD: password}
    os.environ.update({name: value for name, value in written.items() if value})
    return bare


def _unparsed(address: str) -> UserError:
    return UserError(
        f"{masked(address)} cannot be parsed: put the password into {PASSWORD}, or write / ? # [ ] "
        "and @ in it as %2F %3F %23 %5B %5D and %40"
    )
