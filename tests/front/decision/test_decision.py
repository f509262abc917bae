"""What is advised, between which β, and at what price. All numbers by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from betafront.errors import UserError
from betafront.front import Asked, Facts, decide
from betafront.front.decision import end_of_capacity, trade

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


def runs_of(table: pd.DataFrame, *shifts: dict[int, float]) -> pd.DataFrame:
    """The table once per replicate, with so many nats of distortion more for some trials."""
    parts = []
    for replicate, shift in enumerate(shifts):
        more = table["trial"].map(shift).fillna(0.0)
        new = {k: table[k] + more for k in ("val/distortion", "val/negative_elbo")}
        parts.append(table.assign(replicate=replicate, **new))
    return pd.concat(parts, ignore_index=True)


def test_without_replicates_the_neighbours_say_between_which_beta(
    five: pd.DataFrame, facts: Facts
) -> None:
    best, knee = decide(five, facts)
    elbo = [10.0, 6.0, 4.0, 5.0, 8.5, 11.0]
    assert (best.trial, best.beta, best.low, best.high) == (2, 1.0, 0.25, 4.0)
    assert (knee.trial, knee.low, knee.high, knee.basis) == (2, 0.25, 4.0, "its neighbours")
    assert best.text.startswith("best ELBO: β = 1 (0.25 to 4 by its neighbours), D = 2.00, R = 2.0")
    more = five.iloc[[2]].assign(**{"trial": 5, "beta": 2.0, "val/distortion": 9.0})
    dominated = pd.concat([five, more], ignore_index=True).assign(**{"val/negative_elbo": elbo})
    assert decide(dominated, facts)[0].high == 4.0  # what is off the front bounds nothing


def test_replicates_say_it_where_they_differ(five: pd.DataFrame, facts: Facts) -> None:
    # D + R of the third run: 4 + 1.5 at trial 2, 5 at trial 3.
    runs = runs_of(five, {}, {}, {2: 1.5})
    best = decide(five, facts, runs)[0]
    assert (best.low, best.high, best.basis) == (0.25, 1.0, "3 replicates")
    agreed = decide(five, facts, runs_of(five, {}, {}))[0]
    assert (agreed.low, agreed.high) == (0.25, 4.0)
    assert agreed.basis == "its neighbours; 2 replicates agree"
    assert decide(five, facts, runs_of(five, {}))[0].basis == "its neighbours"


def test_a_replicate_that_some_trials_lack_picks_nothing(five: pd.DataFrame, facts: Facts) -> None:
    runs = runs_of(five, {}, {}, {2: 1.5})
    lacking = runs[(runs["replicate"] < 2) | (runs["trial"] != 4)]
    assert decide(five, facts, lacking)[0].basis == "its neighbours; 2 replicates agree"


def test_at_the_end_of_a_front_its_own_beta_bounds_it(five: pd.DataFrame, facts: Facts) -> None:
    best = decide(five.iloc[2:], facts)[0]
    assert (best.trial, best.low, best.high) == (2, 0.25, 1.0)


def test_what_rate_is_worth_on_both_sides(five: pd.DataFrame, facts: Facts) -> None:
    best = decide(five, facts)[0]
    assert (best.costs, best.buys) == (3.0, 0.5)  # (5 - 2) / (2 - 1), (2 - 1) / (4 - 2)
    assert best.price == (
        "At best ELBO one nat less of rate costs 3 nats of distortion, "
        "and one nat more of rate buys 0.5 nats of distortion."
    )
    at_the_end = decide(five.iloc[2:], facts)[0]
    assert (at_the_end.costs, at_the_end.buys) == (None, 0.5)
    assert at_the_end.price == "At best ELBO one nat more of rate buys 0.5 nats of distortion."
    other = replace(facts, objectives={"val/rate": "minimize", "val/mse": "minimize"})
    assert {a.price for a in decide(five, other)} == {""}


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
    likelihoods = decide(structure, replace(known, one_scale=False))
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
    assert (record["low"], record["beta"], record["high"]) == (0.25, 1.0, 4.0)
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
