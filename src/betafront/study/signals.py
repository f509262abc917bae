"""What signals ask of a sweep.

- SIGINT (Ctrl-C) once: finish the running trials, and begin no more. Twice: stop now; the running
  trials are cut short, and the next launch tries them again.
- SIGTERM, which systems send before they take a machine away: stop every running trial at its next
  checkpoint, within GRACE_SECONDS.
- SIGUSR2, in a worker that an engine has started: the same, since the time of the job is up. The
  engine's own handler, which may queue the job again as submitit's does, runs once the trial has
  stopped.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import Any

import psutil

GRACE_SECONDS = 25.0
FINISH = Event()  # begin no more trials in this process
HALT = Event()  # stop the running trial at its next checkpoint

Requeue = Callable[[], None]


@contextmanager
def listening() -> Iterator[None]:
    """Turns the signals to the process that a user has started into FINISH and HALT.

    Raises:
        KeyboardInterrupt: to stop now.
    """
    timer = _alarm(signal.SIGINT, GRACE_SECONDS)

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
            with suppress(psutil.NoSuchProcess):
                child.terminate()

    FINISH.clear()
    HALT.clear()
    with _handlers({signal.SIGINT: finish, signal.SIGTERM: halt}):
        try:
            yield
        finally:
            timer.cancel()


@contextmanager
def listening_as_worker(grace: float) -> Iterator[Callable[[], Requeue | None]]:
    """Turns the signals to a worker's process into FINISH and HALT.

    SIGINT is ignored: a terminal sends it to the process that launched the worker, too, which asks
    the worker to stop through the storage.

    Args:
        grace: seconds from SIGUSR2 until a trial that has not stopped is cut short.

    Yields:
        a function that returns, once SIGUSR2 has come, the engine's handler that queues the job
        again; None before, and where the engine has no handler.

    Raises:
        KeyboardInterrupt: the trial has not stopped within `grace`.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield lambda: None
        return
    FINISH.clear()  # an engine may run one worker after another in a process
    HALT.clear()
    theirs = signal.getsignal(signal.SIGUSR2)
    timer = _alarm(signal.SIGUSR2, grace)
    time_is_up = Event()

    def halt(*_: Any) -> None:
        FINISH.set()
        HALT.set()

    def stop_in_time(*_: Any) -> None:
        if time_is_up.is_set():
            raise KeyboardInterrupt
        time_is_up.set()
        halt()
        timer.start()

    def requeue() -> Requeue | None:
        return _calling(theirs) if time_is_up.is_set() and callable(theirs) else None

    # These two handlers stay. Where a worker of joblib's ends early, its process waits for the
    # others; if a signal to all of them ended it, joblib would kill the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, halt)
    with _handlers({signal.SIGUSR2: stop_in_time}):
        try:
            yield requeue
        finally:
            timer.cancel()


def _calling(handler: Callable[[int, Any], Any]) -> Requeue:
    return lambda: handler(signal.SIGUSR2, None)


def _alarm(number: signal.Signals, seconds: float) -> Timer:
    """A timer that sends a signal to this process, unless it is cancelled before."""
    timer = Timer(seconds, os.kill, (os.getpid(), number))
    timer.daemon = True
    return timer


@contextmanager
def _handlers(ours: dict[signal.Signals, Any]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ours}
    for number, handler in ours.items():
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
