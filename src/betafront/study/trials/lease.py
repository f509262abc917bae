"""Leases: who trains a trial, how far it is, and whether its worker still lives."""

import os
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

LEASE = "lease"
LEASE_SECONDS = 60.0  # the clocks of all hosts must agree better than half of this
BEAT_SECONDS = 5.0  # between two renewals, which also say how far the trial is
LONGEST_BEAT_SECONDS = 16.0  # where the storage is busy; three fit into a lease, chance included
SOON_SECONDS = 2.0  # to the next try, where a renewal failed
SURE_SECONDS = 20.0  # for which a lease of another machine must be seen to have run out
BUSY = 100  # times what a renewal took are waited until the next
CLOCK_SECONDS = 10.0  # by which the start of a process may seem to move when the clock is set

Progress = dict[str, float]


@cache
def machine() -> str:
    """What is the same for all processes that can look each other up by their numbers.

    A host's name is not: containers may share it, and every laptop may be called `localhost`.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # no Linux
        return socket.gethostname()


@dataclass(frozen=True)
class Worker:
    """A process that trains trials, named so that others can tell whether it still lives."""

    name: str
    host: str
    pid: int
    born: float
    machine: str = field(default_factory=machine)

    @classmethod
    def here(cls, number: int | str) -> "Worker":
        """This process as worker `number`; a new name at every entry, since a launcher may run the
        same worker twice."""
        process = psutil.Process()
        return cls(
            f"{number}-{uuid4().hex[:8]}", socket.gethostname(), process.pid, process.create_time()
        )

    def lease(self, progress: Progress | None = None) -> dict[str, Any]:
        """What is written on a trial to hold it for LEASE_SECONDS."""
        written = asdict(self) | {"until": time.time() + LEASE_SECONDS}
        return written | {"progress": dict(progress)} if progress else written

    def holds(self, trial: "FrozenTrial") -> bool:
        """Whether this worker holds a running trial."""
        lease = trial.user_attrs.get(LEASE)
        return lease is not None and trial.state.name == "RUNNING" and lease["name"] == self.name

    def left(self, trial: "FrozenTrial") -> bool:
        """Whether an earlier worker of the same process holds a running trial: a process runs one
        worker after another."""
        lease = trial.user_attrs.get(LEASE)
        if lease is None or trial.state.name != "RUNNING" or lease["name"] == self.name:
            return False
        mine = {"machine": self.machine, "pid": self.pid, "born": self.born}
        return bool(lease.items() >= mine.items())


def progress(trial: "FrozenTrial") -> Progress:
    """How far a running trial was when its lease was last renewed: `step` of `steps`, and the
    validation's `distortion` and `rate` in nats. Empty in its first seconds."""
    found: Progress = trial.user_attrs.get(LEASE, {}).get("progress") or {}
    return found


def is_lost(trial: "FrozenTrial", now: float) -> bool:
    """Whether a running trial's worker is gone: its process has ended on this machine, or its lease
    ran out on another."""
    if trial.state.name != "RUNNING":
        return False
    lease = trial.user_attrs.get(LEASE)
    if lease is None:  # asked for by another program: a trial of ours is made with its lease
        started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
        return now - started > LEASE_SECONDS
    if lease.get("machine") == machine():  # a suspended process keeps what it holds
        return not _alive(lease["pid"], lease["born"])
    return bool(lease["until"] < now)


def _alive(pid: int, born: float) -> bool:
    try:
        process = psutil.Process(pid)
        # The same number may have been given to another process since; a zombie trains nothing.
        same = abs(process.create_time() - born) < CLOCK_SECONDS
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Doubts:
    """Leases of other machines that have run out, and since when this process sees them so.

    While a storage is away nobody can renew, and the moment it is back every lease has run out. So
    one that ran out is believed once its worker had the time to renew it.
    """

    def __init__(self) -> None:
        self._since: dict[int, tuple[float, float]] = {}  # by number: the lease's end, and a time

    def leave_out(self, trials: "Iterable[FrozenTrial]") -> "list[FrozenTrial]":
        """The trials but for those of which it is not sure yet that they were lost."""
        now, before = time.monotonic(), self._since
        self._since = {}
        sure = []
        for trial in trials:
            lease = trial.user_attrs.get(LEASE)
            if lease and lease.get("machine") != machine() and is_lost(trial, time.time()):
                until, since = before.get(trial.number, (0.0, now))
                since = since if until == lease["until"] else now
                self._since[trial.number] = lease["until"], since
                if now - since < SURE_SECONDS:
                    continue
            sure.append(trial)
        return sure


@contextmanager
def held(renew: Callable[[], None]) -> Iterator[None]:
    """Calls `renew` every few seconds while the block runs; more seldom where it takes long, since
    then hundreds of workers ask the storage more than it can answer at once."""
    done = Event()

    def beat() -> None:
        pause = BEAT_SECONDS
        while not done.wait(pause * random.uniform(0.8, 1.2)):
            started = time.monotonic()
            try:
                renew()
                pause = between(time.monotonic() - started)
            except Exception:  # the storage is away or the trial was reaped: the end will know
                pause = SOON_SECONDS

    thread = Thread(target=beat, daemon=True, name=f"lease-{os.getpid()}")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def between(took: float) -> float:
    """Seconds from a renewal, which took some, to the next."""
    return min(max(BEAT_SECONDS, BUSY * took), LONGEST_BEAT_SECONDS)
