"""A sweep: check everything, make or resume the study, launch workers, show what came of it."""

import copy
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from hydra.utils import instantiate
from omegaconf import DictConfig

from betafront import composition
from betafront.errors import UserError, near_miss, one_line
from betafront.front import console
from betafront.metrics import zero_rate
from betafront.recipe import PARTS, build, check
from betafront.study.ledger import QUEUED, counts, enqueue, finished
from betafront.study.records import tally
from betafront.study.report import report
from betafront.study.space import Space, parse
from betafront.study.spec import Spec, read_spec
from betafront.study.storage import open_storage, study_names
from betafront.study.watch import Watch, only_writer
from betafront.study.worker import Task, WorkerTask
from betafront.training import Run

if TYPE_CHECKING:
    from optuna import Study

# The rate beyond which the hypervolume counts nothing, per latent: at 5 nats a posterior is 150
# times narrower than its prior, tighter than any use of a latent that we know of.
REFERENCE_RATE_PER_LATENT = 5.0


@dataclass(frozen=True)
class Plan:
    """A sweep that was checked from end to end before anything is asked.

    Attributes:
        fixed: overrides that hold for every trial.
        space: what the trials differ in.
        base: the configuration without the space.
        spec: of the study.
    """

    fixed: list[str]
    space: Space
    base: DictConfig
    spec: Spec


def sweep(context: HydraContext, task: Task, config: DictConfig, arguments: list[str]) -> None:
    """Run or resume the study that `config` and the command line describe.

    Args:
        context: Hydra's, to compose trials with.
        task: the application's task function: a composed configuration to a Result.
        config: composed for a multirun.
        arguments: overrides of the command line.

    Raises:
        UserError: something was wrong, and nothing was asked or trained.
    """
    out = console()
    plan = make_plan(context, config, arguments)
    url, folder = plan.base.storage.url, Path(plan.spec.folder)
    study = make_or_resume(open_storage(url, create=True), plan.spec)
    spec = Spec.load(study, folder)
    view = instantiate(plan.base.tracking)
    done = finished(study)
    if done >= spec.trials:
        out.print(f"The study {spec.name} is complete: {done} of {spec.trials} trials.")
    elif done:
        out.print(f"Resuming {spec.name}: {done} of {spec.trials} trials are finished.")
    else:
        out.print(
            f"Sweeping {spec.name}: {spec.trials} trials, {spec.workers} workers, sampler "
            f"{spec.sampler}, in {spec.folder}",
            soft_wrap=True,
        )
    with only_writer(spec):
        if done < spec.trials:
            enqueue_grid(study, plan.space, spec)
            work = WorkerTask(task, context, config, plan.fixed, plan.space, url, spec.name)
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the workers as well
            with Watch(study, spec, view, out):
                work_until_met(context, work, config, study, spec)
        report(study, spec, view, out)
    conclude(study, spec, new=done < spec.trials)


def make_plan(context: HydraContext, config: DictConfig, arguments: list[str]) -> Plan:
    """Read the space and the settings, and make every part of every branch once.

    Raises:
        UserError: naming what is wrong and the way out.
    """
    fixed, lines = split_arguments(arguments, config)
    space = Space.parse(f"{key}={value}" for key, value in lines.items())
    base = composition.compose(context.config_loader, config, fixed)
    launch_choices = [o for o in config.hydra.overrides.hydra if not o.startswith("hydra.mode")]
    spec = replace(read_spec(base, space, lines), command=[*launch_choices, *arguments])
    spec = describe(spec, check_branches(context, config, fixed, space))
    if spec.sampler == "grid":
        spec = replace(spec, trials=min(spec.trials, len(space.grid())))
    return Plan(fixed, space, base, spec)


def work_until_met(
    context: HydraContext, work: WorkerTask, config: DictConfig, study: "Study", spec: Spec
) -> None:
    """Launch workers, and again where some were lost, as long as trials get finished."""
    before = -1
    while before < (now := finished(study)) < spec.trials:
        before = now
        launch(context, work, config, spec.workers)


def conclude(study: "Study", spec: Spec, new: bool) -> None:
    """Say by the exit status what became of the budget.

    Raises:
        UserError: it was not met.
    """
    done = finished(study)
    if done < spec.trials:
        raise UserError(
            f"the workers ended before the budget was met ({done} of {spec.trials} trials): see "
            f"{spec.folder}/workers/*/run.log; the same command goes on"
        )
    failed = tally(study.get_trials(deepcopy=False))["failed"]
    if new and failed:
        console().print(f"{failed} of {spec.trials} trials failed: the exit status is 1.")
        sys.exit(1)


def split_arguments(arguments: list[str], config: DictConfig) -> tuple[list[str], dict[str, str]]:
    """The overrides that hold for every trial, and the search space line by line.

    A sweep on the command line joins or replaces the study's own; a plain value there takes its
    parameter out of the search.
    """
    overrides = parse(arguments)
    lines = {str(key): str(value) for key, value in (config.study.space or {}).items()}
    fixed = []
    for text, override in zip(arguments, overrides, strict=True):
        key = override.get_key_element()
        if override.is_sweep_override():
            lines[key] = text.split("=", 1)[1]
        else:
            lines.pop(key, None)
            fixed.append(text)
    for key in [*lines, *(o.key_or_group for o in overrides if o.key_or_group == "seed")]:
        check_key(key)
    if not lines:
        raise UserError(
            "there is nothing to search: name a study (study=weighting), or give a parameter more "
            "than one value, as in 'objective.weight=tag(log,interval(0.01,10))'"
        )
    return fixed, lines


