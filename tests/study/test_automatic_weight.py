"""A sweep whose weight is `auto`, from the command line to its report."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from betafront.front.floor import NAME, SAYS
from betafront.study import forecast_front, forecast_range
from betafront.study.lookup import find_study
from betafront.study.results.floor import FLOOR

Command = Callable[..., Any]

TINY = (
    "data=digits", "data.limit=200", "model.hidden=[8]", "trainer.steps=15", "study.name=tiny",
    "study.budget.trials=2", "study.workers=1", "study.sampler=random", "hydra/launcher=basic",
    "tracking=off",
)  # fmt: skip
AUTO = "objective.weight=auto"


def test_the_range_is_found_once_stored_shown_and_gone_on_with(
    betafront: Command, own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another(*_: object) -> None:
        raise AssertionError("what has been forecast is forecast again")

    with monkeypatch.context() as patched:  # the range and the front are of one forecast
        patched.setattr(forecast_front, "forecast", another)
        said = betafront("sweep", AUTO, *TINY)
    assert said.code == 0, said.err
    study, spec = find_study("tiny")
    low, high = map(float, re.findall(r"[\d.e-]+\d", spec.space["objective.weight"]))
    shown = f"objective.weight from {low:g} to {high:g}, as forecast"
    assert said.out.count(shown) == 2  # as it begins, and in the report
    weights = [trial.params["objective.weight"] for trial in study.trials]
    assert len(weights) == 2 and all(low <= weight <= high for weight in weights)

    page = (own_place / "runs/tiny/report/front.html").read_text()
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    (line,) = data["floors"]
    assert shown in page and SAYS in page and line["name"] == NAME
    *beside, _ = line["val/rate"]  # as far as there are trials
    assert len(beside) > 1
    assert beside == pytest.approx(study.user_attrs[FLOOR]["rate"][: len(beside)], rel=1e-4)

    with monkeypatch.context() as patched:
        patched.setattr(forecast_range, "forecast", another)
        again = betafront("sweep", AUTO, *TINY)
        assert again.code == 0 and shown in again.out and "complete: 2 of 2" in again.out
        other = betafront("sweep", AUTO, *TINY, "normalisation=mean")
        assert other.code == 2 and "normalisation.name: sum, now mean" in other.err


def test_one_run_has_no_range(betafront: Command) -> None:
    said = betafront("train", AUTO, *TINY[:4])
    assert said.code == 2 and len(said.err.splitlines()) == 1
    for way_out in ("`betafront forecast`", "`betafront sweep objective.weight=auto`"):
        assert way_out in said.err


def test_a_forecast_answers_it(betafront: Command) -> None:
    plain, asked = (betafront("forecast", *TINY[:2], "--json", *w) for w in ([], [AUTO]))
    assert asked.code == 0 and json.loads(asked.out) == json.loads(plain.out)
    followed = betafront("forecast", *TINY[:2], AUTO)
    assert followed.code == 0 and "auto" not in followed.out
