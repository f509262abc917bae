"""What an engine's signals make a worker do."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from betafront.study.signals import FINISH, HALT, listening_as_worker

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    FINISH.clear()
    HALT.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def queued_again() -> list[int]:
    """The signals that the engine's own handler was called with, as submitit's would be."""
    found: list[int] = []
    signal.signal(signal.SIGUSR2, lambda number, _: found.append(number))
    return found


def test_time_that_is_up_stops_the_trial_first_and_queues_the_job_again_then(
    queued_again: list[int],
) -> None:
    with listening_as_worker(grace=600) as requeue:
        assert requeue() is None
        os.kill(os.getpid(), signal.SIGUSR2)
        assert HALT.is_set()
        assert FINISH.is_set()
        assert queued_again == []  # not before the trial has stopped
        again = requeue()
    assert again is not None
    again()
    assert queued_again == [signal.SIGUSR2]


def test_a_trial_that_does_not_stop_is_cut_short(queued_again: list[int]) -> None:
    with pytest.raises(KeyboardInterrupt), listening_as_worker(grace=0.1):
        os.kill(os.getpid(), signal.SIGUSR2)
        time.sleep(60)
    assert queued_again == []


def test_sigterm_stops_the_trial_and_queues_nothing(queued_again: list[int]) -> None:
    with listening_as_worker(grace=600) as requeue:
        os.kill(os.getpid(), signal.SIGTERM)
        assert HALT.is_set()
        assert requeue() is None


def test_where_no_engine_listens_nothing_is_queued() -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    with listening_as_worker(grace=600) as requeue:
        os.kill(os.getpid(), signal.SIGUSR2)
        assert HALT.is_set()
        assert requeue() is None


def test_a_worker_after_one_that_was_halted_works(queued_again: list[int]) -> None:
    with listening_as_worker(grace=600):
        os.kill(os.getpid(), signal.SIGTERM)
    with listening_as_worker(grace=600):
        assert not FINISH.is_set()
        assert not HALT.is_set()


def test_a_worker_in_a_thread_hears_no_signals() -> None:
    found: list[Any] = []

    def work() -> None:
        with listening_as_worker(grace=600) as requeue:
            found.append(requeue())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]
