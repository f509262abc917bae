"""Where studies are kept: Optuna's relational storage, opened safely."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from betafront.errors import UserError, near_miss, os_error

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage

SQLITE = "sqlite:///"


def open_storage(url: str, create: bool = False) -> "RDBStorage":
    """The storage at `url`.

    SQLite is put into WAL mode with `synchronous=NORMAL` (a killed process loses nothing) and
    begins every transaction with the write lock in hand: without that, two processes can take the
    same waiting trial. The tables are made under a file lock, since two processes that make them at
    once both fail.

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
            return optuna.storages.RDBStorage(url)
        path = Path(url.removeprefix(SQLITE))
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise UserError(f"there are no studies in {path.parent}: `betafront sweep` makes one")
        with FileLock(f"{path}.lock"):
            storage = optuna.storages.RDBStorage(
                f"{SQLITE}{path.absolute()}", engine_kwargs={"connect_args": {"timeout": 60}}
            )
        _prepare_sqlite(storage)
        return storage
    except OSError as error:
        raise UserError(os_error(error)) from error
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(f"the studies at {masked(url)} cannot be opened: {reason}") from error


def _prepare_sqlite(storage: "RDBStorage") -> None:
    from sqlalchemy import event

    @event.listens_for(storage.engine, "connect")
    def _connect(connection, _) -> None:  # type: ignore[no-untyped-def]
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, below

    @event.listens_for(storage.engine, "begin")
    def _begin(connection) -> None:  # type: ignore[no-untyped-def]
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    storage.engine.dispose()  # the connections made so far lack the two hooks


def masked(url: str) -> str:
    """`url` without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def study_names(storage: "RDBStorage") -> list[str]:
    """The studies there are, oldest first."""
    import optuna

    return list(optuna.get_all_study_names(storage))


def load_study(storage: "RDBStorage", name: str) -> "Study":
    """The study called `name`.

    Raises:
        UserError: there is none; the near miss is named.
    """
    import optuna

    names = study_names(storage)
    if name not in names:
        raise UserError(f"there is no study '{name}': {near_miss(name, names)}")
    return optuna.load_study(study_name=name, storage=storage)
