"""Optuna's tables in a database: made where they are missing, and refused where they are of a
version that does not fit."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from betafront.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import Engine


class NoTables(Exception):
    """A database in which no studies were kept yet."""


def ensure_tables(
    url: str, settings: dict[str, Any], lock: AbstractContextManager[object], shown: str
) -> None:
    """Make the tables where they are missing.

    Args:
        url: of the database, for SQLAlchemy.
        settings: of its engine.
        lock: held while the tables are made, since two processes that make them at once both fail.
        shown: the address as errors show it.

    Raises:
        UserError: as `check_tables`.
    """
    import optuna

    try:
        check_tables(url, settings, shown)
    except NoTables:
        with lock:
            optuna.storages.RDBStorage(url, engine_kwargs=settings).engine.dispose()


def check_tables(url: str, settings: dict[str, Any], shown: str) -> None:
    """Check that the tables are there, and those that this version of Optuna reads.

    Optuna's own check of the tables costs 60 ms, and is left out where this version of Optuna has
    made them.

    Args:
        url: of the database, for SQLAlchemy.
        settings: of its engine.
        shown: the address as errors show it.

    Raises:
        NoTables: they are missing.
        UserError: the tables do not fit this version of Optuna, or are of another program.
    """
    import optuna
    from sqlalchemy import NullPool, create_engine

    maker = _maker(create_engine(url, poolclass=NullPool, **_connecting(settings)), shown)
    if maker is None:
        raise NoTables
    if maker == optuna.__version__:
        return
    try:
        storage = optuna.storages.RDBStorage(url, engine_kwargs=settings, skip_table_creation=True)
    except RuntimeError as error:
        raise UserError(_other_version(maker, "pip install" in str(error), shown)) from error
    storage.engine.dispose()


def _connecting(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in ("connect_args", "creator") if key in settings}


def _maker(engine: "Engine", shown: str) -> str | None:
    """The version of Optuna that made the tables; None where they are missing or not complete. The
    row of `alembic_version` is what Optuna writes last."""
    from sqlalchemy import inspect, text

    with engine.connect() as connection:
        tables = inspect(connection)
        if not tables.has_table("alembic_version"):
            return None
        if not tables.has_table("version_info"):
            raise UserError(
                f"{shown} is the database of another program (MLflow's, perhaps): studies need one "
                "of their own"
            )
        made = text("SELECT library_version FROM version_info, alembic_version")
        version = connection.execute(made).scalar()
        return None if version is None else str(version)


def _other_version(maker: str, newer: bool, shown: str) -> str:
    import optuna

    if newer:
        way_out = f"`pip install 'optuna>={maker}'`"
    else:
        way_out = "make a copy, then `optuna storage upgrade --storage ADDRESS`"
    return f"{shown} was made by Optuna {maker}, and this is {optuna.__version__}: {way_out}"
