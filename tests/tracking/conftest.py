"""A study of two trials with its record in MLflow, made once."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.tracking._tracking_service import utils as mlflow_utils

from betafront.tracking.runs import all_runs

SMALL = ("trainer.steps=12", "model.hidden=[8]", "data.limit=200", "hydra/launcher=basic")
STUDY = ("objective.weight=0.1,1", *SMALL, "study.budget.trials=2", "study.name=s")


@pytest.fixture
def record(
    swept: Callable[..., Any], own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> MlflowClient:
    """The record in MLflow of a study of two trials."""
    said = swept(*STUDY)
    # MLflow remembers by run where its artifacts are, and copies of a record have the same runs.
    monkeypatch.setattr(mlflow_utils, "_artifact_repos_cache", OrderedDict())
    assert said.code == 0, said.err
    return MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")


def runs(client: MlflowClient, name: str = "s") -> dict[str, list[Any]]:
    """The active runs in the experiment of a study, by their roles."""
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    found = all_runs(client, experiment.experiment_id)
    return {role: [r for r in found if r.data.tags["role"] == role] for role in ("study", "trial")}
