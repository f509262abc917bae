"""The saved view of a study."""

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

from betafront.study.spec import Spec
from betafront.tracking.ui_view import saved_view

SPEC = Spec(
    name="s",
    question="",
    objectives={"val/rate": "minimize", "val/distortion": "minimize"},
    space={"objective.weight": "0.1,1"},
    space_digest="",
    base={},
    sampler="grid",
    seed=0,
    trials=2,
    workers=1,
    folder="",
    tracking={},
)


def columns(spec: Spec, metrics: set[str] | None, of: str = "metrics") -> list[str]:
    packed = json.loads(saved_view(spec, metrics))["state"].removeprefix("deflate;")
    state: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return [c.split("`")[1] for c in state["selectedColumns"] if c.startswith(of)]


@pytest.mark.parametrize("known", [False, True])
def test_metrics_that_no_trial_has_are_left_out(known: bool) -> None:
    has = {"val/rate", "val/distortion", "val/negative_elbo", "val/active_units"}
    shown = columns(SPEC, has if known else None)
    assert ("val/mse" in shown) is not known
    assert has <= set(shown)


def test_objectives_are_always_there() -> None:
    spec = replace(SPEC, objectives={"val/rate": "minimize", "val/mig": "maximize"})
    assert columns(spec, {"val/rate"}) == ["val/rate", "val/mig"]


@pytest.mark.parametrize(
    ("known", "shown"), [(None, True), ({"val/rate"}, False), ({"val/rate", "standing"}, True)]
)
def test_how_trials_stand_has_a_column_where_it_is_known(
    known: set[str] | None, shown: bool
) -> None:
    assert columns(SPEC, known, of="tags") == ["standing"] * shown
