"""What a confirmation will cost, and what it found, in the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from betafront.front.decision.confirmation.confirmed import Confirmation, confirmation_lines
from betafront.front.decision.confirmation.verdict import Verdict
from betafront.study.confirm.cost import seconds_per_step, steps_of, wall_seconds
from betafront.study.confirm.picks import Picked
from betafront.study.confirm.plan import ConfirmPlan
from betafront.study.results.table import facts, runs_table, table
from betafront.study.spec import Spec
from betafront.study.trials.confirming import ended
from betafront.study.trials.origin import Confirms, existing
from betafront.study.trials.pace import duration

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def print_plan(
    spec: Spec, plan: ConfirmPlan, trials: "Sequence[FrozenTrial]", workers: int, out: Console
) -> None:
    """Print the runs of a confirmation and what they will cost.

    Args:
        spec: of the study.
        plan: to be shown.
        trials: all of the study.
        workers: processes that share the runs.
        out: the terminal.
    """
    out.print(f"Confirming {spec.name}", style="bold")
    for pick in plan.picks:
        betas = " and ".join(f"{beta:.3g}" for beta in pick.neighbours)
        out.print(
            f"  {pick.name}: β = {pick.beta:.3g} (trial {pick.trial}) beside β = {betas}, by "
            f"{pick.compared}"
        )
    out.print(runs_in_groups(spec, plan, trials))
    done = ended(plan.runs, trials)
    left = [run for run in plan.runs if run not in done]
    steps = [run.times * steps_of(spec, existing(trials, run.trial), trials) for run in left]
    seconds = wall_seconds(steps, seconds_per_step(spec, trials), workers)
    share = 100 * plan.steps / plan.swept
    hands = f"{workers} worker{'s' if workers > 1 else ''}"
    out.print(
        f"  {len(plan.runs)} runs of {plan.steps:,} optimiser steps together: {share:.0f} % of the "
        f"sweep's {plan.swept:,}"
    )
    if done:
        out.print(f"  {len(done)} of {len(plan.runs)} runs are finished")
    if left:
        out.print(f"  about {duration(seconds)} with {hands}, at the pace of the study's trials")
        if spec.stack != 1:
            out.print("  (longer where those were trained in stacks, which these runs are not)")
    for what in plan.left_out:
        out.print(f"  left out: {what}", style="dim", markup=False)


def runs_in_groups(spec: Spec, plan: ConfirmPlan, trials: "Sequence[FrozenTrial]") -> Table:
    """The runs of a plan, a row for each pick, seed and number of steps."""
    shown = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    for name in ("pick", "seed", "steps", "runs at β"):
        shown.add_column(name, justify="left" if name in ("pick", "runs at β") else "right")
    names: dict[int, Picked] = {}
    for pick in plan.picks:
        names.setdefault(pick.trial, pick)
    groups: dict[tuple[int, int, int], list[Confirms]] = {}
    for run in plan.runs:
        groups.setdefault((run.trial, run.seed, run.times), []).append(run)
    for (trial, seed, times), runs in groups.items():
        pick = names[trial]
        betas = ", ".join(f"{pick.beta * run.factor:.3g}" for run in runs)
        steps = times * steps_of(spec, existing(trials, trial), trials)
        shown.add_row(pick.name, str(seed + 1), f"{steps:,} ({times}×)", betas)
    return shown


def beta_of(run: Confirms, picks: Sequence[Picked]) -> float:
    """The β of a run that confirms one of `picks`."""
    return run.factor * next(pick.beta for pick in picks if pick.trial == run.trial)


def print_confirmation(
    spec: Spec, found: Confirmation, trials: "Sequence[FrozenTrial]", out: Console
) -> None:
    """Print the differences that were found, and the verdicts."""
    from betafront.front import decide

    rows, known = table(trials, spec.objectives), facts(spec, trials)
    for one in found.verdicts:
        out.print(
            f"{one.compared} in nats above that of {one.name} (β = {one.beta:.3g}, trial "
            f"{one.trial}), of runs of the same seed:"
        )
        out.print(levels_table(one) if one.levels else "  no two runs can be compared")
    source = f", and where these are few from {found.noise}" if found.noise else ""
    if any(one.levels for one in found.verdicts):
        out.print(f"± is the standard error, from the pairs of one seed{source}.", style="dim")
    advice = decide(rows, known, runs_table(trials, spec.objectives))
    for line in confirmation_lines(found, rows, advice):
        out.print(line, markup=False)


def levels_table(one: Verdict) -> Table:
    """How much worse each neighbour is than the pick, by the steps."""
    shown = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    betas = sorted({level.beta for level in one.levels})
    for name in ("steps", "seeds", *(f"β = {beta:.3g}" for beta in betas)):
        shown.add_column(name, justify="right")
    for steps in sorted({level.steps for level in one.levels}):
        at = {level.beta: level for level in one.levels if level.steps == steps}
        seeds = max(level.seeds for level in at.values())
        cells = (at[beta].text if beta in at else "–" for beta in betas)
        shown.add_row(f"{steps:,}", str(seeds), *cells)
    return shown
