"""The rule by which a collapsed run is said to be so by its weight or by its optimisation."""

from dataclasses import asdict, replace

import pytest

from betafront.api.watched import how_it_stands
from betafront.training.cause import (
    ABOVE,
    ABOVE_FEW,
    BELOW,
    OPTIMISATION,
    UNCLEAR,
    WEIGHT,
    Cause,
    cause_at,
)
from betafront.training.standing import Standing

BETA_C = 9.7
MEAN = Cause(
    WEIGHT, beta=98.0, beta_c=BETA_C, beta_live=BETA_C, val_beta_live=9.0, weight_live=0.09898
)


def test_far_from_the_onset_the_cause_is_known_and_near_it_is_not() -> None:
    found = [
        cause_at(part * BETA_C, BETA_C, BETA_C, BETA_C)
        for part in (0.01, 0.99 * BELOW, 1.01 * BELOW, 1.0, 0.99 * ABOVE, 1.01 * ABOVE, 100)
    ]
    assert found == [OPTIMISATION] * 2 + [UNCLEAR] * 3 + [WEIGHT] * 2


def test_where_training_and_validation_examples_differ_it_is_not_known() -> None:
    found = [cause_at(beta, 9.38, 9.38, 7.09) for beta in (5.9, 7.5, 10.7, 10.9)]
    assert found == [OPTIMISATION, UNCLEAR, UNCLEAR, WEIGHT]
    assert cause_at(11.9, 9.38, 9.38, 10.4) == UNCLEAR
    categorical = Cause(UNCLEAR, 7.5, 9.38, 9.38, 7.09, 7.09)
    assert categorical.text.endswith("to say which; to validation examples latents open at 7.09")


def test_a_direction_that_few_examples_share_does_not_make_a_saddle() -> None:
    """Of continuous Bernoulli digits β_c is above 1,000, and runs lose their rate at 30."""
    found = [cause_at(beta, 1100, 24, 26) for beta in (19, 24, 1.01 * ABOVE * 26, 100, 2000)]
    assert found == [OPTIMISATION, UNCLEAR, UNCLEAR, WEIGHT, WEIGHT]
    assert 1.01 * ABOVE < ABOVE_FEW


def test_each_cause_in_words() -> None:
    assert MEAN.text == (
        "by the weight: β = 98 is above β_c = 9.7, where collapse is an optimum of the loss"
    )
    assert MEAN.way == "latents are alive below objective.weight=0.099"
    saddle = replace(MEAN, cause=OPTIMISATION, beta=1.0)
    assert saddle.text == (
        "by the optimisation: β = 1 is below β_c = 9.7, where latents are worth their rate and "
        "collapse is a saddle"
    )
    assert "schedule=linear" in saddle.way and "objective.weight" not in saddle.way
    near = replace(MEAN, cause=UNCLEAR, beta=9.0)
    assert "β = 9 is too near to β_c = 9.7 to say which" in near.text
    assert "objective.weight=0.099; or anneal" in near.way
    few = replace(MEAN, beta_c=1100.0)
    assert "above β_live = 9.7 (β_c = 1100, of a direction that few examples share)" in few.text
    assert "optimum" not in few.text
    held = replace(MEAN, weight_live=None)
    assert "objective.weight" not in held.way and "controller.target" in held.way


@pytest.mark.parametrize("cause", [MEAN, None])
def test_a_standing_keeps_its_cause(cause: Cause | None) -> None:
    standing = Standing("collapsed", "why", step=8, steps=8, kept="last", cause=cause)
    assert Standing.read(standing.written()) == standing
    numbers = asdict(MEAN)
    del numbers["beta"]
    assert {k: standing.columns[k] for k in numbers if k in standing.columns} == (
        numbers if cause else {}
    )
    lines = [MEAN.text, MEAN.way] if cause else ["try a smaller objective.weight"]
    assert how_it_stands(standing) == ["collapsed: why", *lines]


def test_a_record_of_before_has_none() -> None:
    before = Standing("collapsed", "why", step=8, steps=8, kept="last").written()
    del before["cause"]
    read = Standing.read(before)
    assert read is not None and read.cause is None
    newer = Cause.read({**asdict(MEAN), "of_a_later_version": 1})
    assert newer == MEAN
