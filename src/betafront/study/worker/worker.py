"""A worker: claim a trial, train it, tell what came of it, until the budget is met."""

import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from betafront.config.compose import Composer
from betafront.errors import os_error
from betafront.study.gpus import take_gpu
from betafront.study.search.space import Space
from betafront.study.seeds import run_seed
from betafront.study.signals import FINISH, GRACE_SECONDS, HALT, listening_as_worker
from betafront.study.spec import Spec
from betafront.study.storage.errors import in_a_line
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store, again
from betafront.study.trials.lease import LEASE, Progress, Worker, held, machine
from betafront.study.trials.ledger import RECORD, Ledger, end_failed, first, is_met, origin, release
from betafront.study.trials.replicates import replicate, run_folder, together
from betafront.study.trials.stopping import stopped
from betafront.study.worker.attempt import Outcome, attempt
from betafront.study.worker.earlier import runs_before, take_over

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)
# How often all workers of the study were asked to begin no more trials, and to stop those that run.
DRAINS, HALTS = "drains", "halts"


def here() -> tuple[str, int]:
    """This process, among those of all machines."""
    return machine(), os.getpid()


@dataclass(frozen=True)
class WorkerTask:
    """What a Hydra launcher runs in each of its jobs: one worker.

    It stands where a launcher expects the application's task function, so any launcher will do. A
    launcher may run it twice (a requeued job) or one after another; the loop does not mind.

    Attributes:
        config: composed for a multirun.
        composer: composes the trials.
        space: what the trials differ in.
        storage, study: where to claim trials.
        since: the number from which trials belong to this launch.
        asked: how often they had been asked what before.
        grace: seconds that a trial has to stop in, once the engine says that its time is up.
        launcher: the process that launches; it listens to signals itself.
        place: the folder in which the command was given, from which a user's own paths go out.
    """

    config: DictConfig
    composer: Composer
    space: Space
    storage: str
    study: str
    since: int = 0
    asked: Mapping[str, int] = field(default_factory=dict)
    grace: float = GRACE_SECONDS
    launcher: tuple[str, int] = field(default_factory=here)
    place: str = field(default_factory=os.getcwd)

    def __call__(self, job: DictConfig) -> str | None:
        """Work until the budget is met; returns why it ended early, if it did."""
        from hydra.core.hydra_config import HydraConfig

        logging.raiseExceptions = False  # a log that cannot be written has nowhere to say so
        number = int(HydraConfig.get().job.num)
        if here() == self.launcher:
            return self.work(number)
        with listening_as_worker(self.grace) as requeue:
            try:
                early = self.work(number)
            except KeyboardInterrupt:
                early = "its time was up"
            again = requeue()
        if again is not None and self.is_needed():
            again()
        return early

    def work(self, number: int) -> str | None:
        """Work as one of the study's workers; returns why it ended early, if it did."""
        take_gpu(number)
        try:
            os.chdir(self.place)
            Loop(self, number).run()
        except Exception as error:
            log.exception("the worker ended early")
            return in_a_line(error)
        return None

    def is_needed(self) -> bool:
        """Whether the study has something left to do and was not drained, as far as can be told."""
        try:
            store = Store(open_storage(self.storage), self.study)
            settings = store.settings()
            if self.is_asked(DRAINS, settings):
                return False
            return not is_met(Spec.of(settings), store.trials())
        except Exception:  # the storage is away, and the engine's patience short: ask again then
            log.warning("the storage does not answer: the job is queued again", exc_info=True)
            return True

    def is_asked(self, what: str, settings: Mapping[str, Any]) -> bool:
        """Whether the workers were asked for something since they were launched."""
        return bool(settings.get(what, 0) > self.asked.get(what, 0))


