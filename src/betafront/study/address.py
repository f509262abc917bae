"""Where a storage is: an address that a person wrote, and the same without its secrets."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import URL

SQLITE = "sqlite:///"
VARIABLE = "BETAFRONT_STORAGE"
FROM_ENVIRONMENT = f"${VARIABLE}"  # stays in configurations and workers' files in place of a secret
FORMS = f"write {SQLITE}FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql+psycopg2": "postgresql+psycopg",  # as Optuna's guide writes it
}


def looked_up(url: str) -> str:
    """`url`, or what the environment says where it is `$BETAFRONT_STORAGE`.

    Raises:
        UserError: the variable is not set.
    """
    if url != FROM_ENVIRONMENT:
        return url
    if not (value := os.environ.get(VARIABLE)):
        raise UserError(
            f"storage=postgres reads its address from {VARIABLE}, which is not set: "
            f"export {VARIABLE}=postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    return value


def sqlite_path(url: str) -> Path | None:
    """The file that `url` names, if it names one."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def server_url(url: str) -> "URL":
    """A PostgreSQL address with the driver that betafront uses.

    Raises:
        UserError: it is none, or it cannot be parsed. What was written is shown without its
            password alone.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    scheme, _, rest = url.partition("://")
    if not rest:
        raise UserError(f"'{masked(url)}' is no address of a storage: {FORMS}")
    if scheme not in DRIVERS:
        raise UserError(f"betafront keeps no studies in '{scheme}': {FORMS}")
    try:
        found = make_url(f"{DRIVERS[scheme]}://{rest}")
    except (ArgumentError, ValueError) as error:
        raise UserError(f"{masked(url)} cannot be parsed: {FORMS}") from error
    if "@" in (found.host or ""):
        raise UserError(f"{masked(url)} cannot be parsed: write an @ in a password as %40")
    return found


def masked(url: str) -> str:
    """`url` without its password, also where it cannot be parsed.

    >>> masked("postgresql://me:secret@host/studies?password=secret")
    'postgresql://me:***@host/studies?password=***'
    """
    url = re.sub(r"(://[^:/@]*|^(?!\w[\w+]*://)[^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"((?:^|[?&])\w*password=)[^&]*", r"\1***", url, flags=re.IGNORECASE)
