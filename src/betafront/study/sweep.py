"""A sweep: check everything, make or resume the study, launch workers, show what came of it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.console import Console

from betafront.addresses import sqlite_path
from betafront.config.targets import make
from betafront.errors import UserError, os_error
from betafront.study.branch_check import checked, length_in_words
from betafront.study.create import going_on, make_or_resume
from betafront.study.display.report import report
from betafront.study.display.watch import Watch, only_writer
from betafront.study.engines.fork_server import current
from betafront.study.engines.launch import (
    can_leave,
    choice,
    launch,
    launcher_of,
    may_be_elsewhere,
    soon_launching,
)
from betafront.study.forecast_front import keep_front
from betafront.study.gpus import check_gpus
from betafront.study.imports.import_from import with_imports
from betafront.study.plan import Plan
from betafront.study.results.searched_range import as_forecast
from betafront.study.results.table import command
from betafront.study.scout.train import is_due, scout
from betafront.study.signals import FINISH, GRACE_SECONDS, listening
from betafront.study.spec import Spec, is_ours
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.stored.known import remember
from betafront.study.tracker.protocol import NoTracker, Tracker
from betafront.study.trials.ending import release
from betafront.study.trials.lease import is_lost
from betafront.study.trials.queue import is_met
from betafront.study.trials.stacking import stacks_in_words
from betafront.study.trials.status import RELEASED, finished, numbers_by_word, status
from betafront.study.trials.stopping import out_of_budget, stopped, too_many_failures
from betafront.study.worker.worker import DRAINS, HALTS, WorkerTask, times_asked
from betafront.terminal import command_line, console, print_careful, print_next
from betafront.training.folder import RunFolder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

KILLED_SECONDS = 5.0  # until the processes that the launcher killed are gone


Then = Callable[[Plan, Store, Spec], None]


def sweep(plan: Plan, then: Then | None = None) -> None:
    """Run the study of a plan, or resume it.

    Args:
        plan: of the study.
        then: called once the budget is met or used up, before the study is reported; None for
            nothing.

    Raises:
        UserError: something was wrong, and nothing was trained.
    """
    with soon_launching(plan.config):
        _sweep(plan, then)


def _sweep(plan: Plan, then: Then | None) -> None:
    out = console()
    plan, store, spec = prepared(plan, out)
    tracker: Tracker = make(plan.base.tracking)
    since, new = len(store.trials()), not is_met(spec, store.trials())
    with only_writer(spec):
        if new:
            with listening():
                spec = scout(plan, store, spec, out)
                work = worker_task(plan, store, since)
                waits = current() is not None
                watch = Watch(store.study, spec, tracker, out, partial(ask, store), waits)
                with watch, released_when_interrupted(store):
                    work_until_met(plan, work, store, spec)
            refuse_if_deleted(store, spec)
        trials = store.trials()
        if then is not None and (is_met(spec, trials) or out_of_budget(spec, trials)):
            then(plan, store, spec)
        try:
            report(store.study, spec, tracker, out)
        except OSError as error:  # the study is in its storage all the same
            out.print(
                f"The report is not written: {os_error(error)}; `betafront report {spec.name}` "
                "writes it",
                style="yellow",
                markup=False,
                soft_wrap=True,
            )
    conclude(store, spec, since, new)


def refuse_if_deleted(store: Store, spec: Spec) -> None:
    """Refuse to go on with a study that another program has deleted meanwhile.

    Raises:
        UserError: it has.
    """
    if not is_ours(store.settings()):
        raise UserError(
            f"the study {spec.name} was deleted from its storage while it was swept; its runs lie "
            f"in {spec.folder}"
        )


def detached(plan: Plan) -> None:
    """Launch the workers of a study and leave them to their engine, which has to run them on
    without this process.

    Raises:
        UserError: something was wrong, or the launcher cannot do without this process.
    """
    if not can_leave(launcher_of(plan.context, lambda _: None, plan.config)):
        raise UserError(
            "--detach is for an engine whose jobs live on without the command, as those of "
            f"hydra/launcher=slurm do; those of {choice(plan.config)} end with it"
        )
    out = console()
    plan, store, spec = prepared(plan, out)
    trials = store.trials()
    if is_due(plan, store):
        raise UserError(
            "study.scout=multirate trains a run in this process before there are trials to launch: "
            "sweep without --detach, or leave study.scout at none"
        )
    if not is_met(spec, trials):
        work = worker_task(plan, store, len(trials))
        launch(plan.context, work, plan.config, range(spec.workers), leave=True)
    print_next(
        [
            ("state", command_line("status", spec.name, options=["--follow"])),
            ("page", command_line("report", spec.name)),
            ("in MLflow", command_line("ui", spec.name)),
            ("go on with", command(spec)),
        ],
        out,
    )


def prepared(plan: Plan, out: Console) -> tuple[Plan, Store, Spec]:
    """The study in the storage, made or found, once everything about it was checked."""
    with out.status("checking every branch of the space …"):
        plan = checked(plan)
        make(plan.base.tracking)  # where it is, for one thing, can be wrong
        launcher_of(plan.context, lambda _: None, plan.config)
        check_gpus(plan.base.study)
    print_careful(plan.cautions, out)
    if length := length_in_words(plan.spec):
        out.print(length, markup=False)
    if may_be_elsewhere(plan.config) and sqlite_path(plan.base.storage.url) is not None:
        out.print(
            "The study is kept in a file of SQLite's, which is for the processes of one machine: "
            "where the workers run on several, choose storage=postgres.",
            style="yellow",
        )
    storage = open_storage(plan.base.storage.url, create=True)
    plan, said = with_imports(going_on(plan, storage), storage)
    store = make_or_resume(storage, plan.spec, out)
    with out.status("forecasting the front of a linear model …"):
        keep_front(store, plan)
    for line in said:
        out.print(line, markup=False, soft_wrap=True)
    remember(str(plan.base.runs), plan.base.tracking.get("uri"))
    spec = Spec.load(store.study, Path(plan.spec.folder))
    say_how_far(store, spec, plan, out)
    return plan, store, spec


def say_how_far(store: Store, spec: Spec, plan: Plan, out: Console) -> None:
    """One line on what is about to be done."""
    trials = store.trials()
    done, running = finished(trials), numbers_by_word(trials, time.time())["running"]
    if said := as_forecast(spec):
        out.print(f"{said}.", markup=False)
    for why in plan.left_out:
        out.print(f"a suggestion is left out: {why}", style="dim", markup=False, soft_wrap=True)
    if is_met(spec, trials):
        asked = f"{done} trials, {spec.trials} asked for" if done > spec.trials else (
            f"{done} of {spec.trials} trials"
        )  # fmt: skip
        out.print(f"The study {spec.name} is complete: {asked}.")
    elif done or running:
        now = f", {running} run now" if running else ""
        out.print(f"Resuming {spec.name}: {done} of {spec.trials} trials are finished{now}.")
    else:
        budget = "1 trial" if spec.trials == 1 else f"{spec.trials} trials"
        runs = f" of {spec.replicates} replicates" if spec.replicates > 1 else ""
        out.print(
            f"Sweeping {spec.name}: {budget}{runs}, {spec.workers} workers{stacks_in_words(spec)}, "
            f"sampler {spec.sampler}, in {spec.folder}",
            soft_wrap=True,
        )


def worker_task(plan: Plan, store: Store, since: int) -> WorkerTask:
    """What each worker runs."""
    settings = store.settings()
    # From an engine's signal to its kill; half of it is kept for the last checkpoint's writing.
    delay = plan.config.hydra.launcher.get("signal_delay_s")
    return WorkerTask(
        plan.config,
        plan.composer,
        plan.space,
        plan.base.storage.url,
        plan.spec.name,
        since,
        {what: times_asked(settings, what) for what in (DRAINS, HALTS)},
        GRACE_SECONDS if delay is None else delay / 2,
    )


def work_until_met(plan: Plan, work: WorkerTask, store: Store, spec: Spec) -> None:
    """Launch workers, and again where some were lost, as long as anything comes of it."""
    before = -1
    while before < (now := attempts(trials := store.trials())):
        if FINISH.is_set() or is_met(spec, trials) or stopped(spec, trials, work.since):
            return
        before = now
        launch(plan.context, work, plan.config, range(spec.workers))


@contextmanager
def released_when_interrupted(store: Store) -> Iterator[None]:
    """Releases the trials of workers that a second Ctrl-C kills: they do not count as lost."""
    try:
        yield
    except KeyboardInterrupt:
        psutil.wait_procs(psutil.Process().children(recursive=True), timeout=KILLED_SECONDS)
        for trial in store.trials():
            if is_lost(trial, time.time()):
                release(store, trial)
        raise


def attempts(trials: "list[FrozenTrial]") -> int:
    """How many trials ended or lost their workers, without those that were released.

    Trials whose loss no worker has found yet are among them: joblib kills all workers where one of
    them dies, perhaps each in its first trial, and then no worker is left to find it.
    """
    now = time.time()
    ended = (t for t in trials if t.state.is_finished() or is_lost(t, now))
    return sum(RELEASED not in t.user_attrs and status(t).works for t in ended)


def ask(store: Store, what: str) -> None:
    """Tell every worker of the study, on any machine, to begin no more trials; where `what` is
    "halt", to stop those that run at their next checkpoint too. They hear it when they renew their
    leases."""
    for key in (DRAINS, HALTS) if what == "halt" else (DRAINS,):
        store.set(key, times_asked(store.settings(), key) + 1)


def conclude(store: Store, spec: Spec, since: int, new: bool) -> None:
    """Say by the exit status what became of the budget.

    Raises:
        UserError: it was not met.
        KeyboardInterrupt: the user had asked for an end.
    """
    out, trials = console(), store.trials()
    done = finished(trials)
    if new and not is_met(spec, trials):
        if FINISH.is_set():
            raise KeyboardInterrupt
        if why := out_of_budget(spec, trials):
            out.print(f"{done} of {spec.trials} trials: {why}.", markup=False)
            return
        why = too_many_failures(spec, trials, since)
        raise UserError(
            why
            or f"the workers ended before the budget was met ({done} of {spec.trials} trials): see "
            f"{worker_log(spec, '*')}; the same command goes on"
        )
    failed = numbers_by_word(trials, time.time())["failed"]
    if new and failed:
        out.print(f"{failed} of {spec.trials} trials failed: the exit status is 1.")
        sys.exit(1)


def worker_log(spec: Spec, number: str) -> Path:
    """Where a worker writes what it does."""
    return RunFolder(Path(spec.folder) / "workers" / number).log


def join(plan: Plan) -> None:
    """Work for a study that another process sweeps, until its budget is met.

    Args:
        plan: that of the sweep, with Hydra's basic launcher.

    Raises:
        UserError: there is no such study, or it was made for something else.
    """
    out = console()
    plan = checked(plan)
    storage = open_storage(plan.base.storage.url)
    store = Store(storage, plan.spec.name)
    spec = Spec.load(store.study, plan.spec.folder)
    plan = going_on(plan, storage)
    plan.spec.refuse_if_changed(spec)
    number = free_number(Path(spec.folder), spec.workers)
    log = worker_log(spec, str(number))
    out.print(f"Joined {spec.name} as worker {number}; its log is {log}", soft_wrap=True)
    work = worker_task(plan, store, len(store.trials()))
    with listening(), Watch(store.study, spec, NoTracker(), out):
        launch(plan.context, work, plan.config, range(number, number + 1))
    if FINISH.is_set():
        raise KeyboardInterrupt
    out.print(f"{finished(store.trials())} of {spec.trials} trials are finished.")


def free_number(folder: Path, workers: int) -> int:
    """A number that no other worker of the study has, made sure of by making its folder."""
    number = workers
    while True:
        try:
            (folder / "workers" / str(number)).mkdir(parents=True)
            return number
        except FileExistsError:
            number += 1
