"""A storage in a file of SQLite's, for the processes of one machine."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from filelock import FileLock

from betafront.study.storage.tables import check_tables, ensure_tables
from betafront.study.storage.unwritten import connected, opens

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

BUSY_SECONDS = 60.0  # of waiting for the transaction of another process


def open_sqlite(path: Path, writable: bool) -> "tuple[RDBStorage, RDBStorage]":
    """A file, opened for reading, which never waits for a writer, and for writing.

    The file is put into WAL mode, and stays in it; with `synchronous=NORMAL` nothing is lost then
    when a process is killed.

    Args:
        path: of the file; it is made where it is missing or empty.
        writable: whether to check first that the file can be written.
    """
    url = _url(path)
    settings = _settings()
    lock = FileLock(f"{path}.lock", timeout=BUSY_SECONDS)
    with lock:  # of two processes that ask for WAL mode at once, one fails instead of waiting
        _prepare(path, writable)
    ensure_tables(url, settings, lock, str(path))
    return _connected(url, settings, "BEGIN"), _connected(url, settings, "BEGIN IMMEDIATE")


def read_sqlite(path: Path) -> "RDBStorage":
    """A file, opened for reading alone: nothing is written, locked or made, and its folder, or its
    disk, may be read-only.

    Args:
        path: of the file, which is there.

    Raises:
        NoTables: studies were never kept in it.
        sqlite3.Error: it cannot be read.
    """
    from sqlalchemy import NullPool

    url, settings = _url(path), _settings()
    if not opens(path, BUSY_SECONDS):
        # A connection for each transaction: the file may be another one at the next.
        creator = partial(connected, path, BUSY_SECONDS)
        settings = {"creator": creator, "poolclass": NullPool}
    check_tables(url, settings, str(path))
    return _connected(url, settings, "BEGIN")


def _url(path: Path) -> str:
    return f"sqlite:///{quote(str(path.absolute()))}"


def _settings() -> dict[str, Any]:
    return {"connect_args": {"timeout": BUSY_SECONDS}}


def _prepare(path: Path, writable: bool) -> None:
    connecting = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    with closing(connecting) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        if writable:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("PRAGMA user_version=1")  # fails where the file is read-only
            connection.execute("ROLLBACK")


def _connected(url: str, settings: dict[str, Any], begin: str) -> "RDBStorage":
    """The file, opened so that every transaction begins with the statement `begin`."""
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
