"""A worker: claim a trial, compose it, train it, tell what came of it, until the budget is met."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import configure_log, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from betafront.errors import one_line
from betafront.study.ledger import BEFORE, REASON, Worker, claim, first, held
from betafront.study.samplers import sampler, seed_from
from betafront.study.space import Space
from betafront.study.spec import Spec
from betafront.study.storage import load_study, open_storage
from betafront.training import CHECKPOINT, Diverged, Result

if TYPE_CHECKING:
    from optuna import Trial

log = logging.getLogger(__name__)
RECORD = "record"

Task = Callable[[DictConfig], Result]


@dataclass(frozen=True)
class Outcome:
    """What came of a trial: a result, or the reason why there is none."""

    result: Result | None = None
    reason: str | None = None


def attempt(task: Task, config: DictConfig) -> Outcome:
    """Run the task, and turn what goes wrong in it into a reason (the traceback is in its log)."""
    try:
        return Outcome(result=task(config))
    except Diverged as error:
        log.warning("diverged at step %d", error.step)
        return Outcome(reason=f"diverged: {error}")
    except Exception as error:
        log.exception("the trial failed")
        line = one_line(error)
        return Outcome(reason=f"failed: {type(error).__name__}: {line}"[:500])


@dataclass(frozen=True)
class WorkerTask:
    """What a Hydra launcher runs in each of its jobs: one worker's loop.

    It stands where a launcher expects the application's task function, so any launcher will do. A
    launcher may run it twice (a requeued job) or one after another; the loop does not mind.

    Attributes:
        task: the application's own task function.
        context, config: with which each trial is composed.
        fixed: overrides that hold for every trial.
        space: what the trials differ in.
        storage, study: where to claim trials.
    """

    task: Task
    context: HydraContext
    config: DictConfig
    fixed: list[str]
    space: Space
    storage: str
    study: str

    def __call__(self, job: DictConfig) -> int:
        """Work until the budget is met; returns the number of trials trained."""
        from hydra.core.hydra_config import HydraConfig

        setup_globals()
        own_log = HydraConfig.get().job_logging
        try:
            return self._work(int(HydraConfig.get().job.num), own_log)
        except Exception:
            log.exception("the worker ended early")
            raise

    def _work(self, number: int, own_log: Any) -> int:
        study = load_study(open_storage(self.storage), self.study)
        spec = Spec.load(study)
        worker = Worker.here(number)
        seen = len(study.get_trials(deepcopy=False))
        study.sampler = sampler(spec.sampler, spec.seed, number, seen)
        done = 0
        while (trial := claim(study, self.space, spec.trials, worker)) is not None:
            log.info("training trial %d: %s", trial.number, trial.params)
            with held(trial, worker):
                outcome = self._train(trial, spec)
            configure_log(own_log)  # the trial's log was its own
            tell(study, trial, outcome, spec)
            done += 1
        return done

    def _train(self, trial: "Trial", spec: Spec) -> Outcome:
        number = trial.number
        overrides = [
            *self.fixed,
            *self.space.overrides(trial.params),
            f"seed={seed_from(spec.seed, first(trial))}",
        ]
        try:
            config = self.context.config_loader.load_sweep_config(self.config, overrides)
        except Exception as error:
            log.exception("trial %d cannot be composed", number)
            return Outcome(reason=f"failed: {one_line(error)}"[:500])
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
            config.hydra.sweep.subdir = trial_folder(number)
        take_over(Path(config.hydra.sweep.dir), trial)
        done = run_job(
            task_function=lambda cfg: attempt(self.task, cfg),
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )
        outcome: Outcome = done.return_value
        return outcome


def take_over(folder: Path, trial: "Trial") -> None:
    """Let a trial go on from the checkpoint of the attempt before it that was lost.

    A copy, in a folder of its own: the worker that was lost may only have slept, and go on writing
    in its own.
    """
    before = trial.user_attrs.get(BEFORE)
    left = folder / trial_folder(before) / CHECKPOINT if before is not None else None
    if left is None or not left.is_file():
        return
    own = folder / trial_folder(trial.number)
    own.mkdir(parents=True, exist_ok=True)
    part = own / f"{CHECKPOINT}.part"
    shutil.copyfile(left, part)
    part.replace(own / CHECKPOINT)
    log.info("trial %d goes on from the checkpoint of trial %d", trial.number, before)


def trial_folder(number: int) -> str:
    """The name of a trial's run folder."""
    return f"trial-{number:04d}"


def tell(study: Any, trial: Any, outcome: Outcome, spec: Spec) -> None:
    """Write a trial's outcome to the storage, unless its lease was lost in the meantime."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        if outcome.result is None:
            trial.set_user_attr(REASON, outcome.reason)
            study.tell(trial, state=TrialState.FAIL)
            return
        result = outcome.result
        missing = [m for m in spec.objectives if m not in result.metrics]
        if missing:
            trial.set_user_attr(REASON, f"failed: the run has no metric {missing[0]}")
            study.tell(trial, state=TrialState.FAIL)
            return
        trial.set_user_attr(RECORD, record(result))
        study.tell(trial, [result.metrics[m] for m in spec.objectives])
    except (UpdateFinishedTrialError, ValueError):
        log.warning("trial %d had been given to another worker; its late result is not counted",
                    trial.number)  # fmt: skip


def record(result: Result) -> dict[str, Any]:
    """What the storage keeps of a run: enough for tables and fronts without its folder."""
    return {
        "metrics": result.metrics,
        "scale": result.scale,
        "seconds": round(result.seconds, 3),
        "folder": Path(result.folder).name,
    }
