"""What signals ask of a sweep.

Ctrl-C (SIGINT) once: finish the trials that run, and begin no more. Twice: stop now; trials that
were cut short are tried again by the next launch. SIGTERM, as systems send it before they take a
machine away: stop every trial at its next checkpoint, within `GRACE_SECONDS`.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Timer
from typing import Any

import psutil

GRACE_SECONDS = 25.0
FINISH = Event()  # begin no more trials in this process
HALT = Event()  # stop the one that runs at its next checkpoint


@contextmanager
def listening() -> Iterator[None]:
    """Turns the signals of the process that a user sees into FINISH and HALT.

    Raises:
        KeyboardInterrupt: to stop now.
    """
    timer = Timer(GRACE_SECONDS, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True

    def finish(*_: Any) -> None:
        if FINISH.is_set():
            raise KeyboardInterrupt
        FINISH.set()

    def halt(*_: Any) -> None:
        if HALT.is_set():
            return
        FINISH.set()
        HALT.set()
        timer.start()
        for child in psutil.Process().children(recursive=True):
            child.terminate()

    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    FINISH.clear()
    HALT.clear()
    signal.signal(signal.SIGINT, finish)
    signal.signal(signal.SIGTERM, halt)
    try:
        yield
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def listen_as_worker() -> None:
    """In a worker process: SIGTERM halts, and a terminal's Ctrl-C is for the process that launched
    it, which tells the workers through the storage."""

    def halt(*_: Any) -> None:
        FINISH.set()
        HALT.set()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, halt)
