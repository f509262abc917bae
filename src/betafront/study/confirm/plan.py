"""Which runs are to confirm a decision, within a third of what the sweep has cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from betafront.errors import UserError
from betafront.study.confirm.picks import FACTORS, Picked
from betafront.study.trials.origin import Confirms

SHARE = 3  # the sweep's cost is at least so many times that of its confirmation
TIMES = (4, 2, 1)  # the optimiser steps of a trial that a run takes, the most telling first
SEEDS = 3  # further seeds of the decision's pick, at most


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
    its two neighbours with one further seed and four times the steps (or as many as can be had),
    then more seeds, then the other picks.

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

    def group(pick: Picked, seed: int, times: int) -> list[Confirms]:
        return [Confirms(pick.trial, factor, seed, times) for factor in (1.0, *FACTORS)]

    def add(pick: Picked, seed: int, most: int) -> int | None:
        """Add a group with as many times the steps as fit, at most `most`; None if none fits."""
        nonlocal spent
        for times in (t for t in TIMES if t <= most):
            new = [run for run in group(pick, seed, times) if run not in runs]
            cost = sum(run.times * steps[pick.trial] for run in new)
            if spent + cost <= limit:
                runs.extend(new)
                spent += cost
                return times
        return None

    most = add(first, 0, TIMES[0])
    if most is None:
        raise UserError(
            f"a confirmation takes at most a third of the sweep's cost, which is {limit:,} steps: "
            f"too few for three runs of {steps[first.trial]:,}. A larger study.budget.trials "
            "allows it"
        )
    if most < TIMES[0]:
        needed = 3 * TIMES[0] * steps[first.trial]
        left_out.append(f"{TIMES[0]} times the steps ({needed:,})")
    for seed in range(1, SEEDS):
        had = add(first, seed, most)
        if had is None:
            left_out.append(f"seed {seed + 1}")
            break
        if had < most:
            left_out.append(f"seed {seed + 1} with {most} times the steps")
            most = had
    tested = [first]
    for pick in others:
        if add(pick, 0, TIMES[0]) is None:
            left_out.append(f"{pick.name} (trial {pick.trial})")
        else:
            tested.append(pick)
    said = list(untested)
    if left_out:
        said.append(f"{', '.join(left_out)}: more than a third of the sweep's {swept:,} steps")
    return ConfirmPlan(tuple(tested), tuple(runs), spent, swept, tuple(said))
