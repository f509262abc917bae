"""What signals ask of a sweep.

Ctrl-C (SIGINT) once: finish the trials that run, and begin no more. Twice: stop now; trials that
were cut short are tried again by the next launch. SIGTERM, as systems send it before they take a
machine away: stop every trial at its next checkpoint, within `GRACE_SECONDS`.

In a worker that an engine started SIGUSR2 means the same: its time is up. The engine's own handler
(submitit's queues the job again) runs once the trial has stopped.
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
HALT = Event()  # stop the one that runs at its next checkpoint

Requeue = Callable[[], None]


@contextmanager
def listening() -> Iterator[None]:
    """Turns the signals of the process that a user sees into FINISH and HALT.

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
    """Turns the signals of a worker's process into FINISH and HALT.

    A terminal's Ctrl-C is for the process that launched the worker, which tells it through the
    storage. What an engine's signal asks for waits until the trial has stopped, but no longer than
    `grace`.

    Args:
        grace: seconds from SIGUSR2 to the moment when a trial that has not stopped is cut short.

    Yields:
        what queues the job again, once that signal has come; else None.

    Raises:
        KeyboardInterrupt: the grace is over.
    """
    if threading.current_thread() is not threading.main_thread():  # only there signals are heard
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

    # These two stay: where a worker of joblib's ends early, its idle process must outlive a signal
    # to all of them, or joblib kills the others.
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
    """Sends a signal to this process, unless it is cancelled before."""
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
