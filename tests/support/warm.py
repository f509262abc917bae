"""Commands as processes of their own that need not import the libraries again.

A server imports them once and forks for each command. What it forks runs `python -m betafront` to
its end as a new interpreter would, and is a process as any other: it leads a session, can be killed
and signalled, and has an exit status. In /proc it has the server's command line and environment,
though the processes that it starts itself have theirs.
"""

import array
import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
SERVER = "tests.support.warm"
# What a sweep, its worker, its record and the pages of a study import.
LIBRARIES = (
    "betafront.api.hydra_app", "betafront.commands.report", "betafront.commands.status",
    "betafront.api.watched", "betafront.front.show.report", "betafront.study.dry_run",
    "betafront.study.sweep", "betafront.tracking", "betafront.training.fitting",
    "betafront.training.pictures.pages", "hydra._internal.hydra", "mlflow", "mlflow.tracking",
    "sklearn.datasets", "torch._dynamo",
)  # fmt: skip
# A process that is forked lacks the server's threads, as those of OpenMP and of Arrow's allocator:
# the server must have none.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
LARGEST_REQUEST = 1 << 20


class WarmProcess:
    """A command that runs, with as much of `subprocess.Popen` as tests of commands use.

    Attributes:
        pid: of its process, which leads a process group of its own.
        stdout: what it writes to its standard output and error, where nobody else was to have it.
        returncode: the exit status, or the number of the signal that killed it below 0; None until
            one of the methods has seen its end.
    """

    def __init__(self, exits: socket.socket, stdout: IO[str] | None) -> None:
        self._exits = exits
        self.stdout = stdout
        self.returncode: int | None = None
        self.pid = int(self._line())

    def poll(self) -> int | None:
        """The exit status, if it has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, within so many seconds.
        """
        if self.returncode is None:
            self._exits.settimeout(timeout)
            try:
                self.returncode = int(self._line())
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("betafront", timeout or 0.0) from None
            self._exits.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """All that it writes until its end.

        Raises:
            subprocess.TimeoutExpired: it has not ended within so many seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        said: list[str] = []
        if self.stdout is not None and not self.stdout.closed:
            stdout = self.stdout
            reader = threading.Thread(target=lambda: said.append(stdout.read()), daemon=True)
            reader.start()
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired("betafront", timeout or 0.0)
            stdout.close()
        self.wait(None if end is None else max(end - time.monotonic(), 0.0))
        return "".join(said), None

    def send_signal(self, number: int) -> None:
        """Signal it, unless it is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Signal it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _line(self) -> str:
        said = self._exits.recv(64)
        assert said, "the server that forks commands has ended"
        return said.decode()


class WarmPython(AbstractContextManager["WarmPython"]):
    """A server that has imported the libraries, and forks for each command."""

    def __init__(self) -> None:
        self._asks, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            self._server = subprocess.Popen(
                [sys.executable, "-m", SERVER, str(asked.fileno())],
                cwd=ROOT,
                env=os.environ | ONE_THREAD,
                pass_fds=[asked.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def start(
        self,
        arguments: Sequence[str],
        place: Path,
        environment: Mapping[str, str],
        out: IO[bytes] | None = None,
    ) -> WarmProcess:
        """Start a command.

        Args:
            arguments: those after `betafront`.
            place: the folder in which it is given.
            environment: all of it.
            out: has what it writes; the process's own `stdout` where left out.
        """
        exits, ended = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, writing = (None, out.fileno()) if out else os.pipe()
        request = {"arguments": list(arguments), "place": str(place), "env": dict(environment)}
        with ended:
            fds = array.array("i", [writing, ended.fileno()])
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
            self._asks.sendmsg([json.dumps(request).encode()], rights)
        if reading is None:
            return WarmProcess(exits, None)
        os.close(writing)
        return WarmProcess(exits, os.fdopen(reading, encoding="utf-8", errors="replace"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Have it end; commands that still run live on."""
        self._asks.close()
        self._server.wait(60)


def serve(asked: socket.socket) -> list[str] | None:
    """Fork for each request until nobody can make one. Returns in the server as None, and in each
    process that is forked as the words of its command."""
    asked.setblocking(True)
    selector = selectors.DefaultSelector()
    selector.register(asked, selectors.EVENT_READ)
    ends: dict[int, tuple[int, socket.socket]] = {}  # of the commands that run, by their pidfd
    while True:
        for key, _ in selector.select():
            if key.fileobj is not asked:
                pidfd = key.fd
                pid, ended = ends.pop(pidfd)
                selector.unregister(pidfd)
                os.close(pidfd)
                tell(ended, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                ended.close()
                continue
            request, fds, *_ = socket.recv_fds(asked, LARGEST_REQUEST, 2)
            if not request:
                return None
            out, ended = fds[0], socket.socket(fileno=fds[1])
            pid = os.fork()
            if pid == 0:
                selector.close()
                for other in (asked, ended, *(e for _, e in ends.values())):
                    other.close()
                for pidfd in ends:
                    os.close(pidfd)
                return become(json.loads(request), out)
            os.close(out)
            tell(ended, pid)
            pidfd = os.pidfd_open(pid)
            ends[pidfd] = pid, ended
            selector.register(pidfd, selectors.EVENT_READ)


def tell(ended: socket.socket, number: int) -> None:
    """Send the number of a process or its exit status to whoever may still wait for it."""
    try:
        ended.send(str(number).encode())
    except BrokenPipeError:
        return


def become(request: dict[str, object], out: int) -> list[str]:
    """Make this process what was asked for; returns the words of its command."""
    os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(out, number)
        # Anew, as a process that begins has it: what kind of file it is was looked up once.
        setattr(sys, name, open(number, "w", 1, "utf-8", closefd=False))  # noqa: SIM115
    os.close(out)
    os.chdir(str(request["place"]))
    sys.path[0] = str(Path.cwd())
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    return list(request["arguments"])  # type: ignore[call-overload]


def silence() -> None:
    """Say no more: compiled modules complain at the end that objects of the server are left, which
    nothing collects."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)


def main() -> None:
    """The server; and in each process that it forks, `python -m betafront`."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    asked.set_inheritable(False)
    atexit.register(silence)  # first, hence the last at the end
    from betafront.cli import quiet_libraries

    quiet_libraries()
    gc.disable()  # of all that is imported there is nothing to give back
    for name in LIBRARIES:
        importlib.import_module(name)
    threads = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    assert len(threads) == 1, threads
    gc.collect()
    gc.freeze()  # or collecting in a process would copy what it shares with the server
    gc.enable()
    arguments = serve(asked)
    if arguments is not None:
        sys.argv = ["betafront", *arguments]
        runpy.run_module("betafront", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
