"""`betafront ui`: MLflow's own server on this machine, and links that open the study in it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.addresses import SQLITE
from betafront.errors import UserError
from betafront.files import can_write
from betafront.study.spec import Spec
from betafront.terminal import console
from betafront.tracking.address import path_of, uri_of
from betafront.tracking.errors import is_read_only
from betafront.tracking.mlflow_tracker import MLflowTracker
from betafront.tracking.store import encoded
from betafront.tracking.sync import sync
from betafront.tracking.ui_view import charts_link, table_link

if TYPE_CHECKING:
    from optuna import Study
    from rich.console import Console

START_SECONDS = 90


def serve(study: "Study", spec: Spec, port: int) -> None:
    """Bring the record up to date, start a server, print the links, and serve until interrupted.

    Where the study is recorded on a tracking server, only the links are printed.
    """
    out = console()
    tracker = MLflowTracker(uri_of(spec))
    if is_read_only(tracker.uri):
        where = path_of(tracker.uri)
        out.print(f"The record is shown as it is: {where} cannot be written.", soft_wrap=True)
        experiment = tracker.experiment_there(spec)
    else:
        out.print(sync(study, spec), soft_wrap=True)
        experiment = tracker.experiment(spec)
    if not tracker.uri.startswith(SQLITE):
        _print_links(tracker.uri, experiment, out)
        return
    port = free_port(port)
    address = f"http://127.0.0.1:{port}"
    log = _log_of(path_of(tracker.uri))
    out.print(f"Starting MLflow's server (its log is {log}; telemetry is off) …", soft_wrap=True)
    with log.open("ab") as sink:
        server = subprocess.Popen(
            _command(tracker.uri, port),
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            env=_environment(),
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the server as Ctrl-C does
    try:
        _wait(server, address, log)
        _print_links(address, experiment, out)
        out.print("Ctrl-C ends the server.")
        server.wait()
    except KeyboardInterrupt:
        out.print("The server has ended.")
    finally:
        _stop(server)


def _log_of(record: Path) -> Path:
    """Where the server writes its log: beside the record, or where that is read-only among the
    temporary files."""
    folder = record.parent if can_write(record.parent) else Path(tempfile.gettempdir())
    return folder / "mlflow-server.log"


def _print_links(server: str, experiment: str, out: "Console") -> None:
    out.print(f"\n  charts  {charts_link(server, experiment)}", soft_wrap=True)
    out.print(f"  table   {table_link(server, experiment)}\n", soft_wrap=True)


def _command(uri: str, port: int) -> list[str]:
    artifacts = path_of(uri).parent / "mlartifacts"
    return [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", encoded(uri), "--artifacts-destination", str(artifacts),
        "--workers", "1",
    ]  # fmt: skip


def _environment() -> dict[str, str]:
    """The server's environment, without MLflow's job runner: its eight processes get no jobs."""
    return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | os.environ


def _wait(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/health", timeout=2)
            return
        time.sleep(0.3)
    raise UserError(f"MLflow's server did not start: see {log}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)


def free_port(wanted: int) -> int:
    """`wanted`, or the next port on 127.0.0.1 that no process listens on.

    Raises:
        UserError: none of the next hundred is free.
    """
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise UserError(f"no free port from {wanted} to {wanted + 99}: name one with --port")
