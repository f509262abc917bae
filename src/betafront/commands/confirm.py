"""`betafront confirm`: the decision of a study, put to the test with more seeds and more steps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

from betafront.api.confirm import confirm_study, refuse_workers
from betafront.study.confirm.of_study import plan_of
from betafront.study.confirm.plan import ConfirmPlan
from betafront.study.confirm.show import print_plan
from betafront.study.lookup import find_study
from betafront.terminal import console, print_json


def confirm(name: str | None, overrides: Sequence[str], workers: int | None, as_json: bool) -> None:
    """Train the runs that are missing, and print what they say.

    Args:
        name: of the study; None for the newest.
        overrides: joined to those of the sweep.
        workers: processes; None for as many as the sweep had.
        as_json: print JSON.

    Raises:
        UserError: there is no such study, no decision that can be tested, or the stored command of
            the study asks for what is not trusted.
    """
    with on_stderr() if as_json else nullcontext():
        found = confirm_study(name, overrides, workers)
    if as_json:
        print_json(found.record)


def show_plan(name: str | None, workers: int | None, as_json: bool) -> None:
    """Print what would be trained.

    Raises:
        UserError: there is no such study, or no decision that can be tested.
    """
    refuse_workers(workers)
    study, spec = find_study(name)
    trials = study.get_trials(deepcopy=False)
    plan = plan_of(spec, trials, study.user_attrs)
    if as_json:
        print_json(_planned(plan))
    else:
        print_plan(spec, plan, trials, workers or spec.workers, console())


@contextmanager
def on_stderr() -> Iterator[None]:
    """What the console prints goes to the standard error: the standard output is for JSON."""
    out = console()
    out.stderr = True
    try:
        yield
    finally:
        out.stderr = False


def _planned(plan: ConfirmPlan) -> dict[str, Any]:
    return {
        "picks": [asdict(pick) for pick in plan.picks],
        "runs": [run._asdict() for run in plan.runs],
        "steps": plan.steps,
        "swept": plan.swept,
        "left_out": list(plan.left_out),
    }
