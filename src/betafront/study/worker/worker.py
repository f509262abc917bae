"""A worker: claims a trial, trains it and tells what came of it, until the budget is met."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from betafront.config.compose import Composer
from betafront.config.trust import trusted, trusting
from betafront.encoding import write_what_can_be_shown
from betafront.errors import machine_fault, os_error
from betafront.own_modules import find_modules_in
from betafront.study.gpus import devices_of, take_gpus
from betafront.study.search.space import Space
from betafront.study.seeds import confirming_seed, run_seed
from betafront.study.signals import FINISH, GRACE_SECONDS, HALT, listening_as_worker
from betafront.study.spec import OWN_LINE, Spec
from betafront.study.storage.errors import in_a_line
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store, with_patience
from betafront.study.trials.confirming import ConfirmingLedger, ended, planned_runs
from betafront.study.trials.ending import Outcome, release, tell
from betafront.study.trials.lease import LEASE, Progress, Worker, has_lease, machine, renewed
from betafront.study.trials.ledger import Claim, Ledger
from betafront.study.trials.origin import first_attempt, numbered, origin
from betafront.study.trials.ours import trial_folder
from betafront.study.trials.queue import is_met
from betafront.study.trials.replicates import record_of_run, record_of_runs, run_folder
from betafront.study.trials.stopping import stopped
from betafront.study.worker.attempt import attempt
from betafront.study.worker.confirming import confirming_overrides, may_go_on, shorter_run
from betafront.study.worker.earlier_attempts import (
    begin_with,
    runs_to_add_to,
    set_aside,
    take_over,
)
from betafront.study.worker.pruner import Pruner
from betafront.training.folder import RunFolder
from betafront.training.result import Result

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)
# Settings of the study: how often its workers were asked to begin no more trials, and to stop the
# trials that run.
DRAINS, HALTS = "drains", "halts"


def times_asked(settings: Mapping[str, Any], what: str) -> int:
    """How often the workers of a study were asked for DRAINS or HALTS, by its settings."""
    found = settings.get(what, 0)
    return found if isinstance(found, int) else 0  # another program may use the name


def this_process() -> tuple[str, int]:
    """This process, among those of all machines."""
    return machine(), os.getpid()


@dataclass(frozen=True)
class WorkerTask:
    """What a Hydra launcher runs in each of its jobs: one worker.

    It takes the place of the application's task function, so any launcher can run it. A launcher
    may run it twice in one process, or one worker after another.

    Attributes:
        config: composed for a multirun.
        composer: composes the trials.
        space: what the trials differ in.
        storage: the address of the storage.
        study: the name of the study.
        since: the number from which trials belong to this launch.
        asked: how often the study's workers had been asked for DRAINS and HALTS before this launch.
        grace: seconds that a trial has to stop in, once the engine's signal has come.
        launcher: the process that launches the workers; it listens to signals itself.
        place: the folder in which the command was given: a user's relative paths start there.
        confirming: whether the workers train the runs that are to confirm the decision, in place of
            trials.
        trust: what the configurations of trials may name (`betafront.config.trust`), which not
            every engine hands on in the environment.
    """

    config: DictConfig
    composer: Composer
    space: Space
    storage: str
    study: str
    since: int = 0
    asked: Mapping[str, int] = field(default_factory=dict)
    grace: float = GRACE_SECONDS
    launcher: tuple[str, int] = field(default_factory=this_process)
    place: str = field(default_factory=os.getcwd)
    confirming: bool = False
    trust: frozenset[str] = field(default_factory=trusted)

    def __call__(self, job: DictConfig) -> str | None:
        """Work until the budget is met; returns why it ended early, if it did."""
        from hydra.core.hydra_config import HydraConfig

        logging.raiseExceptions = False  # where the log cannot be written, the worker goes on
        number = int(HydraConfig.get().job.num)
        if this_process() == self.launcher:
            return self.work(number)
        with listening_as_worker(self.grace) as requeue:
            try:
                early = self.work(number)
            except KeyboardInterrupt:
                early = "its time was up"
            queue_again = requeue()
        if queue_again is not None and self.is_needed():
            queue_again()
        return early

    def work(self, number: int) -> str | None:
        """Work as one of the study's workers; returns why it ended early, if it did."""
        take_gpus(number, devices_of(self.config))
        try:
            os.chdir(self.place)
            write_what_can_be_shown()
            find_modules_in(Path(self.place))
            with trusting(self.trust):
                Loop(self, number).run()
        except Exception as error:
            log.exception("the worker ended early")
            return in_a_line(error)
        return None

    def is_needed(self) -> bool:
        """Whether the study has work left and its workers were not asked to end; true where the
        storage cannot say."""
        try:
            store = self.store()
            settings = store.settings()
            if self.is_asked(DRAINS, settings):
                return False
            trials = store.trials()
            if self.confirming:
                planned = planned_runs(settings)
                return len(ended(planned, trials)) < len(planned)
            return not is_met(Spec.of(settings), trials)
        except Exception:  # the engine waits for no storage: the queued job asks it again
            log.warning("the storage does not answer: the job is queued again", exc_info=True)
            return True

    def store(self) -> Store:
        """The study in its storage."""
        return Store(open_storage(self.storage), self.study, has_lease)

    def is_asked(self, what: str, settings: Mapping[str, Any]) -> bool:
        """Whether the workers were asked for something since they were launched."""
        return times_asked(settings, what) > self.asked.get(what, 0)


