"""What `betafront train` says of how a run stands, and what to do about it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from betafront.api.watched import how_it_stands, weights_of
from betafront.training import Result
from betafront.training.standing import STATES, Standing

Command = Callable[..., Any]

SMALL = ("model.hidden=[8]", "data.limit=200", "trainer.accelerator=cpu", "hydra.run.dir=run")


def test_a_run_that_is_too_short_is_not_judged(betafront: Command) -> None:
    said = betafront("train", "trainer.steps=2", *SMALL)
    assert said.code == 0, said.err
    assert "digits, step 2" in said.out
    text = " ".join(said.out.split())
    assert "unknown: 2 validations were made at the final β, and 5 are needed" in text


def test_the_step_of_the_numbers_is_named() -> None:
    best = Standing("settled", "why", step=1200, steps=8000, kept="best")
    assert weights_of(best) == "step 1,200 of 8,000, the best validated one"
    assert weights_of(replace(best, kept="last", step=8000)) == "step 8,000"


def test_a_run_that_still_falls_says_how_to_go_on(betafront: Command, own_place: Path) -> None:
    said = betafront("train", "trainer.steps=40", *SMALL)
    assert said.code == 0, said.err
    assert "digits, step 40 " in said.out
    text = " ".join(said.out.split())
    assert "still falling: D + βR falls by" in text
    assert "train longer: trainer.steps=80" in text
    assert all(len(line) <= 100 for line in said.out.splitlines() if str(own_place) not in line)


def test_mean_on_both_with_squared_errors_is_told_its_weight(
    betafront: Command, own_place: Path
) -> None:
    """The question that betafront begins with: black images, N/M times as much KL."""
    mean = ("normalisation=mean", "likelihood.mode=fixed", "trainer.steps=60", "optimizer.lr=0.01")
    said = betafront("train", *mean, *SMALL)
    text = " ".join(said.out.split())
    assert "weight 1 under normalisation=mean is canonical β = 8 " in text
    assert "by the weight: β = 8 is above β_c = 0.7" in text
    assert "where collapse is an optimum of the loss" in text
    found = Result.load(own_place / "run").standing
    assert found is not None and found.cause is not None
    weight = found.cause.weight_live
    assert weight is not None and weight == pytest.approx(found.cause.beta_c / 8, rel=0.2)
    assert f"latents are alive below objective.weight={weight:.3g}" in text


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_reason_and_those_that_can_be_mended_a_way(state: str) -> None:
    standing = Standing(state, "why", step=5, steps=8, kept="last", since=3)
    first, *ways = how_it_stands(standing)
    assert first == f"{state}: why"
    assert bool(ways) == (state not in ("settled", "unknown"))


def test_a_run_that_overfitted_before_its_kept_step_is_not_told_to_keep_that_step() -> None:
    standing = Standing("overfitted", "why", step=4000, steps=8000, kept="best", since=4000)
    (_, way) = how_it_stands(standing)
    assert "trainer.keep" not in way
    assert "fewer trainer.steps" in way