def check_key(key: str) -> None:
    """Refuse to search what no trial reads, or what makes trials incomparable.

    Raises:
        UserError: saying what to do instead.
    """
    part = key.lstrip("+").split("@")[0].split("/")[0].split(".")[0]
    if part == "seed":
        raise UserError(
            "a sweep derives each trial's seed from study.seed: set that in place of seed"
        )
    if part == "data":
        raise UserError(
            f"{key} cannot be searched: trials on different images cannot be compared; sweep once "
            "for each"
        )
    if part not in PARTS:
        known = [p for p in PARTS if p != "data"]
        raise UserError(
            f"{key} cannot be searched, a trial does not read it: {near_miss(part, known)}"
        )


def check_branches(
    context: HydraContext, config: DictConfig, fixed: list[str], space: Space
) -> Run:
    """Compose every branch of the space and make each of its parts once; returns the last run.

    Raises:
        UserError: naming the branch and what is wrong in it.
    """

    def made(overrides: list[str]) -> Run:
        run = build(composition.compose(context.config_loader, config, [*fixed, *overrides]))
        check(run)
        return run

    run = None
    for params in space.branches():
        overrides = space.overrides(params)
        try:
            run = made(overrides)
        except UserError as error:
            raise UserError(_placed(error, overrides, made)) from error
    assert run is not None  # a space has at least one branch
    return run


def _placed(error: UserError, overrides: list[str], made: Callable[[list[str]], Run]) -> str:
    """The error with its branch, unless it is there without any branch."""
    try:
        made([])
    except UserError as general:
        if str(general) == str(error):
            return str(error)
    return f"{error} (found at {', '.join(overrides)})"


def describe(spec: Spec, run: Run) -> Spec:
    """The specification with what only the parts know: N, M, the data's digest, the reference."""
    vae = run.vae()
    _check_metrics(spec.objectives, run)
    reference = spec.reference or _reference(spec.objectives, run, vae.latents)
    return replace(
        spec,
        reference=reference,
        pixels=run.images.pixels,
        latents=vae.latents,
        data_digest=run.images.digest,
    )


def _check_metrics(objectives: Mapping[str, str], run: Run) -> None:
    names = run.evaluate(run.vae(), run.images.val[:2], seed=0).values
    known = [f"{split}/{name}" for split in ("val", "test") for name in names]
    for metric in objectives:
        if metric not in known:
            raise UserError(
                f"study.objectives: no run has the metric {metric}: {near_miss(metric, known)}"
            )


def _reference(objectives: Mapping[str, str], run: Run, latents: int) -> list[float]:
    """The worst values of interest: those of a collapsed VAE, and a rate that no latent needs."""
    floor = zero_rate(run.likelihood(), run.images.train, run.images.val, run.images.log_volume)
    floor["rate"] = REFERENCE_RATE_PER_LATENT * latents
    try:
        return [floor[metric.removeprefix("val/")] for metric in objectives]
    except KeyError as error:
        raise UserError(
            f"study.reference must be given where {error.args[0]} is an objective: one number per "
            "objective, the worst values of interest"
        ) from error


def make_or_resume(storage: Any, spec: Spec) -> "Study":
    """The study in the storage, made if it is new, with the budget and command of this call.

    Raises:
        UserError: it exists for something else, or its folder has runs of another study.
    """
    import optuna
    from optuna.study import StudyDirection

    folder = Path(spec.folder)
    if spec.name in study_names(storage):
        study = optuna.load_study(study_name=spec.name, storage=storage)
        old = Spec.load(study)
        spec.refuse_if_changed(old)
        if spec.trials != old.trials:
            console().print(
                f"The budget of {spec.name} was {old.trials} trials, now {spec.trials}."
            )
        replace(spec, reference=old.reference).store(study)
        return study
    if folder.is_dir() and any(folder.glob("trial-*")):
        raise UserError(
            f"{folder} holds runs of a study that is not in the storage: move them away, or choose "
            "another name with study.name=…"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    study = optuna.create_study(
        study_name=spec.name,
        storage=storage,
        directions=[StudyDirection[d.upper()] for d in spec.objectives.values()],
    )
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(list(spec.objectives))
    spec.store(study)
    return study


def enqueue_grid(study: "Study", space: Space, spec: Spec) -> None:
    """Queue the points of a grid that no trial has or will have."""
    if spec.sampler != "grid":
        return
    trials = study.get_trials(deepcopy=False)
    taken = [t.user_attrs.get(QUEUED) for t in trials if counts(t)]
    for point in space.grid()[: spec.trials]:
        if point not in taken:
            enqueue(study, point)


def launch(context: HydraContext, work: WorkerTask, config: DictConfig, workers: int) -> None:
    """Run the workers through the configured Hydra launcher.

    What the launcher returns or raises is only advice (joblib raises when one worker was killed,
    submitit when one job was lost): the storage knows what was done.
    """
    config = copy.deepcopy(config)
    if config.hydra.launcher.get("n_jobs") == -1:  # joblib's default is a job per core
        config.hydra.launcher.n_jobs = workers
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=context,
        task_function=work,  # type: ignore[arg-type]
        config=config,
    )
    # One thread per process: the cores belong to the workers, and results to the seed.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        for job in launcher.launch([list(work.fixed)] * workers, initial_job_idx=0):
            _ = job.return_value
    except Exception as error:
        line = one_line(error)[:300]
        console().print(f"A worker ended early: {line}", style="yellow", markup=False)
