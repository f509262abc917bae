"""A worker: claim a trial, compose it, train it, tell what came of it, until the budget is met."""

import errno
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import configure_log, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from betafront import recipe
from betafront.errors import one_line, os_error
from betafront.study.lease import LEASE, Progress, Worker, held
from betafront.study.ledger import RECORD, Ledger, end_failed, first, origin, release
from betafront.study.replicates import Record, replicate, run_folder, runs_of, seed, together
from betafront.study.signals import FINISH, HALT, listen_as_worker
from betafront.study.space import Space
from betafront.study.spec import Spec
from betafront.study.stopping import out_of_time, too_many_failures
from betafront.study.storage import open_storage
from betafront.study.store import Store
from betafront.training import (
    CHECKPOINT,
    RESULT,
    Diverged,
    Halted,
    Result,
    TimedOut,
    fit,
    out_of_memory,
)

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)
DRAINS = "drains"
MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # not the trial's fault: so would the next be


@dataclass(frozen=True)
class Outcome:
    """What came of a run or of a trial: something, or the reason why there is nothing.

    Attributes:
        result: of a run.
        record: of a trial.
        reason: why there is neither; it counts as failed.
        halted: it was stopped with a checkpoint, for another worker to go on.
        machine: what ails the machine, so that this worker had better end.
    """

    result: Result | None = None
    record: Record | None = None
    reason: str | None = None
    halted: bool = False
    machine: OSError | None = None


def attempt(config: DictConfig, folder: Path, seconds: float | None, now: Progress) -> Outcome:
    """Train the run that `config` describes, and turn what goes wrong in it into a reason (the
    traceback is in its log).

    Args:
        config: composed.
        folder: for its files.
        seconds: that its training may take.
        now: kept up to date with how far it is.
    """

    def report(row: dict[str, float]) -> None:
        now.update(
            step=row["step"], distortion=row["val/distortion"], rate=row["val/rate"],
            steps=config.trainer.steps,
        )  # fmt: skip

    try:
        recipe.save(config, folder)
        run = recipe.build(config)
        return Outcome(result=fit(run, folder, report, halt=HALT.is_set, seconds=seconds))
    except Diverged as error:
        log.warning("diverged at step %d", error.step)
        return Outcome(reason=f"diverged: {error}")
    except TimedOut as error:
        log.warning("timed out at step %d", error.step)
        return Outcome(reason=f"timed out: {error}")
    except Halted as error:
        log.warning("%s", error)
        return Outcome(halted=True)
    except Exception as error:
        log.exception("the trial failed")
        if isinstance(error, OSError) and error.errno in MACHINE:
            return Outcome(halted=True, machine=error)
        kind = "out of memory" if out_of_memory(error) else "failed"
        return Outcome(reason=f"{kind}: {type(error).__name__}: {one_line(error)}"[:500])


@dataclass(frozen=True)
class WorkerTask:
    """What a Hydra launcher runs in each of its jobs: one worker's loop.

    It stands where a launcher expects the application's task function, so any launcher will do. A
    launcher may run it twice (a requeued job) or one after another; the loop does not mind.

    Attributes:
        context, config: with which each trial is composed.
        fixed: overrides that hold for every trial.
        space: what the trials differ in.
        storage, study: where to claim trials.
        since: the number from which trials belong to this launch.
        drains: how often the study had been drained before.
        launcher: the process that launches; it listens to signals itself.
    """

    context: HydraContext
    config: DictConfig
    fixed: list[str]
    space: Space
    storage: str
    study: str
    since: int = 0
    drains: int = 0
    launcher: int = field(default_factory=os.getpid)

    def __call__(self, job: DictConfig) -> int:
        """Work until the budget is met; returns the number of trials trained."""
        from hydra.core.hydra_config import HydraConfig

        setup_globals()
        if os.getpid() != self.launcher:
            listen_as_worker()
        own_log = HydraConfig.get().job_logging
        try:
            return self._work(int(HydraConfig.get().job.num), own_log)
        except Exception:
            log.exception("the worker ended early")
            raise

    def _work(self, number: int, own_log: Any) -> int:
        store = Store(open_storage(self.storage), self.study)
        worker = Worker.here(number)
        ledger = Ledger(store, self.space, worker, number, self._stop)
        done = 0
        while (claimed := ledger.claim()) is not None:
            trial, spec = claimed
            log.info("training trial %d: %s", trial.number, trial.params)
            with released_on_interrupt(store, trial):
                outcome = self._train(store, worker, trial, spec)
                configure_log(own_log)  # the trial's log was its own
                tell(store, trial, outcome, spec)
            if outcome.machine is not None:
                raise OSError(
                    f"{os_error(outcome.machine)}; trial {trial.number} is kept for later"
                )
            done += 1
        return done

    def _stop(
        self, settings: Mapping[str, Any], spec: Spec, trials: "Sequence[FrozenTrial]"
    ) -> str | None:
        if FINISH.is_set() or settings.get(DRAINS, 0) > self.drains:
            return "it was asked to"
        why = out_of_time(spec, trials) or too_many_failures(spec, trials, self.since)
        if why:
            log.info("no more trials are begun: %s", why)
        return why

    def _train(self, store: Store, worker: Worker, trial: "FrozenTrial", spec: Spec) -> Outcome:
        """The runs of a trial that are not there yet."""
        wanted = origin(trial).replicates or spec.replicates
        trials = store.trials()
        runs = runs_before(trial, trials)
        now: Progress = {}
        with held(lambda: store.note(trial.number, LEASE, worker.lease(now))):
            for number in range(len(runs), wanted):
                outcome = self._run(trial, trials, spec, number, now)
                if outcome.result is None:
                    return outcome
                runs.append(replicate(outcome.result, self._folder))
        return Outcome(record=together(runs))

    def _run(
        self,
        trial: "FrozenTrial",
        trials: "Sequence[FrozenTrial]",
        spec: Spec,
        number: int,
        now: Progress,
    ) -> Outcome:
        """One replicate of a trial."""
        found = take_over(self._folder, trial, trials, number)
        if found is not None:
            return Outcome(result=found)
        overrides = [
            *self.fixed,
            *self.space.overrides(trial.params),
            f"seed={seed(spec.seed, first(trial), number)}",
        ]
        try:
            config = self.context.config_loader.load_sweep_config(self.config, overrides)
        except Exception as error:
            log.exception("trial %d cannot be composed", trial.number)
            return Outcome(reason=f"failed: {one_line(error)}"[:500])
        folder = run_folder(trial.number, number)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = trial.number
            config.hydra.sweep.subdir = folder
        try:
            done = run_job(
                task_function=lambda composed: attempt(
                    composed, self._folder / folder, spec.trial_seconds, now
                ),
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
                hydra_context=self.context,
            )
        except OSError as error:  # the folder or its log cannot be made
            return Outcome(halted=True, machine=error)
        outcome: Outcome = done.return_value
        return outcome

    @property
    def _folder(self) -> Path:
        return Path(self.config.hydra.sweep.dir).absolute()


