"""Where studies are kept: Optuna's relational storage, opened safely."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from betafront.errors import UserError, near_miss, os_error

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage

SQLITE = "sqlite:///"
BUSY_SECONDS = 60  # to wait for another process's transaction


@dataclass(frozen=True)
class Storage:
    """Two ways to one database.

    Attributes:
        url: its address, with its password.
        reads: never waits for a writer.
        writes: begins every transaction with the write lock in hand, so that what it reads in one
            still holds when it writes. On PostgreSQL, which locks rows, it is the same as `reads`.
    """

    url: str
    reads: "RDBStorage"
    writes: "RDBStorage"


def open_storage(url: str, create: bool = False) -> Storage:
    """The storage at `url`.

    SQLite is put into WAL mode with `synchronous=NORMAL` (a killed process loses nothing). The
    tables are made under a file lock, since two processes that make them at once both fail.

    Args:
        url: an SQLAlchemy address.
        create: make the file and its folder where they are missing.

    Raises:
        UserError: there is no such storage, or it cannot be opened or written.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        if not url.startswith(SQLITE):
            storage = optuna.storages.RDBStorage(url)
            return Storage(url, storage, storage)
        path = Path(url.removeprefix(SQLITE))
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise UserError(f"there are no studies in {path.parent}: `betafront sweep` makes one")
        with FileLock(f"{path}.lock"):
            return Storage(url, _sqlite(path, "BEGIN"), _sqlite(path, "BEGIN IMMEDIATE"))
    except OSError as error:
        raise UserError(os_error(error)) from error
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(f"the studies at {masked(url)} cannot be opened: {reason}") from error


def _sqlite(path: Path, begin: str) -> "RDBStorage":
    """The file, with every transaction begun by `begin`."""
    import optuna
    from sqlalchemy import event

    settings = {"connect_args": {"timeout": BUSY_SECONDS}}
    storage = optuna.storages.RDBStorage(f"{SQLITE}{path.absolute()}", engine_kwargs=settings)

    @event.listens_for(storage.engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, below

    @event.listens_for(storage.engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    storage.engine.dispose()  # the connections made so far lack the two hooks
    return storage


def masked(url: str) -> str:
    """`url` without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def study_names(storage: Storage) -> list[str]:
    """The studies there are, oldest first."""
    import optuna

    return list(optuna.get_all_study_names(storage.reads))


def load_study(storage: Storage, name: str) -> "Study":
    """The study called `name`, to be read.

    Raises:
        UserError: there is none; the near miss is named.
    """
    import optuna

    names = study_names(storage)
    if name not in names:
        raise UserError(f"there is no study '{name}': {near_miss(name, names)}")
    return optuna.load_study(study_name=name, storage=storage.reads)
