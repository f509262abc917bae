"""Leases: who trains a trial, how far it is, and whether its worker still lives."""

import os
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
"""The trial's user attribute that holds its lease."""

LEASE_SECONDS = 60.0  # where neither the study (`study.lease`) nor the lease says another length
PAUSE_RATIO = 100  # pause between renewals, as a multiple of the time that a renewal took
CLOCK_SECONDS = 10.0  # by which the start of a process may seem to move when the clock is set

Progress = dict[str, float]


@dataclass(frozen=True)
class LeaseTimes:
    """The times that follow from the length of a lease, all in seconds.

    Attributes:
        lease: for which a renewal holds a trial. The clocks of all hosts must agree better than
            half of it.
    """

    lease: float = LEASE_SECONDS

    @property
    def renewal(self) -> float:
        """Between two renewals, which also say how far the trial is, and hear of a stop."""
        return self.lease / 12

    @property
    def longest_renewal(self) -> float:
        """Between two renewals where the storage is busy: three fit into a lease, with jitter."""
        return self.lease * 4 / 15

    @property
    def retry(self) -> float:
        """After a renewal that failed."""
        return self.lease / 30

    @property
    def confirm(self) -> float:
        """For which an expired lease of another machine must stay as it is."""
        return self.lease / 3

    def pause(self, took: float) -> float:
        """From a renewal, which `took` so long, to the next one."""
        return min(max(self.renewal, PAUSE_RATIO * took), self.longest_renewal)


@cache
def machine() -> str:
    """A name for the set of processes that can look each other up by their numbers.

    The name of the host does not serve: containers may share it, and every laptop may be called
    `localhost`.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # no Linux
        return socket.gethostname()


@dataclass(frozen=True)
class Worker:
    """A process that trains trials, named so that other processes can tell whether it still lives.

    Attributes:
        name: its number and a random part.
        host: the name of its host, to be shown.
        pid: its process.
        born: Unix time at which the process began; a number may be given to a second process.
        machine: see `machine`.
    """

    name: str
    host: str
    pid: int
    born: float
    machine: str = field(default_factory=machine)

    @classmethod
    def here(cls, number: int | str) -> "Worker":
        """This process as worker `number`, under a new name: a launcher may run the same worker
        twice in one process."""
        process = psutil.Process()
        return cls(
            f"{number}-{uuid4().hex[:8]}", socket.gethostname(), process.pid, process.create_time()
        )

    def lease(
        self, progress: Progress | None = None, seconds: float = LEASE_SECONDS
    ) -> dict[str, Any]:
        """What is written on a trial to hold it for so many seconds."""
        written = asdict(self) | {"until": time.time() + seconds, "seconds": seconds}
        return written | {"progress": dict(progress)} if progress else written

    def holds(self, trial: "FrozenTrial") -> bool:
        """Whether this worker holds a running trial."""
        lease = lease_of(trial)
        return (
            lease is not None and trial.state.name == "RUNNING" and lease.get("name") == self.name
        )

    def has_left_behind(self, trial: "FrozenTrial") -> bool:
        """Whether a running trial is held by an earlier worker of the same process, which has
        ended: a process runs one worker after another."""
        lease = lease_of(trial)
        if lease is None or trial.state.name != "RUNNING" or lease.get("name") == self.name:
            return False
        mine = {"machine": self.machine, "pid": self.pid, "born": self.born}
        return bool(lease.items() >= mine.items())


def lease_of(trial: "FrozenTrial") -> Mapping[str, Any] | None:
    """The lease of a trial; None where it has none, or where another program keeps something else
    under that name."""
    lease = trial.user_attrs.get(LEASE)
    return lease if isinstance(lease, Mapping) and "until" in lease else None


def has_lease(trial: "FrozenTrial") -> bool:
    """Whether a worker of ours has made a trial or taken it from the queue: with its lease, and
    with all of its parameters at once. Other programs add the parameters of a running trial one
    after the other."""
    return lease_of(trial) is not None


def progress(trial: "FrozenTrial") -> Progress:
    """How far a running trial was when its lease was last renewed: `step` of `steps`, and the
    validation's `distortion` and `rate` in nats; of a trial with replicates which of them that is,
    and how many are trained at once, `step` being their mean. Empty before the first validation."""
    found: Progress = (lease_of(trial) or {}).get("progress") or {}
    return found


def is_lost(trial: "FrozenTrial", now: float) -> bool:
    """Whether the worker of a running trial is gone: on this machine its process has ended, on
    another machine the lease has run out. A trial without a lease is another program's, which may
    take as long as it likes.

    Args:
        trial: as the storage has it.
        now: Unix time.
    """
    lease = lease_of(trial)
    if trial.state.name != "RUNNING" or lease is None:
        return False
    if lease.get("machine") == machine():  # a suspended process keeps its trial
        return not _is_alive(lease["pid"], lease["born"])
    return bool(lease["until"] < now)


def _is_alive(pid: int, born: float) -> bool:
    try:
        process = psutil.Process(pid)
        # The number may have been given to a second process since, and a zombie trains nothing.
        same = abs(process.create_time() - born) < CLOCK_SECONDS
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class ExpiredLeases:
    """The leases of other machines that have run out, and since when this process has seen them so.

    While a storage is away no worker can renew its lease, and when the storage is back every lease
    has run out. A worker is therefore taken for lost only after it had the time to renew its lease
    and did not: the lease must stay expired and unchanged for a third of its length.
    """

    def __init__(self) -> None:
        # By the trial's number: until when the lease held, and when that was first seen.
        self._seen: dict[int, tuple[float, float]] = {}

    def without_unconfirmed(self, trials: "Iterable[FrozenTrial]") -> "list[FrozenTrial]":
        """The trials without those whose lease has run out too short a time ago."""
        now, before = time.monotonic(), self._seen
        self._seen = {}
        rest = []
        for trial in trials:
            lease = lease_of(trial)
            if lease and lease.get("machine") != machine() and is_lost(trial, time.time()):
                until, since = before.get(trial.number, (0.0, now))
                since = since if until == lease["until"] else now
                self._seen[trial.number] = lease["until"], since
                if now - since < LeaseTimes(lease.get("seconds", LEASE_SECONDS)).confirm:
                    continue
            rest.append(trial)
        return rest


@contextmanager
def renewed(renew: Callable[[], bool], seconds: float = LEASE_SECONDS) -> Iterator[None]:
    """Calls `renew` every few seconds, in a thread, while the block runs.

    Where a renewal takes long the next one comes later: then hundreds of workers ask more of the
    storage than it can answer.

    Args:
        renew: writes the leases anew of all trials that are held. Once it says that none is held
            any more, as where other workers took them for lost, it is not called again.
        seconds: the length of the leases.
    """
    done, times = Event(), LeaseTimes(seconds)

    def renew_until_done() -> None:
        pause = times.renewal
        while not done.wait(pause * random.uniform(0.8, 1.2)):
            started = time.monotonic()
            try:
                if not renew():
                    return
                pause = times.pause(time.monotonic() - started)
            except Exception:  # the storage is away: the leases say so by running out
                pause = times.retry

    thread = Thread(target=renew_until_done, daemon=True, name=f"lease-{os.getpid()}")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
