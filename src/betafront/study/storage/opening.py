"""Opening the storage of studies, and finding a study: Optuna's relational storage, in SQLite or
PostgreSQL."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from betafront.addresses import (
    FROM_ENVIRONMENT,
    RUNS,
    SQLITE,
    VARIABLE,
    looked_up,
    masked,
    server_url,
    sqlite_path,
)
from betafront.errors import UserError, near_miss, os_error
from betafront.study.storage.errors import ELSEWHERE, driver_missing, refusal
from betafront.study.storage.postgresql import open_postgresql
from betafront.study.storage.sqlite import open_sqlite, read_sqlite
from betafront.study.storage.tables import NoTables

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage

__all__ = [
    "NoStudy",
    "Storage",
    "find",
    "find_storage",
    "load_study",
    "masked",
    "open_storage",
    "study_names",
]


IsOurs = Callable[[Mapping[str, Any]], bool]


class NoStudy(UserError):
    """The study is not there, or not yet."""


@dataclass(frozen=True)
class Storage:
    """A database, opened in two ways.

    Attributes:
        url: its address as it was given, perhaps with a password.
        reads: for reading alone; never waits for a writer. On SQLite a write that follows a read
            in the same transaction fails at once where another process wrote in between.
        writes: for writing; every transaction takes the write lock before it reads, so that no
            other process writes between its reads and its writes. On PostgreSQL, which locks rows,
            and where the storage was opened for reading alone, it is the same as `reads`.
    """

    url: str = field(repr=False)
    reads: "RDBStorage"
    writes: "RDBStorage"


def open_storage(url: str, create: bool = False, reading: bool = False) -> Storage:
    """The storage at `url`.

    Args:
        url: `sqlite:///FILE`, `postgresql://USER:PASSWORD@HOST/DATABASE`, or `$BETAFRONT_STORAGE`
            for what the environment says.
        create: make a file and its folder where they are missing, and check that it can be written.
        reading: for reading alone: nothing is made or written, not even a lock beside the file,
            which may be on a disk that is read-only.

    Raises:
        UserError: there is no such storage, or it cannot be opened or written.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    address = looked_up(url)
    path = sqlite_path(address)
    shown = masked(address) if path is None else str(path)
    try:
        if path is None:
            server = open_postgresql(server_url(address), shown, make=not reading)
            return Storage(url, server, server)
        _check_file(path, create)
        if not reading:
            return Storage(url, *open_sqlite(path, writable=create))
        reads = read_sqlite(path)
        return Storage(url, reads, reads)
    except NoTables as error:
        if path is None:
            raise _no_studies_in(shown) from error
        raise _no_studies_in(path.parent, path.parent) from error
    except Timeout as error:
        raise UserError(f"{shown} is being opened by another process: wait for it") from error
    except OSError as error:
        raise UserError(f"{os_error(error)}: {ELSEWHERE}") from error
    except ImportError as error:
        raise UserError(driver_missing(error)) from error
    except (SQLAlchemyError, sqlite3.Error, optuna.exceptions.OptunaError) as error:
        raise UserError(refusal(error, shown)) from error


def _check_file(path: Path, create: bool) -> None:
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        raise _no_studies_in(path.parent)


def _no_studies_in(place: object, runs: Path | None = None) -> NoStudy:
    """The error of a storage without studies.

    Args:
        place: of the storage, as it is shown.
        runs: the folder of a file; runs in it had a study, so that the file was damaged.
    """
    if runs is not None and any(runs.glob("*/trial-*")):
        return NoStudy(
            f"there are no studies in {place}, although runs lie beside it: the file was emptied, "
            f"or lost its -wal file; put back a copy of both, or set {RUNS} to another folder"
        )
    return NoStudy(f"there are no studies in {place}: `betafront sweep` makes one")


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
        raise NoStudy(f"there is no study '{name}': {near_miss(name, names)}")
    return optuna.load_study(study_name=name, storage=storage.reads)


def find(name: str | None, runs: Path) -> "Study":
    """The study called `name`, or the newest, to be read; see `find_storage`.

    Raises:
        UserError: there is none of that name, or none at all.
    """
    return load_study(*find_storage(name, runs))


def find_storage(
    name: str | None,
    runs: Path,
    is_ours: IsOurs = lambda settings: True,
    reading: bool = True,
) -> tuple[Storage, str]:
    """Where the study called `name` is, or the newest, and its name: in the storage that
    BETAFRONT_STORAGE names, where it is set, and then in the file below `runs`.

    Args:
        name: of the study; None for the newest.
        runs: the folder of the studies' file.
        is_ours: which studies may be the newest, by their user attributes: other programs may keep
            theirs in the same storage.
        reading: open the storages for reading alone.

    Raises:
        UserError: there is none of that name, or none at all, or it cannot be written.
    """
    found = {storage: study_names(storage) for storage in _storages(runs, reading)}
    for storage, names in found.items():
        if name in names:
            return storage, name
        newest = reversed(names) if name is None else ()
        own = next((n for n in newest if is_ours(load_study(storage, n).user_attrs)), None)
        if own is not None:
            return storage, own
    known = [other for names in found.values() for other in names]
    if name is None or not known:
        places = " and ".join(masked(looked_up(storage.url)) for storage in found)
        raise _no_studies_in(places, runs if (runs / "studies.db").is_file() else None)
    raise NoStudy(f"there is no study '{name}': {near_miss(name, known)}")


def _storages(runs: Path, reading: bool) -> list[Storage]:
    path = runs / "studies.db"
    named = [FROM_ENVIRONMENT] if os.environ.get(VARIABLE) else []
    local = [f"{SQLITE}{path}"] if path.exists() or not named else []
    found: list[Storage] = []
    missing: NoStudy | None = None
    for url in (*named, *local):
        check = not reading and url in local and path.exists()
        try:
            found.append(open_storage(url, create=check, reading=reading))
        except NoStudy as error:
            missing = error
    if missing is not None and not found:
        raise missing
    return found
