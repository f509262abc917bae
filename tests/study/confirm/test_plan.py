"""Which runs a third of a sweep's cost allows."""

import pytest

from betafront.errors import UserError
from betafront.study.confirm.picks import Picked
from betafront.study.confirm.plan import SEEDS, ConfirmPlan, confirm_plan
from betafront.study.trials.origin import Confirms

DECISION, KNEE = Picked("best ELBO", 7, 1.0, 1.0), Picked("knee", 9, 3.0, 2.5)
STEPS = 100
COST = {7: STEPS, 9: STEPS}


def planned(trials: int, *picks: Picked, untested: tuple[str, ...] = ()) -> ConfirmPlan:
    """The plan of a study of so many trials of STEPS each."""
    return confirm_plan(picks or (DECISION, KNEE), untested, COST, trials * STEPS)


def groups(plan: ConfirmPlan) -> list[tuple[int, int, int]]:
    """The trial, seed and multiple of the steps of each group of runs, which go together."""
    return list(dict.fromkeys((run.trial, run.seed, run.times) for run in plan.runs))


@pytest.mark.parametrize("trials", [9, 14, 18, 20, 36, 48, 60, 100, 144, 500])
def test_a_plan_costs_at_most_a_third_of_the_sweep(trials: int) -> None:
    plan = planned(trials)
    assert plan.steps == sum(run.times * STEPS for run in plan.runs)
    assert plan.steps <= plan.swept / 3
    for trial, seed, times in groups(plan):
        of_group = [run for run in plan.runs if run[0] == trial and run[2:] == (seed, times)]
        assert of_group == [Confirms(trial, f, seed, times) for f in (1.0, 0.5, 2.0)]


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        (9, [(7, 0, 1)]),
        (18, [(7, 0, 2)]),
        (48, [(7, 0, 2), *((7, seed, 1) for seed in (1, 2, 3))]),
        (62, [(7, 0, 2), *((7, seed, 1) for seed in (1, 2, 3, 4))]),
        (63, [(7, 0, 4), *((7, seed, 1) for seed in (1, 2, 3))]),
        (90, [(7, 0, 4), *((7, seed, 1) for seed in (1, 2, 3, 4, 5)), (9, 0, 1)]),
        (144, [(7, 0, 4), *((7, seed, 1) for seed in (1, 2, 3, 4, 5)), (9, 0, 4)]),
    ],
)
def test_the_longest_runs_of_the_decision_come_first_then_seeds_then_other_picks(
    trials: int, expected: list[tuple[int, int, int]]
) -> None:
    assert groups(planned(trials)) == expected


def test_what_is_left_out_is_said() -> None:
    said = planned(18, untested=("best MIG (trial 3): why",)).left_out
    assert said == (
        "best MIG (trial 3): why",
        "4 times the steps (2,100), seed 2, knee (trial 9): more than a third of the sweep's 1,800 "
        "steps",
    )
    assert planned(1000).left_out == ()
    assert len({run.seed for run in planned(1000).runs}) == SEEDS


def test_a_sweep_that_is_too_small_is_refused() -> None:
    with pytest.raises(UserError, match="266 steps: too few for three runs of 100"):
        planned(8)


def test_two_picks_of_one_trial_share_their_runs() -> None:
    both = planned(63, DECISION, Picked("knee", 7, 1.0, 2.5))
    assert [pick.name for pick in both.picks] == ["best ELBO", "knee"]
    assert groups(both) == [(7, 0, 4), *((7, seed, 1) for seed in (1, 2, 3))]
