"""A searched config group within a group, whose key has a "/"."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from tests.tracking.conftest import SMALL, runs

Command = Callable[..., Any]
SIZES = {"small": 8, "large": 16}
FILES = {
    "conf/model/sized.yaml": "defaults:\n  - mlp\n  - width: small\n  - _self_\n",
    **{
        f"conf/model/width/{name}.yaml": f"# @package model\nhidden: [{n}]\n"
        for name, n in SIZES.items()
    },
}
SEARCH = ("model=sized", "model/width=small,large", "study.sampler=grid", "study.name=s")


@pytest.fixture
def client(swept: Command, own_place: Path) -> MlflowClient:
    said = swept(*(w for w in SMALL if "hidden" not in w), *SEARCH, files=FILES)
    assert said.code == 0, said.err
    assert "cannot be written" not in said.out
    assert "is not complete" not in said.out
    return MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")


def test_its_choices_are_parameters_wherever_they_are_shown(
    client: MlflowClient, betafront: Command, own_place: Path
) -> None:
    trials = runs(client)["trial"]
    assert {t.data.params["model/width"] for t in trials} == set(SIZES)
    assert not any("width" in name for t in trials for name in t.data.metrics)
    said = betafront("sync", "s")
    assert "0 trials written to MLflow, 2 were there" in " ".join(said.out.split())
    decided = json.loads(betafront("status", "s", "--json").out)
    assert not any("width" in name for point in decided["points"] for name in point["metrics"])
    table = pd.read_csv(own_place / "runs/s/report/front.csv")
    assert set(table["model/width"]) == set(SIZES)
    page = (own_place / "runs/s/report/front.html").read_text()
    assert '"model/width":"model/width"' in page
    groups = json.loads(betafront("compare", "s", "--by", "model/width", "--json").out)["groups"]
    assert {g["name"] for g in groups} == set(SIZES)
