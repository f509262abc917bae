"""`betafront confirm`: the decision of a study, put to the test with more seeds and more steps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from betafront.errors import UserError
from betafront.front import decide
from betafront.front.decision.confirmation.confirmed import confirmation_record
from betafront.study.confirm.of_study import is_over, plan_of
from betafront.study.confirm.plan import ConfirmPlan
from betafront.study.confirm.show import print_confirmation, print_plan
from betafront.study.lookup import find_study, storage_of
from betafront.study.results.added_metrics import additions
from betafront.study.results.confirmation import confirmation
from betafront.study.results.table import facts, runs_table, table
from betafront.study.stored.command import stored_command
from betafront.terminal import console, print_json

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.spec import Spec


def arguments_to_confirm(
    name: str | None, overrides: Sequence[str], workers: int | None, dry_run: bool, as_json: bool
) -> list[str]:
    """What Hydra's application is called with to train the runs that are missing; empty where none
    is, or none shall be trained: then what there is to say was printed.

    Args:
        name: of the study; None for the newest.
        overrides: joined to those of the sweep.
        workers: processes; None for as many as the sweep had.
        dry_run: print the plan, and train nothing.
        as_json: print JSON.

    Raises:
        UserError: there is no such study, no decision that can be tested, or the stored command of
            the study asks for what is not trusted.
    """
    if workers is not None and workers < 1:
        raise UserError(f"--workers must be at least 1, not {workers}")
    study, spec = find_study(name)
    trials, settings = study.get_trials(deepcopy=False), study.user_attrs
    plan = plan_of(spec, trials, settings)
    found = confirmation(settings)
    over = is_over(plan, trials) and found is not None and not _outdated(study, spec)
    if dry_run:
        if as_json:
            print_json(_planned(plan))
        else:
            print_plan(spec, plan, trials, workers or spec.workers, console())
        return []
    if over and found is not None:
        if as_json:
            print_json(_record(study, spec))
        else:
            print_confirmation(spec, found, trials, console())
        return []
    hands = [] if workers is None else [f"study.workers={workers}"]
    words = stored_command(spec.command, spec.name, overrides, storage_of(spec.name))
    return ["--multirun", "hydra.sweeper.confirm=true", *words, *hands, *overrides]


def print_found(name: str | None) -> None:
    """Print the confirmation of a study as JSON."""
    print_json(_record(*find_study(name)))


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


def _record(study: "Study", spec: "Spec") -> dict[str, Any]:
    rows, advice = _decided(study, spec)
    return {"study": spec.name, **confirmation_record(confirmation(study.user_attrs), rows, advice)}


def _outdated(study: "Study", spec: "Spec") -> str:
    rows, advice = _decided(study, spec)
    found = confirmation(study.user_attrs)
    return found.outdated(rows, advice) if found else ""


def _decided(study: "Study", spec: "Spec") -> tuple[Any, Any]:
    trials = study.get_trials(deepcopy=False)
    rows = table(trials, additions(study.user_attrs))
    return rows, decide(rows, facts(spec, trials), runs_table(trials))