@contextmanager
def released_on_interrupt(store: Store, trial: "FrozenTrial") -> Iterator[None]:
    """Lets go of a trial that a second Ctrl-C cuts short, where the process lives on."""
    try:
        yield
    except KeyboardInterrupt:
        release(store, trial)
        raise


def runs_before(trial: "FrozenTrial", trials: "Sequence[FrozenTrial]") -> list[Record]:
    """The runs that a trial which only adds replicates need not repeat."""
    tops = origin(trial).tops
    if tops is None:
        return []
    known = [t for t in trials if t.state.name == "COMPLETE"]
    found = [t for t in known if t.number == tops or origin(t).tops == tops]
    return max((runs_of(t.user_attrs[RECORD]) for t in found), key=len)


def take_over(
    folder: Path, trial: "FrozenTrial", trials: "Sequence[FrozenTrial]", number: int
) -> Result | None:
    """What an earlier attempt at a run has left: its result, or a checkpoint to go on from.

    The checkpoint is copied to a folder of its own: the worker that was lost may only have slept,
    and go on writing in its own.

    Args:
        folder: of the study.
        trial: the attempt that begins.
        trials: of the study.
        number: of the replicate.
    """
    before = origin(trial).before
    while before is not None:
        left = folder / run_folder(before, number)
        if (left / RESULT).is_file():  # it was lost before it could tell
            log.info("trial %d has the result of trial %d", trial.number, before)
            return Result.load(left)
        if (left / CHECKPOINT).is_file():
            own = folder / run_folder(trial.number, number)
            own.mkdir(parents=True, exist_ok=True)
            part = own / f"{CHECKPOINT}.part"
            shutil.copyfile(left / CHECKPOINT, part)
            part.replace(own / CHECKPOINT)
            log.info("trial %d goes on from the checkpoint of trial %d", trial.number, before)
            return None
        before = origin(trials[before]).before
    return None


def tell(store: Store, trial: "FrozenTrial", outcome: Outcome, spec: Spec) -> None:
    """Write a trial's outcome to the storage, unless its lease was lost in the meantime."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    if outcome.halted:
        release(store, trial)
        return
    metrics = outcome.record["metrics"] if outcome.record else {}
    missing = [m for m in spec.objectives if m not in metrics]
    if outcome.record is None or missing:
        why = outcome.reason or f"failed: the run has no metric {missing[0]}"
        in_time = end_failed(store, trial, why)
    else:
        values = [metrics[m] for m in spec.objectives]
        try:
            store.note(trial.number, RECORD, outcome.record)
            store.end(trial.number, TrialState.COMPLETE, values)
            in_time = True
        except UpdateFinishedTrialError:  # by another worker, or by a call whose answer was lost
            in_time = store.trial(trial.number).values == values
    if not in_time:
        log.warning("trial %d had been given to another worker; its late result is not counted",
                    trial.number)  # fmt: skip
