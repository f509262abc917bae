"""A process that has imported what workers need, and is forked for each of them: they start at
once, and share its memory.

It is forked itself from the process of a command, right after that has imported PyTorch and
Lightning and before it has opened a storage, started a thread or looked for a GPU: none of these
outlives a fork.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import psutil

# What workers import when they run, beside what this module's importers have imported already.
USED_BY_WORKERS = (
    "betafront.study.engines.processes",
    "betafront.study.storage.sqlite",
    "betafront.training.fitting",
    "betafront.training.lightning.devices",
    "betafront.training.lightning.module",
    "alembic.command",
    "sklearn.datasets",
    "sqlalchemy.orm",
    "torch._dynamo",  # by each of PyTorch's optimisers
)
RESTARTS = 3  # how often a worker is started again whose process was killed

_servers: "list[ForkServer]" = []  # of this process: one at most


class WorkersLost(RuntimeError):
    """Workers were killed, each more often than it is started again, or the fork server was."""


@contextmanager
def fork_server() -> Iterator[None]:
    """A context in which `current` is a fork server, where a fork of this process is safe."""
    if not _is_safe():
        yield
        return
    for name in USED_BY_WORKERS:
        import_module(name)
    gc.collect()
    gc.freeze()  # the collector would write to the pages that the processes share
    try:
        _servers.append(ForkServer())
        try:
            yield
        finally:
            _servers.pop().close()
    finally:
        gc.unfreeze()


def current() -> "ForkServer | None":
    """The fork server of this process; None where it has none, or none that lives."""
    return _servers[-1] if _servers and _servers[-1].is_alive() else None


def _is_safe() -> bool:
    """Whether this process may be forked: on Linux, with one thread, and no CUDA context."""
    cuda = sys.modules.get("torch.cuda")
    if cuda is not None and cuda.is_initialized():
        return False
    may_have_children = not multiprocessing.current_process().daemon
    return sys.platform == "linux" and threading.active_count() == 1 and may_have_children


class ForkServer:
    """The process, as its parent sees it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._calls, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._calls))
        self._process.start()
        theirs.close()

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.is_alive()

    def run(self, calls: Sequence[bytes], at_once: int) -> list[Any]:
        """Run functions in processes of their own, and wait until all have ended.

        A process that is killed is started again, up to RESTARTS times.

        Args:
            calls: each a function without arguments, as `cloudpickle` writes it.
            at_once: how many processes there are at a time, at most.

        Returns:
            what they return.

        Raises:
            Exception: that one of them raised.
            WorkersLost: some did not end by themselves.
            KeyboardInterrupt: the processes are killed.
        """
        try:
            self._calls.send((list(calls), at_once))
            found = self._calls.recv()
        except (EOFError, OSError) as error:
            self._kill()
            raise WorkersLost("the process that forks the workers was killed") from error
        except KeyboardInterrupt:
            self._kill()
            raise
        if lost := [text for text in found if isinstance(text, str)]:
            raise WorkersLost(lost[0])
        answers = [_loaded(answer) for answer in found]
        if errors := [answer for answer in answers if isinstance(answer, Exception)]:
            raise errors[0]
        return answers

    def close(self) -> None:
        """End the process, which has nothing left to do."""
        self._calls.close()
        self._process.join(5)
        self._kill()

    def _kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            server = psutil.Process(self._process.pid)
            workers = server.children(recursive=True)
            server.kill()  # first, since it starts killed workers again
            for worker in workers:
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
        self._process.join()


def _loaded(answer: bytes) -> Any:
    import cloudpickle

    return cloudpickle.loads(answer)


def _serve(calls: Connection, of_parent: Connection) -> None:
    """Run what is asked for until the parent has closed its end, or is gone."""
    of_parent.close()
    # The command hears the signals and says by the storage what workers shall do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            asked, at_once = calls.recv()
        except EOFError:
            return
        found = _Pool(asked, at_once, calls).run()
        with suppress(BrokenPipeError):  # the command is gone, and the storage knows what was done
            calls.send(found)


class _Pool:
    """The processes of one call of `ForkServer.run`.

    Args:
        calls: as there.
        at_once: as there.
        of_server: what a worker must not hold open, so that the server's end is seen.
    """

    def __init__(self, calls: Sequence[bytes], at_once: int, of_server: Connection) -> None:
        self._calls = calls
        self._at_once = at_once
        self._of_server = of_server
        self._left = list(range(len(calls)))
        self._restarts = dict.fromkeys(self._left, RESTARTS)
        self._running: dict[Connection, tuple[int, BaseProcess]] = {}
        self._found: dict[int, bytes | str] = {}

    def run(self) -> list[bytes | str]:
        """What the calls returned, as `cloudpickle` writes it; a text where one was lost."""
        while self._left or self._running:
            while self._left and len(self._running) < self._at_once:
                self._start(self._left.pop(0))
            for answer in wait(list(self._running)):
                self._end(answer)  # type: ignore[arg-type]
        return [self._found[number] for number in range(len(self._calls))]

    def _start(self, number: int) -> None:
        context = multiprocessing.get_context("fork")
        answer, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(self._calls[number], theirs, self._of_server))
        process.start()
        theirs.close()
        self._running[answer] = number, process

    def _end(self, answer: Connection) -> None:
        number, process = self._running.pop(answer)
        try:
            self._found[number] = answer.recv_bytes()
        except (EOFError, OSError):
            process.join()
            code = process.exitcode or 0
            self._found[number] = f"the process of worker {number} {_how(code)}"
            if code < 0 and self._restarts[number]:
                self._restarts[number] -= 1
                self._left.append(number)
        answer.close()
        process.join()


def _how(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit status {code}"


def _work(call: bytes, answer: Connection, of_server: Connection) -> None:
    import cloudpickle

    of_server.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_the_server()
    try:
        work: Callable[[], Any] = cloudpickle.loads(call)
        found = work()
    except Exception as error:
        found = error
    answer.send_bytes(cloudpickle.dumps(found))


def _end_with_the_server() -> None:
    """Have the kernel send SIGTERM once the server is gone: nobody would wait for this process, and
    the command launches others."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
    server = multiprocessing.parent_process()
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
    if server is None or os.getppid() != server.pid:  # it went before
        os.kill(os.getpid(), signal.SIGTERM)