class Loop:
    """One entry of a worker into its loop.

    Args:
        task: what it works for.
        number: of the worker.
    """

    def __init__(self, task: WorkerTask, number: int) -> None:
        self.task = task
        self.store = again(lambda: Store(open_storage(task.storage), task.study))
        self.worker = Worker.here(number)
        self.ledger = Ledger(self.store, task.space, self.worker, number, self.stop)
        self.folder = Path(task.config.hydra.sweep.dir).absolute()

    def run(self) -> None:
        """Claim and train until there is nothing left."""
        while (claimed := self.ledger.claim()) is not None:
            trial, spec = claimed
            log.info("training trial %d: %s", trial.number, trial.params)
            with released_on_interrupt(self.store, trial):
                outcome = self.train(trial, spec)
                tell(self.store, trial, outcome, spec)
            if outcome.machine is not None:
                raise OSError(
                    f"{os_error(outcome.machine)}; trial {trial.number} is kept for later"
                )

    def stop(
        self, settings: Mapping[str, Any], spec: Spec, trials: "Sequence[FrozenTrial]"
    ) -> str | None:
        """Why no more trials shall be begun."""
        if FINISH.is_set() or self.task.is_asked(DRAINS, settings):
            return "it was asked to"
        why = stopped(spec, trials, self.task.since)
        if why:
            log.info("no more trials are begun: %s", why)
        return why

    def train(self, trial: "FrozenTrial", spec: Spec) -> Outcome:
        """The runs of a trial that are not there yet, with its lease renewed meanwhile."""
        wanted = origin(trial).replicates or spec.replicates
        trials = self.store.trials()
        runs = runs_before(trial, trials)
        now: Progress = {}
        with held(lambda: self.renew(trial, now)):
            for number in range(len(runs), wanted):
                now.clear()
                if wanted > 1:
                    now.update(replicate=number + 1, replicates=wanted)
                outcome = self.one(trial, trials, spec, number, now)
                if outcome.result is None:
                    return outcome
                runs.append(replicate(outcome.result, self.folder))
        return Outcome(record=together(runs))

    def renew(self, trial: "FrozenTrial", now: Progress) -> None:
        """Renew the lease of the trial that runs, and hear what the workers were asked meanwhile,
        wherever they are."""
        if self.task.is_asked(HALTS, self.store.settings()):
            FINISH.set()
            HALT.set()
        self.store.note(trial.number, LEASE, self.worker.lease(now))

    def one(
        self,
        trial: "FrozenTrial",
        trials: "Sequence[FrozenTrial]",
        spec: Spec,
        number: int,
        now: Progress,
    ) -> Outcome:
        """One run of a trial: what an earlier attempt left of it, or from its first step."""
        found = take_over(self.folder, trial, trials, number)
        if found is not None:
            return Outcome(result=found)
        own = f"seed={run_seed(spec.seed, first(trial), number)}"
        overrides = [*self.task.space.overrides(trial.params), own]
        folder = self.folder / run_folder(trial.number, number)
        return attempt(self.task.composer, overrides, folder, spec.trial_seconds, now)


@contextmanager
def released_on_interrupt(store: Store, trial: "FrozenTrial") -> Iterator[None]:
    """Lets go of a trial that a second Ctrl-C cuts short, where the process lives on."""
    try:
        yield
    except KeyboardInterrupt:
        release(store, trial)
        raise


def tell(store: Store, trial: "FrozenTrial", outcome: Outcome, spec: Spec) -> None:
    """Write a trial's outcome to the storage, unless its lease was lost in the meantime."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    if outcome.halted:
        release(store, trial)
        return
    metrics = outcome.record["metrics"] if outcome.record else {}
    missing = [m for m in spec.objectives if not math.isfinite(metrics.get(m, math.nan))]
    if outcome.record is None or missing:
        why = outcome.reason or f"failed: the run has no value of {missing[0]}"
        in_time = end_failed(store, trial, why)
    else:
        values = [metrics[m] for m in spec.objectives]
        try:
            store.end(trial.number, TrialState.COMPLETE, values, {RECORD: outcome.record})
            in_time = True
        except UpdateFinishedTrialError:  # by another worker, or by a call whose answer was lost
            in_time = store.trials()[trial.number].values == values
    if not in_time:
        log.warning("trial %d had been given to another worker; its late result is not counted",
                    trial.number)  # fmt: skip
