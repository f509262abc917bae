"""What is advised, between which β, and at what price. All numbers by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from betafront.errors import UserError
from betafront.front import Asked, Facts, decide
from betafront.front.decision import end_of_capacity, points, trade

# β, R, D: the least D + R is trial 2's, 4; so is the knee's.
FIVE = [(16.0, 0.0, 10.0), (4.0, 1.0, 5.0), (1.0, 2.0, 2.0), (0.25, 4.0, 1.0), (0.0625, 8.0, 0.5)]


@pytest.fixture
def five(table: pd.DataFrame) -> pd.DataFrame:
    """Five trials on a front of rate and distortion."""
    beta, rate, distortion = np.array(FIVE).T
    return table.head(5).assign(
        **{
            "weight": beta, "beta": beta, "beta_norm": beta / 8, "normalisation": "sum",
            "val/rate": rate, "val/distortion": distortion, "val/negative_elbo": rate + distortion,
        }
    )  # fmt: skip


def repeated(table: pd.DataFrame, deviation: float, replicates: int = 3) -> pd.DataFrame:
    """The trials as means of replicates that differ by so many nats in D, R and D + R."""
    metrics = ("val/rate", "val/distortion", "val/negative_elbo")
    return table.assign(replicates=replicates, **{f"sd/{m}": deviation for m in metrics})


def test_an_interval_reaches_to_the_neighbours_at_least(five: pd.DataFrame, facts: Facts) -> None:
    best, knee = decide(five, facts)
    assert (best.trial, best.beta) == (2, 1.0)
    assert best.low <= 0.25
    assert best.high >= 4.0
    assert best.basis == "the scatter of 5 trials"
    assert best.text.startswith(
        f"best ELBO: β = 1 ({best.low:.3g} to {best.high:.3g} by the scatter"
    )
    # The knee is where it is in every table that is shifted by so little.
    assert (knee.trial, knee.low, knee.high) == (2, 0.25, 4.0)
    assert knee.basis == "its neighbours; the scatter of 5 trials stays within"
    elbo = [10.0, 6.0, 4.0, 5.0, 8.5, 11.0]
    more = five.iloc[[2]].assign(**{"trial": 5, "beta": 2.0, "val/distortion": 9.0})
    dominated = pd.concat([five, more], ignore_index=True).assign(**{"val/negative_elbo": elbo})
    assert points(dominated, facts)[1].high == 4.0  # what is off the front bounds nothing


def test_a_point_that_replicates_move_has_an_interval_of_them(
    table: pd.DataFrame, facts: Facts
) -> None:
    means = repeated(table, 0.1)
    same = pd.concat([table.assign(replicate=k) for k in range(3)], ignore_index=True)
    agreed = decide(means, facts, same)[1]
    assert (agreed.beta, agreed.low, agreed.high) == (3.0, 1.0, 10.0)
    assert agreed.basis == "its neighbours; 3 replicates agree"
    runs = same.copy()
    runs["val/distortion"] += np.random.default_rng(0).normal(0.0, 8.0, len(runs))
    knee = decide(means, facts, runs)[1]
    assert knee.basis == "3 replicates"
    assert (knee.low, knee.high) != (1.0, 10.0)
    assert knee.low <= 1.0
    assert knee.high >= 10.0
    # A third replicate that a trial lacks moves nothing, as the first two are the same.
    last = same["replicate"] == 2
    same.loc[last, "val/distortion"] += runs.loc[last, "val/distortion"]
    lacking = same[~last | (same["trial"] != 4)]
    assert decide(means, facts, lacking)[1].low == 1.0


def test_at_the_end_of_a_front_its_own_beta_bounds_it(five: pd.DataFrame, facts: Facts) -> None:
    best = points(five.iloc[2:], facts)[0]
    assert (best.trial, best.low, best.high) == (2, 0.25, 1.0)
    assert best.basis == "its neighbours"  # three trials have no scatter


def test_what_rate_is_worth_on_both_sides(five: pd.DataFrame, facts: Facts) -> None:
    exact = repeated(five, 0.0)
    best = decide(exact, facts)[0]
    assert (best.costs, best.buys) == (3.0, 0.5)  # (5 - 2) / (2 - 1), (2 - 1) / (4 - 2)
    assert best.price == (
        "At best ELBO one nat less of rate costs 3 nats of distortion, "
        "and one nat more of rate buys 0.5 nats of distortion."
    )
    at_the_end = points(exact.iloc[2:], facts)[0]
    assert (at_the_end.costs, at_the_end.buys) == (None, 0.5)
    assert at_the_end.price == "At best ELBO one nat more of rate buys 0.5 nats of distortion."
    other = replace(facts, objectives={"val/rate": "minimize", "val/mse": "minimize"})
    assert {a.price for a in points(exact, other)} == {""}


def test_a_price_only_of_what_is_more_than_noise(five: pd.DataFrame, facts: Facts) -> None:
    def prices(deviation: float) -> tuple[float | None, float | None]:
        found = points(repeated(five, deviation * 3**0.5), facts)[0]
        return found.costs, found.buys

    # Two trials differ by chance by 2 √2 times the deviation of one mean. The neighbours of trial 2
    # differ from it by 1 and 2 nats of R and by 3 and 1 of D; those beyond by 2 and 6, 8 and 1.5.
    assert prices(0.9 / 8**0.5) == (3.0, 0.5)
    assert prices(1.1 / 8**0.5) == ((10 - 2) / 2, (2 - 0.5) / 6)
    assert prices(1.6 / 8**0.5) == ((10 - 2) / 2, None)
    assert prices(2.1 / 8**0.5) == (None, None)
    assert points(repeated(five, 9.0), facts)[0].price == ""


def test_a_rate_that_is_asked_for(five: pd.DataFrame, facts: Facts) -> None:
    *usual, found = decide(five, facts, asked=Asked(rate=3.0))
    assert [a.name for a in usual] == ["best ELBO", "knee"]
    assert (found.name, found.trial, found.low, found.high) == ("rate 3", 2, 0.25, 4.0)
    # Half way from R = 2 to 4 is half way from β = 1 to 0.25 in its logarithm.
    assert found.method.endswith("between it and the next, β ≈ 0.5 comes to R = 3")
    exact = decide(five, facts, asked=Asked(rate=4.0))[-1]
    assert (exact.trial, exact.beta) == (3, 0.25)
    assert exact.method.endswith("β ≈ 0.25 comes to R = 4")
    beyond = decide(five, facts, asked=Asked(rate=100.0))[-1]
    assert beyond.trial == 4
    assert "β ≈" not in beyond.method


def test_what_cannot_be_answered_is_refused(five: pd.DataFrame, facts: Facts) -> None:
    likelihoods = replace(facts, one_scale=False)
    for known, asked, said in (
        (facts, Asked(rate=-1.0), "has a rate of -1 nats or less: the least is 0"),
        (facts, Asked(rate=float("nan")), "the least is 0"),
        (likelihoods, Asked(rate=3.0), "--rate is for fronts of val/rate and val/distortion"),
        (facts, Asked(within=5.0), "--within is for objectives that are maximised"),
        (facts, Asked(within=-5.0), "--within is percent, from 0 to 100, not -5"),
    ):
        with pytest.raises(UserError, match=said):
            decide(five, known, asked=asked)


def test_the_best_structure_for_little_distortion(five: pd.DataFrame, facts: Facts) -> None:
    structure = five.assign(**{"val/mig": [0.1, 0.9, 0.8, 0.3, 0.2]})
    known = replace(
        facts, objectives=facts.objectives | {"val/mig": "maximize"}, reference=[10, 10, 0]
    )
    # Rate buys 10 - 0.5 nats: 10 % of it allows D ≤ 1.45, 20 % D ≤ 2.4, 50 % D ≤ 5.25.
    _, best, affordable = decide(structure, known)
    assert (best.name, best.trial) == ("best MIG", 1)
    assert (affordable.name, affordable.trial) == ("affordable MIG", 3)
    assert affordable.method.endswith("at most 10 % of the distortion that rate buys, D ≤ 1.45")
    assert decide(structure, known, asked=Asked(within=20.0))[-1].trial == 2
    assert decide(structure, known, asked=Asked(within=50.0))[-1].trial == 1
    shifted = structure.assign(**{"val/distortion": structure["val/distortion"] - 100.0})
    assert decide(shifted, known)[-1].trial == 3  # a density has no zero of distortion
    likelihoods = points(structure, replace(known, one_scale=False))
    assert [a.name for a in likelihoods] == ["best MIG"]


def test_the_end_of_a_capacity_schedule(five: pd.DataFrame, facts: Facts) -> None:
    said = end_of_capacity(five, facts, decide(five, facts))
    assert "smallest β, 0.0625 (trial 4), comes to R = 8 nats" in said
    assert said.endswith("shaping=capacity shaping.nats=8.")
    assert (
        end_of_capacity(five.head(3), facts, decide(five.head(3), facts)) == ""
    )  # nothing below the best
    other = replace(facts, one_scale=False)
    assert end_of_capacity(five, other, decide(five, other)) == ""


def test_programs_get_what_to_write(five: pd.DataFrame, facts: Facts) -> None:
    record = decide(five, facts)[0].record
    assert (record["name"], record["trial"]) == ("best ELBO", 2)
    assert record["beta"] == 1.0
    assert record["low"] <= 0.25
    assert record["high"] >= 4.0
    assert record["weights"]["mean"] == pytest.approx(1.0 * 8 / 64)


def test_the_order_of_the_objectives_is_no_matter(five: pd.DataFrame, facts: Facts) -> None:
    turned = replace(facts, objectives=dict(reversed(facts.objectives.items())))
    usual = {a.name: (a.trial, a.costs, a.buys) for a in decide(five, facts)}
    assert {a.name: (a.trial, a.costs, a.buys) for a in decide(five, turned)} == usual


def test_distortions_that_do_not_compare_are_not_subtracted(
    five: pd.DataFrame, facts: Facts
) -> None:
    one, other = decide(five, facts)[:2]
    assert "distortion" in trade(one, other)
    apart = trade(replace(one, one_scale=False), other)
    assert "distortion" not in apart
    assert "D + R" not in apart
    assert "rate" in apart
