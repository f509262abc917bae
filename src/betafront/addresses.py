"""Where a storage or a tracking server is: an address that a person wrote, and the same without its
secrets."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from sqlalchemy import URL

SQLITE = "sqlite:///"
RUNS = "BETAFRONT_RUNS"
VARIABLE = "BETAFRONT_STORAGE"
TRACKING = "MLFLOW_TRACKING_URI"
# These stay in configurations, workers' files and the storage in place of what may be a secret.
FROM_ENVIRONMENT = f"${VARIABLE}"
TRACKING_FROM_ENVIRONMENT = f"${TRACKING}"
# What stands for a variable, to the choice that reads it and the form of what it holds.
READ_BY = {
    FROM_ENVIRONMENT: ("storage=postgres", "postgresql://USER:PASSWORD@HOST/DATABASE"),
    TRACKING_FROM_ENVIRONMENT: ("tracking=server", "http://HOST:5000"),
}
# What a configuration must not say itself, to where it belongs.
WITHOUT_PASSWORD = {
    "storage.url": f"export {VARIABLE}=…, and choose storage=postgres",
    "tracking.uri": "export MLFLOW_TRACKING_USERNAME=… and MLFLOW_TRACKING_PASSWORD=…, and leave "
    "both out of the address",
}
FORMS = f"write {SQLITE}FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql+psycopg2": "postgresql+psycopg",  # as Optuna's guide writes it
}


def runs_folder() -> Path:
    """The folder below which every command writes: `BETAFRONT_RUNS`, or `./runs`."""
    return Path(os.environ.get(RUNS, "runs")).absolute()


def looked_up(address: str) -> str:
    """`address`, or what the environment says where it is `$BETAFRONT_STORAGE` or
    `$MLFLOW_TRACKING_URI`.

    Raises:
        UserError: the variable is not set.
    """
    if address not in READ_BY:
        return address
    variable = address.removeprefix("$")
    if not (value := os.environ.get(variable)):
        choice, form = READ_BY[address]
        raise UserError(
            f"{choice} reads its address from {variable}, which is not set: "
            f"export {variable}={form}"
        )
    return value


def refuse_passwords(config: "DictConfig") -> None:
    """Refuse a password in an address of a configuration.

    Raises:
        UserError: it has one, which is not shown.
    """
    from omegaconf import OmegaConf

    for key, way_out in WITHOUT_PASSWORD.items():
        address = str(OmegaConf.select(config, key))
        if masked(address) != address:
            raise UserError(
                f"{key} holds a password, and every user of a machine sees its command lines: "
                f"{way_out}"
            )


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
