"""`objective.weight=auto`: the range that a study searches is that of the forecast."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import FloatDistribution
from tests.support.plans import plan_of

from betafront.config.build import build
from betafront.config.compose import compose
from betafront.errors import UserError
from betafront.forecast.forecast import forecast
from betafront.study import forecast_front
from betafront.study.branch_check import checked
from betafront.study.create import make
from betafront.study.forecast_front import front_of
from betafront.study.forecast_range import with_range
from betafront.study.plan import Plan
from betafront.study.results.floor import FLOOR, floor
from betafront.study.results.searched_range import as_forecast
from betafront.study.search.automatic import interval
from betafront.study.storage.opening import open_storage
from betafront.training.run import Run

SMALL = ("data=digits", "data.limit=200")
AUTO = "objective.weight=auto"
MINE = """\
# @package _global_
study:
  name: mine
  objectives: [val/rate, val/mse]
  space:
    likelihood: choice(laplace, gaussian, continuous_bernoulli)
    model.latents: choice(2, 8)
    likelihood=gaussian,continuous_bernoulli:
      objective.weight: auto
"""


def run_of(plan: Plan) -> Callable[[list[str]], Run]:
    return lambda overrides: build(plan.composer(overrides))


def range_of(*words: str) -> tuple[float, float]:
    """The range that a sweep with these words searches."""
    plan = plan_of(*SMALL, *words)
    searched = with_range(plan, run_of(plan)).space.distributions["objective.weight"]
    assert isinstance(searched, FloatDistribution) and searched.log
    return searched.low, searched.high


def forecast_of(*words: str) -> tuple[float, float]:
    """The range that the forecast of a run gives."""
    run = build(compose([*SMALL, *words]))
    return forecast(run.data, run.p_x(), run.objective(run.vae().widths)).search_weight


def test_the_range_is_that_of_the_forecast_in_the_normalisation_of_the_study() -> None:
    plan = plan_of(*SMALL, AUTO, "normalisation=mean", "study.enqueue=[{objective.weight: 1}]")
    found = with_range(plan, run_of(plan))
    low, high = forecast_of("normalisation=mean")
    assert found.spec.space["objective.weight"] == f"tag(log,interval({low},{high}))"
    assert as_forecast(found.spec) == f"objective.weight from {low:g} to {high:g}, as forecast"
    assert AUTO in found.spec.command
    assert found.spec.queue == [{"objective.weight": 1.0}]
    typed = plan_of(
        *SMALL, f"objective.weight=tag(log,interval({low},{high}))", "normalisation=mean"
    )
    assert found.spec.space_digest == typed.spec.space_digest != plan.spec.space_digest


def test_a_range_that_was_typed_is_not_taken_over() -> None:
    typed, auto = (
        plan_of(*SMALL, "objective.weight=tag(log,interval(0.5,2.0))"),
        plan_of(*SMALL, AUTO),
    )
    make(open_storage(typed.base.storage.url, create=True), typed.spec)
    found = with_range(auto, run_of(auto))
    with pytest.raises(UserError, match=r"another space .*interval\(0.5,2.0\)\), now tag"):
        found.spec.refuse_if_changed(typed.spec)
    stored = replace(found.spec, name="other", space={"objective.weight": interval(1, 2)})
    make(open_storage(typed.base.storage.url, create=True), stored)
    again = replace(auto, spec=replace(auto.spec, name="other"))
    assert with_range(again, run_of(again)).spec.space == {"objective.weight": interval(1, 2)}


def test_it_spans_the_branches_that_have_the_weight(own_place: Path) -> None:
    (own_place / "studies/mine").mkdir(parents=True)
    (own_place / "studies/mine/study.yaml").write_text(MINE)
    words = ["likelihood=continuous_bernoulli", "model.latents=2", "model.latents=8"]
    lows, highs = zip(*map(forecast_of, words), strict=True)  # Laplace has none
    assert range_of("study=mine") == (min(lows), max(highs))


@pytest.mark.parametrize(
    "words, says",
    [
        ((AUTO, "normalisation=sum,mean"), r"each normalisation that is searched \(mean, sum\)"),
        ((AUTO, "study.sampler=grid"), "grid cannot search objective.weight, which is an interval"),
        ((AUTO, "study.enqueue=[{objective.weight: 900}]"), "cannot be 900: it is searched in"),
        (
            (AUTO, "data=text", "data.sentences=50"),
            "auto has no range.*0.01 to 10",
        ),
    ],
)
def test_what_has_no_one_range_is_refused(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UserError, match=says):
        range_of(*words)


@pytest.mark.parametrize("word", ["model.latents=2,4", "likelihood.mode=optimal,learned"])
def test_no_front_is_kept_that_is_not_of_all_trials(word: str) -> None:
    assert front_of(checked(plan_of(*SMALL, "objective.weight=1,2", word))) == {}


def test_the_front_is_that_of_the_validation_split() -> None:
    words = ["likelihood.mode=fixed", "likelihood.sigma=0.3"]
    found = floor({FLOOR: front_of(checked(plan_of(*SMALL, "objective.weight=1,2", *words)))})
    assert found is not None and found.rate[0] == 0.0
    assert np.all(np.diff(found.rate) > 0) and np.all(np.diff(found.distortion) < 0)
    run = build(compose([*SMALL, *words]))
    front = forecast(run.data, run.p_x(), run.objective(run.vae().widths)).front
    assert front is not None
    at = front.at(found.beta[3])
    assert (found.rate[3], found.distortion[3]) == pytest.approx(
        (at.val_rate, at.val_distortion), rel=1e-4
    )


def test_nothing_is_lost_without_memory_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(forecast_front, "forecast", no_memory)
    plan = replace(plan_of(*SMALL, "objective.weight=1,2"), one_floor=True)
    assert front_of(plan) == {} and floor({FLOOR: {}}) is None


@pytest.mark.parametrize(
    "damaged", [None, "x", [], {"beta": [1]}, {"beta": [1, 2], "rate": [1, 2], "distortion": [1]}]
)
def test_a_damaged_front_is_none(damaged: object) -> None:
    assert floor({FLOOR: damaged}) is None
