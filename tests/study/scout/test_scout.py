"""The scout of a study: trained once before its trials, kept, gone on with, and shown."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from tests.support.plans import plan_of

from betafront.errors import UserError
from betafront.front.scout import BEST, COLLAPSE, KNEE, At, Scout, beside
from betafront.study.branch_check import checked
from betafront.study.create import make
from betafront.study.lookup import find_study
from betafront.study.plan import Plan
from betafront.study.results.scout import SCOUT, scout, written
from betafront.study.scout import train
from betafront.study.scout.family import check_scout, searched
from betafront.study.scout.points import of_curve, to_enqueue
from betafront.study.signals import HALT
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.training.folder import RunFolder
from betafront.training.result import Result

Command = Callable[..., Any]

TINY = (
    "data=digits", "data.limit=200", "model.hidden=[8]", "trainer.steps=40",
    "trainer.batch_size=20", "study.name=s", "study.budget.trials=2", "study.workers=1",
    "hydra/launcher=basic", "tracking=off",
)  # fmt: skip
SCOUTED, WIDE = "study.scout=multirate", "objective.weight=tag(log,interval(0.1,20))"


def curve(betas: np.ndarray) -> list[dict[str, Any]]:
    """D and R of one direction with the variance 9, by water-filling at σ = 1, and 0.1 nats of a
    second one that opens at 2."""
    found = []
    for beta in betas:
        rate = 0.5 * np.log(max(9 / beta, 1)) + 0.5 * np.log(max(2 / beta, 1))
        distortion = 0.5 * (min(9, beta) + min(2, beta))
        metrics = {"val/rate": float(rate), "val/distortion": float(distortion)}
        found.append({"beta": float(beta), "metrics": metrics})
    return found


def test_the_points_of_a_curve() -> None:
    found = of_curve(curve(np.geomspace(0.01, 30, 25)), most_rate=10)
    assert found[BEST].beta == pytest.approx(1, rel=0.1)  # where dD = -dR
    assert found[COLLAPSE].beta == pytest.approx(9 * np.exp(-2 * 0.05), rel=0.15)
    assert found[KNEE].rate is not None and 0.05 < found[KNEE].rate < 3
    alive = of_curve(curve(np.geomspace(0.01, 5, 25)), most_rate=10)
    assert COLLAPSE not in alive
    near = of_curve(curve(np.geomspace(0.01, 30, 25)), most_rate=1)
    assert near[KNEE].beta > found[KNEE].beta  # a knee depends on how far a front reaches


def described(*words: str) -> Plan:
    """A plan that knows N and M of digits and 8 latents."""
    plan = plan_of(*words)
    return replace(plan, spec=replace(plan.spec, pixels=64, latents=8))


def test_points_are_enqueued_in_a_normalisation_that_has_them() -> None:
    points = {KNEE: At(4.0), BEST: At(1.0), COLLAPSE: At(18.0)}
    plan = described(*TINY, WIDE)
    queue = to_enqueue(plan, searched(plan), points)
    assert [p["objective.weight"] for p in queue] == [1.0, 4.0, 18.0]
    low = "objective.weight=tag(log,interval(0.5,2))"
    both = described(*TINY, low, "normalisation=sum,mean")
    assert searched(both).betas == (0.5, 2 * 64 / 8)
    queue = to_enqueue(both, searched(both), points)
    assert queue == [
        {"objective.weight": 1.0, "normalisation": "sum"},
        {"objective.weight": 0.5, "normalisation": "mean"},
    ]  # 18 is outside of both
    choices = described(*TINY, "objective.weight=0.5,3,30")
    found = to_enqueue(choices, searched(choices), points)
    assert [p["objective.weight"] for p in found] == [0.5, 3, 30]
    held = described(*TINY, WIDE, "study.constraints=['objective.weight < 10']")
    assert len(to_enqueue(held, searched(held), points)) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("schedule=constant,linear",), "objective.weight, which is not searched"),
        (
            (WIDE, "likelihood.mode=optimal,learned"),
            "is one model, and likelihood.mode is searched",
        ),
        ((WIDE, "model.latents=2,4"), "is one model, and model.latents is searched"),
        (("objective.weight=0,1",), "weights above 0"),
        (("objective.weight=1,2,4", "study.sampler=grid"), "tries all"),
        ((WIDE, "controller=geco", "controller.target=5"), "leave controller at none"),
        ((WIDE, "shaping=free_bits"), "leave shaping at plain"),
        (("objective.weight=1,2", "model=multirate"), "for all weights already"),
        ((WIDE, "study.scout=multirat"), "multirate"),
    ],
)
def test_what_has_no_scout_is_refused(words: tuple[str, ...], says: str) -> None:
    some = [word for word in TINY if not word.startswith("model.")]
    with pytest.raises(UserError, match=says) as caught:
        check_scout(described(*some, SCOUTED, *words))
    assert "\n" not in str(caught.value)


def test_a_study_begins_with_it(betafront: Command, own_place: Path) -> None:
    said = betafront("sweep", *TINY, SCOUTED, WIDE)
    assert said.code == 0, said.err
    study, spec = find_study("s")
    assert len(study.trials) == 2  # it takes none of the budget
    assert [t.params for t in study.trials] == spec.queue[:2]
    found = scout(study.user_attrs)
    assert found is not None and {BEST, COLLAPSE} <= found.forecast.keys()
    run = Result.load(own_place / "runs/s/scout")
    assert found.steps == 40 and len(run.curve) == 16
    best = min(run.curve, key=lambda p: p["metrics"]["val/distortion"] + p["metrics"]["val/rate"])
    assert found.scout[BEST].beta == pytest.approx(best["beta"], rel=0.3)
    # The range is what the forecast says of that of the user.
    assert found.high == pytest.approx(1.5 * found.forecast[COLLAPSE].beta, rel=1e-3)
    page = (own_place / "runs/s/report/front.html").read_text()
    assert "The scout is one run" in said.out and "What was predicted" in page
    before = (own_place / "runs/s/scout/result.json").stat().st_mtime_ns
    more = betafront("sweep", *TINY, SCOUTED, WIDE, "study.budget.trials=3")
    assert more.code == 0 and (own_place / "runs/s/scout/result.json").stat().st_mtime_ns == before
    again, _ = find_study("s")
    assert [t.params for t in again.trials] == spec.queue[:3]


def scouted(name: str) -> tuple[Plan, Store]:
    """A study that is to begin with a scout."""
    plan = checked(plan_of(*TINY, SCOUTED, WIDE, f"study.name={name}"))
    storage = open_storage(plan.base.storage.url, create=True)
    make(storage, plan.spec)
    return plan, Store(storage, name)


def test_one_that_was_stopped_goes_on_to_the_same_end(
    own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Console(quiet=True)
    plan, store = scouted("whole")
    spec = train.scout(plan, store, plan.spec, out)
    other, stopped = scouted("stopped")
    folder = RunFolder(own_place / "runs/stopped/scout")
    HALT.set()
    try:
        assert train.scout(other, stopped, other.spec, out) == other.spec
    finally:
        HALT.clear()
    assert folder.has_checkpoint and SCOUT not in stopped.settings()
    resumed = train.scout(other, stopped, other.spec, out)
    assert resumed.queue == spec.queue and len(spec.queue) >= 2
    assert stopped.settings()[SCOUT]["points"] == store.settings()[SCOUT]["points"]

    def trained(*_: object) -> None:
        raise AssertionError("the scout is trained a second time")

    monkeypatch.setattr(train, "attempt", trained)
    assert train.scout(other, stopped, resumed, out) == resumed
    # Killed after its training, before it was kept: the result is there.
    stopped.set(SCOUT, None)
    other.spec.store(stopped)
    assert train.scout(other, stopped, other.spec, out).queue == spec.queue


def test_a_study_goes_on_without_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, store = scouted("failed")
    failed = train.Outcome(reason="diverged: the loss is NaN")
    monkeypatch.setattr(train, "attempt", lambda *_: [failed])
    assert train.scout(plan, store, plan.spec, Console(quiet=True)) == plan.spec
    found = scout(store.settings())
    assert found is not None and "diverged" in found.text
    assert not train.is_due(plan, store)


def test_the_table_of_what_was_predicted() -> None:
    forecast = {COLLAPSE: At(9.0, 7.0, 0.0)}
    found = {BEST: At(1.0, -3.0, 4.0), KNEE: At(2.0, -1.0, 3.0)}
    table = pd.DataFrame(
        {
            "trial": range(4),
            "beta": [0.5, 1.0, 8.0, 10.0],
            "val/rate": [6.0, 4.5, 0.01, 0.0],
            "val/distortion": [-4.0, -3.2, 7.1, 7.2],
            "val/negative_elbo": [2.0, 1.3, 7.11, 7.2],
        }
    )
    head, rows = beside(Scout(forecast, found, 3.0, 40, 0.1, 20.0), table)
    assert head == ["", "by", "β", "D", "R"]
    assert rows[:3] == [
        ["best ELBO", "forecast", "-", "-", "-"],
        ["", "scout", "1", "-3.00", "4.00"],
        ["", "trials", "1", "-3.20", "4.50"],
    ]
    assert rows[6] == ["collapse", "forecast", "9", "7.00", "0.00"]
    assert rows[8] == ["", "trials", "8", "7.10", "0.01"]


@pytest.mark.parametrize("damaged", [None, "x", {}, {"seconds": "3"}, {"points": 3, "steps": None}])
def test_a_damaged_one_is_none(damaged: object) -> None:
    assert scout({SCOUT: damaged}) is None


def test_points_come_back_as_they_were_written() -> None:
    points = {BEST: At(1.0, -3.0, 4.0), COLLAPSE: At(9.0, None, 0.0)}
    kept = json.loads(json.dumps(written(points)))
    numbers = {"seconds": 3.0, "steps": 40, "low": 0.1, "high": 20.0}
    found = scout({SCOUT: {"forecast": {}, "points": kept, **numbers}})
    assert found == Scout({}, points, 3.0, 40, 0.1, 20.0)
