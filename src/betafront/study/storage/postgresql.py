"""A storage on a PostgreSQL server, for the processes of many machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from betafront.study.storage.tables import check_tables, ensure_tables

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from sqlalchemy import URL

LOCK = 0x6265746166726F6E  # "betafron": the advisory lock under which tables are made
LOCK_SECONDS = 60
# Settings of libpq: a server that is gone is noticed within a minute, where TCP takes two hours.
CONNECTING = {
    "application_name": "betafront",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def open_postgresql(url: "URL", shown: str, make: bool = True) -> "RDBStorage":
    """The database. A process keeps one connection, and has at most three.

    Args:
        url: of the database; settings in its query take precedence over CONNECTING.
        shown: the address as errors show it.
        make: make the tables where they are missing.

    Raises:
        NoTables: they are missing, and are not to be made.
    """
    import optuna

    connecting = {key: value for key, value in CONNECTING.items() if key not in url.query}
    settings: dict[str, Any] = {
        "connect_args": connecting,
        "pool_size": 1,  # for a worker's loop; its lease is renewed from a second thread
        "max_overflow": 2,
        "pool_pre_ping": True,
    }
    address = url.render_as_string(hide_password=False)
    address = address.replace("{", "%7B").replace("}", "%7D")  # Optuna formats it as a template
    if make:
        ensure_tables(address, settings, _only_maker(url, connecting), shown)
    else:
        check_tables(address, settings, shown)
    return optuna.storages.RDBStorage(
        address, engine_kwargs=settings, skip_table_creation=True, skip_compatibility_check=True
    )


@contextmanager
def _only_maker(url: "URL", connecting: dict[str, Any]) -> Iterator[None]:
    """Holds a lock among the processes of all machines. The server releases it where its holder
    ends."""
    from sqlalchemy import NullPool, create_engine, text

    with create_engine(url, poolclass=NullPool, connect_args=connecting).begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        yield
