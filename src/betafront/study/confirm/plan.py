"""Which runs are to confirm a decision, within a third of what the sweep has cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from betafront.errors import UserError
from betafront.front.decision.confirmation.confirmed import RUNS, SHARE
from betafront.study.confirm.picks import FACTORS, Picked
from betafront.study.trials.origin import Confirms

TIMES = (4, 2, 1)  # the optimiser steps of a trial that a run takes, the most telling first
FEWEST, SEEDS = (
    4,
    6,
)  # further seeds of the decision's pick: before four times the steps, and at most


@dataclass(frozen=True)
class ConfirmPlan:
    """The runs that are to confirm a decision.

    Attributes:
        picks: that they say something of, the decision first.
        runs: in the order in which they are trained.
        steps: optimiser steps of all of them.
        swept: optimiser steps of the study's trials.
        left_out: what a third of the sweep's cost does not allow, and picks that cannot be tested.
    """

    picks: tuple[Picked, ...]
    runs: tuple[Confirms, ...]
    steps: int
    swept: int
    left_out: tuple[str, ...]


def confirm_plan(
    picks: Sequence[Picked], untested: Sequence[str], steps: dict[int, int], swept: int
) -> ConfirmPlan:
    """The most telling runs that cost at most a third of the sweep: first the decision's pick and
    its two neighbours with one further seed and more steps (four times as many where that leaves
    enough for FEWEST seeds, else twice as many, else as many), then further seeds with as many
    steps as the trial had, then the other picks.

    Args:
        picks: the decision first.
        untested: picks that cannot be tested, with the reasons.
        steps: of a run of each picked trial, by its number.
        swept: optimiser steps of the study's trials.

    Raises:
        UserError: a third of the sweep is less than the decision's pick and its neighbours take.
    """
    limit = swept // SHARE
    first, *others = picks
    runs: list[Confirms] = []
    left_out: list[str] = []
    spent = 0

    def add(pick: Picked, seed: int, times: int, beside: int = 0) -> bool:
        """Add the runs of one seed where they fit, and `beside` steps more would."""
        nonlocal spent
        group = [Confirms(pick.trial, factor, seed, times) for factor in (1.0, *FACTORS)]
        cost = sum(times * steps[pick.trial] for run in group if run not in runs)
        if spent + cost + beside > limit:
            return False
        runs.extend(run for run in group if run not in runs)
        spent += cost
        return True

    one = RUNS * steps[first.trial]
    beside = {TIMES[0]: (FEWEST - 1) * one}
    longest = next((times for times in TIMES if add(first, 0, times, beside.get(times, 0))), None)
    if longest is None:
        raise UserError(
            f"a confirmation takes at most a third of the sweep's cost, which is {limit:,} steps: "
            f"too few for three runs of {steps[first.trial]:,}. A sweep of {SHARE * one:,} steps "
            f"allows it, as {SHARE * RUNS} such runs have: raise study.budget.trials"
        )
    if longest < TIMES[0]:
        left_out.append(f"{TIMES[0]} times the steps ({TIMES[0] * one + beside[TIMES[0]]:,})")
    for seed in range(1, SEEDS):
        if not add(first, seed, 1):
            left_out.append(f"seed {seed + 1}")
            break
    tested = [first]
    for pick in others:
        if any(add(pick, 0, times) for times in TIMES):
            tested.append(pick)
        else:
            left_out.append(f"{pick.name} (trial {pick.trial})")
    said = list(untested)
    if left_out:
        said.append(f"{', '.join(left_out)}: more than a third of the sweep's {swept:,} steps")
    return ConfirmPlan(tuple(tested), tuple(runs), spent, swept, tuple(said))