class Loop:
    """A worker at work: it claims trials and trains them until none is left.

    Args:
        task: what it works for.
        number: of the worker.
    """

    def __init__(self, task: WorkerTask, number: int) -> None:
        self.task = task
        self.store = with_patience(task.store)
        self.worker = Worker.here(number)
        kind = ConfirmingLedger if task.confirming else Ledger
        self.ledger = kind(self.store, task.space, self.worker, number, self.stop)
        self.folder = Path(task.config.hydra.sweep.dir).absolute()

    def run(self) -> None:
        """Claim and train until there is nothing left.

        Raises:
            OSError: this machine cannot train, as where its disk is full.
        """
        while (claim := self.ledger.claim()) is not None:
            trial = claim.trial
            log.info("training trial %d: %s", trial.number, origin(trial).confirms or trial.params)
            with released_on_interrupt(self.store, trial):
                outcome = self.train(claim)
                tell(self.store, trial, outcome, claim.spec)
            if outcome.machine is not None:
                raise OSError(
                    f"{os_error(outcome.machine)}; trial {trial.number} is kept for later"
                )

    def stop(
        self, settings: Mapping[str, Any], spec: Spec, trials: "Sequence[FrozenTrial]"
    ) -> str | None:
        """Why this worker shall begin no more trials; None if it may."""
        if FINISH.is_set() or self.task.is_asked(DRAINS, settings):
            return "it was asked to"
        if self.task.confirming:  # what it may cost was settled when it was planned
            return None
        why = stopped(spec, trials, self.task.since)
        if why:
            log.info("no more trials are begun: %s", why)
        return why

    def train(self, claim: Claim) -> Outcome:
        """Train the runs of a trial that are not there yet, and renew its lease meanwhile."""
        try:
            return self.train_runs(claim)
        except Exception as error:
            if (fault := machine_fault(error)) is None:
                raise
            log.exception("the machine cannot train trial %d", claim.trial.number)
            return Outcome(halted=True, machine=fault)

    def train_runs(self, claim: Claim) -> Outcome:
        """As `train`; faults of the machine, in what lies around the training of a run, are
        raised."""
        why = origin(claim.trial)
        wanted = 1 if why.confirms else why.replicates or claim.spec.replicates
        runs = runs_to_add_to(claim.trial, claim.trials)
        set_aside(self.folder / trial_folder(claim.trial.number))
        now: Progress = {}
        taken = Event()
        with renewed(lambda: self.renew(claim, now), taken.set, claim.spec.lease):
            for replicate in range(len(runs), wanted):
                now.clear()
                if wanted > 1:
                    now.update(replicate=replicate + 1, replicates=wanted)
                found = self.train_run(claim, replicate, now, taken)
                if isinstance(found, Outcome):
                    return found
                runs.append(record_of_run(found, self.folder))
        return Outcome(record=record_of_runs(runs))

    def train_run(
        self, claim: Claim, replicate: int, now: Progress, taken: Event
    ) -> Result | Outcome:
        """One run of a trial: the result that an earlier attempt has left, or trained, from the
        earlier attempt's checkpoint where there is one.

        Args:
            claim: of the trial.
            replicate: which of its runs.
            now: kept up to date with how far the run is.
            taken: set once another worker has the trial.
        """
        trial, spec = claim.trial, claim.spec
        left = take_over(self.folder, trial, claim.trials, replicate)
        if left is not None:
            return left
        folder, seconds = self.folder / run_folder(trial.number, replicate), spec.trial_seconds
        run = origin(trial).confirms
        if run is None:
            of_study = origin(trial).seed
            first = first_attempt(trial)
            seed = run_seed(spec.seed if of_study is None else of_study, first, replicate)
            overrides = self.task.space.overrides(trial.params)
        else:
            seed = confirming_seed(spec.seed, run.seed)
            picked = numbered(claim.trials, run.trial)
            if picked is None:
                return Outcome(reason=f"failed: trial {run.trial} was deleted from the storage")
            if not self.task.space.holds(picked.params):
                why_not = "has parameters, in the storage, that the study does not search"
                return Outcome(reason=f"failed: trial {run.trial} {why_not}")
            overrides = self.task.space.overrides(picked.params)
            overrides = confirming_overrides(self.task.composer, overrides, run)
            seconds = None if seconds is None else seconds * run.times
            own, shorter = RunFolder(folder), shorter_run(run, claim.trials, self.folder)
            if (
                shorter is not None
                and not own.has_checkpoint
                and may_go_on(self.task.composer, overrides)
            ):
                begin_with(shorter.last, own)
                log.info("trial %d goes on from %s", trial.number, shorter.path.name)
        overrides = [*overrides, f"seed={seed}"]
        pruner = self.pruner(claim)
        return attempt(self.task.composer, overrides, folder, seconds, now, taken.is_set, pruner)

    def pruner(self, claim: Claim) -> Pruner | None:
        """What may stop the run of a trial; nothing where the study prunes none, and for runs that
        stand for those of another study, add replicates or confirm the decision."""
        why = origin(claim.trial)
        own = why.source is None and why.adds_to is None and why.confirms is None
        prunes = own and claim.spec.pruner == OWN_LINE
        return Pruner(self.store, claim.trial, claim.trials) if prunes else None

    def renew(self, claim: Claim, now: Progress) -> None:
        """Renew the lease of a running trial, and look whether the workers of the study, on any
        machine, were asked to stop."""
        if self.task.is_asked(HALTS, self.store.settings()):
            FINISH.set()
            HALT.set()
        lease = self.worker.lease(now, claim.spec.lease)
        self.store.note(claim.trial.number, LEASE, lease)


@contextmanager
def released_on_interrupt(store: Store, trial: "FrozenTrial") -> Iterator[None]:
    """Lets go of a trial that a second Ctrl-C cuts short, where the process lives on."""
    try:
        yield
    except KeyboardInterrupt:
        release(store, trial)
        raise
