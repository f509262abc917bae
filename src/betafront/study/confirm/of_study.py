"""What there is to confirm in a study, and what the runs have confirmed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.errors import UserError
from betafront.front import decide, refusal
from betafront.front.curves import trials_of
from betafront.front.decision.confirmation.confirmed import Confirmation, runs_of
from betafront.front.decision.confirmation.verdict import verdict
from betafront.study.confirm.cost import steps_of, swept_steps
from betafront.study.confirm.noise import seed_noise
from betafront.study.confirm.picks import picked
from betafront.study.confirm.plan import ConfirmPlan, confirm_plan
from betafront.study.confirm.rows import failures, rows_of
from betafront.study.results.added_metrics import additions
from betafront.study.results.table import facts, runs_table, table
from betafront.study.spec import Spec
from betafront.study.trials.confirming import ended
from betafront.study.trials.origin import existing

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def plan_of(
    spec: Spec, trials: "Sequence[FrozenTrial]", settings: Mapping[str, Any]
) -> ConfirmPlan:
    """The runs that are to confirm the decision of a study as it is now.

    Args:
        spec: of the study.
        trials: all of the study.
        settings: the user attributes of the study.

    Raises:
        UserError: there is no decision, or it cannot be tested within a third of the sweep's cost.
    """
    known = facts(spec, trials)
    rows = table(trials, spec.objectives, additions(settings))
    if rows.empty:
        raise UserError(f"{spec.name} has no finished trial, so no decision to confirm")
    runs = runs_table(trials, spec.objectives)
    advice = decide(rows, known, runs)
    if not advice:
        raise UserError(f"{spec.name} has nothing to confirm. {refusal(rows, known, runs)}")
    picks, untested = picked(rows, known, advice)
    if not picks or picks[0].name != advice[0].name:
        raise UserError(f"the decision of {spec.name} cannot be put to the test: {untested[0]}")
    steps = {pick.trial: steps_of(spec, existing(trials, pick.trial), trials) for pick in picks}
    return confirm_plan(picks, untested, steps, swept_steps(spec, trials))


def is_over(plan: ConfirmPlan, trials: "Sequence[FrozenTrial]") -> bool:
    """Whether all of the planned runs have ended."""
    return len(ended(plan.runs, trials)) == len(plan.runs)


def conclusion(
    spec: Spec, plan: ConfirmPlan, trials: "Sequence[FrozenTrial]", settings: Mapping[str, Any]
) -> Confirmation:
    """What the planned runs, all of which have ended, say of the picks.

    Args:
        spec: of the study.
        plan: whose runs they are.
        trials: all of the study.
        settings: the user attributes of the study.
    """
    rows = table(trials, spec.objectives, additions(settings))
    runs = runs_table(trials, spec.objectives)
    verdicts, bases = [], []
    for pick in plan.picks:
        noise = seed_noise(rows, runs, pick)
        bases.append(noise.basis)
        steps = steps_of(spec, existing(trials, pick.trial), trials)
        verdicts.append(
            verdict(
                pick.name,
                pick.trial,
                pick.beta,
                pick.neighbours,
                rows_of(pick, plan.runs, trials, Path(spec.folder), steps),
                noise,
                pick.compared,
                failures(pick, plan.runs, trials),
            )
        )
    return Confirmation(
        verdicts=tuple(verdicts),
        trials=len(trials_of(rows)),
        runs=runs_of(rows),
        trained=len(plan.runs),
        steps=plan.steps,
        swept=plan.swept,
        noise=bases[0],
        left_out=plan.left_out,
    )
