"""Training the runs that confirm a decision, and keeping what they say."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from betafront.config.targets import make
from betafront.errors import UserError
from betafront.study.branch_check import checked
from betafront.study.confirm.of_study import conclusion, is_over, plan_of
from betafront.study.confirm.plan import ConfirmPlan
from betafront.study.confirm.show import print_confirmation, print_plan
from betafront.study.confirm.watch import ConfirmWatch
from betafront.study.create import going_on
from betafront.study.display.report import write_files
from betafront.study.display.watch import only_writer
from betafront.study.engines.launch import launch, soon_launching
from betafront.study.plan import Plan
from betafront.study.results.confirmation import CONFIRMATION
from betafront.study.signals import FINISH, listening
from betafront.study.spec import Spec
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.sweep import ask, attempts, released_when_interrupted, worker_log, worker_task
from betafront.study.trials.confirming import PLAN
from betafront.terminal import console


def confirm(plan: Plan) -> None:
    """Put the decision of a study to the test, or go on with that.

    Args:
        plan: that of the sweep.

    Raises:
        UserError: there is no such study, or no decision that can be tested.
        KeyboardInterrupt: the user has asked for an end.
    """
    with soon_launching(plan.config):
        _confirm(plan)


def _confirm(plan: Plan) -> None:
    out = console()
    plan = checked(plan)
    storage = open_storage(plan.base.storage.url)
    store = Store(storage, plan.spec.name)
    spec = Spec.load(store.study, Path(plan.spec.folder))
    plan = going_on(plan, storage)
    plan.spec.refuse_if_changed(spec)
    with only_writer(spec):
        confirm_study(plan, store, replace(spec, workers=plan.spec.workers), out)
        write_files(store.study, spec, make(plan.base.tracking), out)


def confirm_if_decided(plan: Plan, store: Store, spec: Spec) -> None:
    """Put the decision to the test at the end of a sweep; where there is none, say why."""
    out = console()
    try:
        confirm_study(plan, store, spec, out)
    except UserError as error:
        out.print(f"Not confirmed: {error}", markup=False, soft_wrap=True)


def confirm_study(plan: Plan, store: Store, spec: Spec, out: Console) -> None:
    """Train the runs that are missing, print the verdict, and keep it with the study.

    Args:
        plan: of the sweep, checked.
        store: of the study.
        spec: of the study.
        out: the terminal.

    Raises:
        UserError: there is no decision that can be tested, or the workers ended early.
        KeyboardInterrupt: the user has asked for an end.
    """
    what = plan_of(spec, store.trials(), store.settings())
    if not is_over(what, store.trials()):
        print_plan(spec, what, store.trials(), spec.workers, out)
        store.set(PLAN, [list(run) for run in what.runs])
        train(plan, store, spec, what, out)
    trials = store.trials()
    found = conclusion(spec, what, trials, store.settings())
    store.set(CONFIRMATION, found.written())
    print_confirmation(spec, found, trials, out)


def train(plan: Plan, store: Store, spec: Spec, what: ConfirmPlan, out: Console) -> None:
    """Launch workers, and again where some were lost, until all of the runs have ended.

    Raises:
        UserError: the workers ended early.
        KeyboardInterrupt: the user has asked for an end.
    """
    work = replace(worker_task(plan, store, len(store.trials())), confirming=True)
    watch = ConfirmWatch(store.study, spec, what, out, partial(ask, store))
    before = -1
    with listening(), watch, released_when_interrupted(store):
        while before < (now := attempts(trials := store.trials())):
            if FINISH.is_set() or is_over(what, trials):
                break
            before = now
            launch(plan.context, work, plan.config, range(spec.workers))
    if is_over(what, store.trials()):
        return
    if FINISH.is_set():
        raise KeyboardInterrupt
    raise UserError(
        f"the workers ended before all runs had: see {worker_log(spec, '*')}; the same command "
        "goes on"
    )
