"""A storage in one file, for the processes of one machine."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from filelock import FileLock

from betafront.study.storage.tables import ensure_tables

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

BUSY_SECONDS = 60.0  # to wait for another process's transaction


def open_sqlite(path: Path, writable: bool) -> "tuple[RDBStorage, RDBStorage]":
    """The file for reads, which never wait for a writer, and for writes.

    It is put into WAL mode, for good; `synchronous=NORMAL` then loses nothing when a process is
    killed.

    Args:
        path: made where it is missing or empty.
        writable: see that it can be written before anything is asked of it.
    """
    url = f"sqlite:///{quote(str(path.absolute()))}"
    settings = {"connect_args": {"timeout": BUSY_SECONDS}}
    lock = FileLock(f"{path}.lock", timeout=BUSY_SECONDS)
    with lock:  # two processes that ask for WAL mode at once do not wait for each other: one fails
        _prepare(path, writable)
    ensure_tables(url, settings, lock, str(path))
    return _connected(url, settings, "BEGIN"), _connected(url, settings, "BEGIN IMMEDIATE")


def _prepare(path: Path, writable: bool) -> None:
    connecting = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    with closing(connecting) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        if writable:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("PRAGMA user_version=1")  # a file that is read-only says so here
            connection.execute("ROLLBACK")


def _connected(url: str, settings: dict[str, Any], begin: str) -> "RDBStorage":
    """The file, with every transaction begun by `begin`."""
    import optuna
    from sqlalchemy import event

    storage = optuna.storages.RDBStorage(
        url, engine_kwargs=settings, skip_table_creation=True, skip_compatibility_check=True
    )

    @event.listens_for(storage.engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, below

    @event.listens_for(storage.engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    storage.engine.dispose()  # the connections made so far lack the two hooks
    return storage
