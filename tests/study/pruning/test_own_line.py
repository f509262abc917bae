"""What the rule says of a run at a rung, on points whose regrets are known."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from betafront.study.pruning.own_line import AtRung, OwnLine, front_of, on_front, regret

RULE = OwnLine()


def converged(beta: float, behind: float = 0.0) -> AtRung:
    """A run on the front D = 10 exp(-R), where its slope is -β, and so many nats above it."""
    rate = math.log(10 / beta)
    return AtRung(10 * math.exp(-rate) + behind, rate, beta, beta)


BETAS = [0.1 * 1.5**i for i in range(11)]
FRONT = [converged(beta) for beta in BETAS]
BEHIND = [converged(beta, 3.0) for beta in BETAS]


def stops(run: AtRung, others: Sequence[AtRung]) -> bool:
    said = RULE.judge(run, others)
    return said is not None and said.stop


@pytest.mark.parametrize("beta", BETAS)
def test_the_regret_of_the_same_lag_is_the_same_at_every_beta(beta: float) -> None:
    every = [*FRONT, converged(beta, 3.0)]
    assert regret(every[-1], every) == pytest.approx(3.0)
    assert regret(converged(beta), every) == pytest.approx(0.0, abs=1e-9)
    assert regret(every[-1], front_of(every)) == regret(every[-1], every)


def test_what_is_behind_is_stopped_and_the_front_with_both_of_its_ends_is_not() -> None:
    for place in range(len(BETAS)):
        assert stops(converged(BETAS[place], 4.0), [*FRONT, *BEHIND])
        others = [*FRONT, *BEHIND]
        member = others.pop(place)
        assert not stops(member, others)


def test_no_member_of_the_front_at_the_rung_is_ever_stopped() -> None:
    draw = random.Random(0)
    for _ in range(200):
        every = [
            AtRung(draw.gauss(0, 10), draw.expovariate(0.1), beta, beta)
            for beta in (10 ** draw.uniform(-2, 2) for _ in range(20))
        ]
        for place, run in enumerate(every):
            others = every[:place] + every[place + 1 :]
            assert not (stops(run, others) and on_front(run, others))


def test_nothing_is_stopped_where_few_have_been() -> None:
    few = [*FRONT[: RULE.least - 3], BEHIND[0]]
    worst = converged(BETAS[1], 4.0)
    assert RULE.judge(worst, few) is None
    assert stops(worst, [*few, FRONT[-1]])


def test_a_run_whose_beta_falls_on_the_way_bounds_others_and_is_not_judged() -> None:
    ahead = replace(converged(1.0, -5.0), judged=False)
    assert RULE.judge(replace(BEHIND[3], judged=False), [*FRONT, *BEHIND[:3]]) is None
    every = [*FRONT, ahead]
    assert regret(FRONT[5], every) > 4
    # Of the judged alone eight have to be there, with the run itself.
    assert RULE.judge(BEHIND[0], [*FRONT[:6], *([ahead] * 9)]) is None
    assert RULE.judge(BEHIND[0], [*FRONT[:7], ahead]) is not None


def test_the_only_run_in_its_part_of_beta_goes_on() -> None:
    worst = converged(BETAS[-1], 4.0)
    near, far = (replace(worst, final=BETAS[-1] * factor) for factor in (1.9, 2.1))
    assert not stops(far, FRONT + BEHIND)
    assert stops(near, FRONT + BEHIND)
    # Beside runs that were stopped it is alone.
    assert not stops(near, [replace(one, stopped=True) for one in FRONT + BEHIND])


def test_a_part_of_the_runs_nearest_in_beta_goes_on_and_of_all_runs() -> None:
    """What is behind among the nearest may be well ahead of others."""
    near = [converged(0.5, 0.1 * i) for i in range(8)]
    far = [AtRung(40.0, 4.0, 50.0 + i, 50.0 + i) for i in range(24)]
    for place, run in enumerate(near):
        rest = near[:place] + near[place + 1 :]
        assert not stops(run, [*rest, *far])
        assert stops(run, rest) == (place >= math.ceil(RULE.keep * len(near)))


def test_a_weight_of_zero_is_near_to_its_like_alone() -> None:
    none = AtRung(5.0, 30.0, 0.0, 0.0)
    worse = replace(none, distortion=8.0, rate=31.0)
    assert not stops(worse, FRONT + BEHIND)
    assert stops(worse, [*FRONT, *BEHIND, none])
