"""A sweep with a trial that has collapsed by either cause, wherever it is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from tests.tracking.conftest import runs

SWEEP = (
    "objective.weight=1,20", "optimizer.lr=0.03", "trainer.steps=60", "model.hidden=[16,16]",
    "data.limit=200", "trainer.accelerator=cpu", "hydra/launcher=basic", "study.sampler=grid",
    "study.budget.trials=2", "study.name=c",
)  # fmt: skip
BELOW, ABOVE = "collapsed by the optimisation", "collapsed by the weight"


def test_a_sweep_says_why_trials_have_collapsed(
    swept: Callable[..., Any], betafront: Callable[..., Any], own_place: Path
) -> None:
    assert swept(*SWEEP).code == 0
    said = json.loads(betafront("status", "c", "--json").out)
    (stuck,), (weighed,) = said["causes"]["optimisation"], said["causes"]["weight"]
    status = " ".join(betafront("status", "c").out.split())
    page = (own_place / "runs/c/report/front.html").read_text()
    for shown in (status, page):
        assert f"1 trial has {BELOW} ({stuck}): β = 1 is below β_c = 9.968" in shown
        assert f"1 trial has {ABOVE}: β = 20 is above β_c = 9.968" in shown
    record = runs(MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db"), "c")
    causes = {int(r.data.tags["trial"]): r.data.tags["cause"] for r in record["trial"]}
    assert causes == {stuck: "optimisation", weighed: "weight"}
    (study,) = record["study"]
    assert BELOW in study.data.tags["causes"] and ABOVE in study.data.tags["causes"]
