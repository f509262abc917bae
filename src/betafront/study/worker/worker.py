"""A worker: claims trials, trains them and tells what came of them, until the budget is met."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from betafront.config.compose import Composer
from betafront.config.trust import trusted, trusting
from betafront.encoding import write_what_can_be_shown
from betafront.errors import machine_fault, os_error
from betafront.own_modules import find_modules_in
from betafront.study.gpus import devices_of, take_gpus
from betafront.study.search.space import Space
from betafront.study.signals import FINISH, GRACE_SECONDS, HALT, listening_as_worker
from betafront.study.spec import Spec
from betafront.study.storage.errors import in_a_line
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store, with_patience
from betafront.study.trials.confirming import ConfirmingLedger, ended, planned_runs
from betafront.study.trials.ending import Outcome, release, tell
from betafront.study.trials.lease import LEASE, Worker, has_lease, machine, renewed
from betafront.study.trials.ledger import Claim, Ledger
from betafront.study.trials.origin import origin
from betafront.study.trials.ours import trial_folder
from betafront.study.trials.queue import is_met
from betafront.study.trials.stopping import out_of_budget, stopped
from betafront.study.worker.attempt import Asked, attempt
from betafront.study.worker.earlier_attempts import set_aside
from betafront.study.worker.member import Member
from betafront.study.worker.run_of_trial import RunsOfTrials

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
            spec = Spec.of(settings)
            return not is_met(spec, trials) and not out_of_budget(spec, trials)
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
        self.runs = RunsOfTrials(task.composer, task.space, self.store, self.folder)

    def run(self) -> None:
        """Claim and train until there is nothing left.

        Raises:
            OSError: this machine cannot train, as where its disk is full.
        """
        while (claim := self.ledger.claim()) is not None:
            members = [held(claim)]
            with released_on_interrupt(self.store, members):
                self.train(members)
            refuse_to_go_on(members)

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

    def train(self, members: list[Member]) -> None:
        """Train the runs of a trial that are not there yet, with those of the trials that are
        stacked with it, and tell what came of each trial. Their leases are renewed meanwhile.

        Args:
            members: the trial; those that are claimed beside it are added.
        """
        with renewed(lambda: self.renew(members), members[0].claim.spec.lease):
            try:
                self.claim_beside(members)
                self.train_runs(members)
            except Exception as error:
                if (fault := machine_fault(error)) is None:
                    raise
                held = [member for member in members if member.outcome is None]
                numbers = ", ".join(str(member.number) for member in held)
                log.exception("the machine cannot train trial %s", numbers)
                for member in held:
                    member.outcome = Outcome(halted=True, machine=fault)
                self.tell(members)

    def claim_beside(self, members: list[Member]) -> None:
        """Claim the trials that are stacked with the first. All see the study as it stands then."""
        first = members[0].claim
        for claim in self.ledger.claim_beside(first, self.runs.at_once(first)):
            members.append(held(claim))
        for member in members:
            member.claim = member.claim._replace(trials=self.ledger.seen)

    def train_runs(self, members: Sequence[Member]) -> None:
        """As `train`; faults of the machine, in what lies around the training of runs, are
        raised."""
        for member in members:
            set_aside(self.folder / trial_folder(member.number))
        self.tell(members)
        while left := [(member, n) for member in members for n in member.missing()]:
            self.train_together(left[: self.runs.at_once(members[0].claim)])
            self.tell(members)

    def train_together(self, wanted: Sequence[tuple[Member, int]]) -> None:
        """Train runs, replicates of trials, unless an earlier attempt has left their results."""
        found = [self.runs.find(member, replicate) for member, replicate in wanted]
        for member in {id(member): member for member, _ in wanted}.values():
            member.running = [
                one.now
                for (other, _), one in zip(wanted, found, strict=True)
                if other is member and isinstance(one, Asked)
            ]
        asked = [one for one in found if isinstance(one, Asked)]
        trained = iter(attempt(self.task.composer, asked) if asked else [])
        for (member, replicate), one in zip(wanted, found, strict=True):
            came = next(trained) if isinstance(one, Asked) else one
            member.take(replicate, came, self.folder)

    def tell(self, members: Sequence[Member]) -> None:
        """Tell what came of the trials that have ended and were not told."""
        for member in members:
            member.conclude()
            if member.outcome is not None and not member.told:
                tell(self.store, member.claim.trial, member.outcome, member.claim.spec)
                member.told = True

    def renew(self, members: Sequence[Member]) -> bool:
        """Renew the leases of the trials that are held, and look whether the workers of the study,
        on any machine, were asked to stop. Returns whether any is held."""
        from optuna.exceptions import UpdateFinishedTrialError

        if self.task.is_asked(HALTS, self.store.settings()):
            FINISH.set()
            HALT.set()
        for member in list(members):
            if not member.is_held:
                continue
            lease = self.worker.lease(member.progress(), member.claim.spec.lease)
            try:
                self.store.note(member.number, LEASE, lease)
            except UpdateFinishedTrialError:  # another worker took it for lost, and goes on with it
                member.taken.set()
        return any(member.is_held for member in members)


def refuse_to_go_on(members: Sequence[Member]) -> None:
    """Train no more on a machine that cannot.

    Raises:
        OSError: naming its fault, and the trials that were let go of.
    """
    faults = {m.number: m.outcome.machine for m in members if m.outcome and m.outcome.machine}
    for fault in faults.values():
        numbers = ", ".join(map(str, faults))
        which = f"trial {numbers} is" if len(faults) == 1 else f"trials {numbers} are"
        raise OSError(f"{os_error(fault)}; {which} kept for later")


def held(claim: Claim) -> Member:
    """The trial of a claim, to be trained."""
    what = origin(claim.trial).confirms or claim.trial.params
    log.info("training trial %d: %s", claim.trial.number, what)
    return Member.of(claim)


@contextmanager
def released_on_interrupt(store: Store, members: Sequence[Member]) -> Iterator[None]:
    """Lets go of the trials that a second Ctrl-C cuts short, where the process lives on."""
    try:
        yield
    except KeyboardInterrupt:
        for member in members:
            release(store, member.claim.trial)
        raise
