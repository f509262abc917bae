"""Who may train which trial: leases, and a budget that is met exactly.

The claim rule: ask for a trial, then keep it only if fewer than N trials with lower numbers count.
A trial counts unless its worker was lost or it was given back; once it does not count it never
counts again, and numbers only grow. So the highest trial that was kept had fewer than N counting
below it, and there are never more than N; and a worker leaves only when N have finished, so there
are never fewer. It needs no counter and no lock beyond the storage's own.
"""

import os
import random
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil

from betafront.study.space import Space

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

LEASE = "lease"
REASON = "reason"
RETRY = "retry"
QUEUED = "queued"
FIRST = "first"
BEFORE = "before"
OVER_BUDGET = "given back: the budget was full"
STALE = "stale: its worker was lost"
LEASE_SECONDS = 60.0
RETRIES = 3
CLOCK_SECONDS = 10.0  # by which the start of a process may seem to move when the clock is set


@dataclass(frozen=True)
class Worker:
    """A process that trains trials, named so that others can tell whether it still lives."""

    name: str
    host: str
    pid: int
    born: float

    @classmethod
    def here(cls, number: int) -> "Worker":
        """This process as worker `number`; a new name at every entry, since a launcher may run the
        same worker twice."""
        process = psutil.Process()
        return cls(
            f"{number}-{uuid4().hex[:8]}", socket.gethostname(), process.pid, process.create_time()
        )

    def lease(self) -> dict[str, Any]:
        """What is written on a trial to hold it for LEASE_SECONDS."""
        return asdict(self) | {"until": time.time() + LEASE_SECONDS}


def counts(trial: "FrozenTrial") -> bool:
    """Whether a trial takes up budget: all do but those given back, and those whose worker was lost
    (they failed without a reason) as long as they are tried again."""
    if not is_failed(trial):
        return True
    if REASON in trial.user_attrs:
        return bool(trial.user_attrs[REASON] != OVER_BUDGET)
    return retries(trial) >= RETRIES


def finished(study: "Study") -> int:
    """How many trials are finished and count against the budget."""
    return sum(t.state.is_finished() and counts(t) for t in study.get_trials(deepcopy=False))


def retries(trial: "FrozenTrial") -> int:
    """How often the same parameters were tried before and lost."""
    return int(trial.user_attrs.get(RETRY, 0))


def first(trial: "FrozenTrial | Trial") -> int:
    """The number of the trial that this one is an attempt at: its own, or the first one's that was
    lost. The seed comes from it, so that every attempt is the same run."""
    return int(trial.user_attrs.get(FIRST, trial.number))


def reason(trial: "FrozenTrial") -> str:
    """Why a trial failed."""
    if REASON in trial.user_attrs:
        return str(trial.user_attrs[REASON])
    if retries(trial) >= RETRIES:
        return f"failed: its worker was lost {RETRIES + 1} times in a row"
    return STALE


def is_failed(trial: "FrozenTrial") -> bool:
    """Whether a trial ended without a result."""
    return trial.state.name == "FAIL"


def is_lost(trial: "FrozenTrial", now: float) -> bool:
    """Whether a running trial's worker is gone: its process has ended on this host, or its lease
    ran out on another, or it never wrote one."""
    if trial.state.name != "RUNNING":
        return False
    lease = trial.user_attrs.get(LEASE)
    if lease is None:  # killed between its claim and its first lease, or about to write it
        started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
        return now - started > LEASE_SECONDS
    if lease["host"] == socket.gethostname():  # a suspended process keeps what it holds
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


def reap(study: "Study", trials: Iterable["FrozenTrial"]) -> bool:
    """Fail the trials whose worker was lost and put their parameters back in the queue.

    Returns:
        Whether any was; then `trials` are out of date.
    """
    from optuna.trial import TrialState

    lost = [t for t in trials if is_lost(t, time.time())]
    for trial in lost:
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except (ValueError, RuntimeError):
            continue  # another worker was quicker, or its own did come back
        if REASON not in trial.user_attrs and retries(trial) < RETRIES:
            # A queued trial may have been lost before it took up all of its parameters.
            params = trial.user_attrs.get(QUEUED, {}) | trial.params
            again = {RETRY: retries(trial) + 1, FIRST: first(trial), BEFORE: trial.number}
            enqueue(study, params, again)
    return bool(lost)


def enqueue(study: "Study", params: dict[str, Any], attrs: dict[str, Any] | None = None) -> None:
    """Put parameters in the queue, to be claimed before any new ones are drawn."""
    study.enqueue_trial(params, user_attrs={QUEUED: params, **(attrs or {})})


def give_back(study: "Study", trial: "Trial") -> None:
    """End a trial that was asked for in vain."""
    from optuna.trial import TrialState

    trial.set_user_attr(REASON, OVER_BUDGET)
    study.tell(trial, state=TrialState.FAIL)


def claim(study: "Study", space: Space, budget: int, worker: Worker) -> "Trial | None":
    """A trial for this worker to train, or None once the budget is met.

    Waits while others train the last trials, since one of them may be lost.
    """
    from optuna.trial import TrialState

    while True:
        trials = study.get_trials(deepcopy=False)
        if reap(study, trials):
            continue
        alive = [t for t in trials if counts(t)]
        waiting = [t for t in alive if t.state == TrialState.WAITING]
        if sum(t.state.is_finished() for t in alive) >= budget:
            if not waiting:
                return None
            give_back(study, study.ask(space.distributions))  # a retry that came too late
            continue
        if len(alive) - len(waiting) >= budget:
            time.sleep(random.uniform(0.5, 1.0))
            continue
        trial = study.ask(space.distributions)
        trial.set_user_attr(LEASE, worker.lease())
        before = (t for t in study.get_trials(deepcopy=False) if t.number < trial.number)
        if sum(map(counts, before)) < budget:
            return trial
        give_back(study, trial)


@contextmanager
def held(trial: "Trial", worker: Worker) -> Iterator[None]:
    """Renews the lease of `trial` while the block runs."""
    done = Event()

    def renew() -> None:
        while not done.wait(LEASE_SECONDS / 4):
            try:
                trial.set_user_attr(LEASE, worker.lease())
            except Exception:  # the storage is away or the trial was reaped: the tell will know
                continue

    thread = Thread(target=renew, daemon=True, name=f"lease-{trial.number}-{os.getpid()}")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
