"""The record of a study after somebody has deleted, renamed or restored parts of it in MLflow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.tracking._tracking_service.utils import _get_store
from tests.tracking.conftest import STUDY, runs

from betafront.study.lookup import find_study
from betafront.tracking.links import links

Command = Callable[..., Any]


def ids(client: MlflowClient) -> dict[str, set[str]]:
    return {role: {r.info.run_id for r in found} for role, found in runs(client).items()}


def experiment_of(client: MlflowClient, name: str = "s") -> str:
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return str(experiment.experiment_id)


def synced(betafront: Command) -> str:
    said = betafront("sync", "s")
    assert said.code == 0, said.err
    return " ".join(said.out.split())


def check_whole(client: MlflowClient) -> None:
    """The record is one run of the study with one run for each of its two trials."""
    (parent,), trials = runs(client).values()
    assert {t.data.tags["trial"] for t in trials} == {"0", "1"}
    assert len(trials) == 2
    assert {t.data.tags["mlflow.parentRunId"] for t in trials} == {parent.info.run_id}
    assert all(t.info.status == "FINISHED" and "val/rate" in t.data.metrics for t in trials)
    assert parent.info.status == "FINISHED"


def test_a_deleted_experiment_is_restored_and_said_to_be(
    record: MlflowClient, betafront: Command
) -> None:
    before = ids(record)
    record.delete_experiment(experiment_of(record))
    assert links(record.tracking_uri, find_study("s")[1]).runs == {}  # only reads, and says nothing
    said = synced(betafront)
    assert "0 trials written to MLflow, 2 were there" in said
    assert "The experiment s had been deleted in MLflow: it is restored." in said
    check_whole(record)
    assert ids(record) == before
    assert "restored" not in synced(betafront)


def test_a_sweep_goes_on_after_its_experiment_was_deleted(
    record: MlflowClient, betafront: Command
) -> None:
    record.delete_experiment(experiment_of(record))
    said = betafront("sweep", *STUDY, "study.replicates=2")
    assert said.code == 0, said.err
    assert "cannot be written" not in said.out
    assert " ".join(said.out.split()).count("it is restored") == 1
    check_whole(record)  # the trials with one replicate, which it had, came back and were deleted
    assert {t.data.tags["replicates"] for t in runs(record)["trial"]} == {"2"}


def test_a_record_whose_trash_was_emptied_begins_again(
    record: MlflowClient, betafront: Command
) -> None:
    experiment = experiment_of(record)
    record.delete_experiment(experiment)
    store = _get_store(record.tracking_uri)
    for run in record.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY):
        store._hard_delete_run(run.info.run_id)  # as `mlflow gc` does
    store._hard_delete_experiment(experiment)
    assert "2 trials written to MLflow, 0 were there" in synced(betafront)
    check_whole(record)


def test_a_renamed_experiment_is_gone_on_with(record: MlflowClient, betafront: Command) -> None:
    experiment, before = experiment_of(record), ids(record)
    record.rename_experiment(experiment, "of last week")
    said = synced(betafront)
    assert "0 trials written to MLflow, 2 were there" in said
    assert "The experiment of s is called of last week in MLflow now." in said
    assert record.get_experiment_by_name("s") is None
    assert len(links(record.tracking_uri, find_study("s")[1]).runs) == 2
    record.delete_experiment(experiment)
    assert "The experiment of last week had been deleted in MLflow" in synced(betafront)
    record.rename_experiment(experiment, "s")
    assert ids(record) == before


@pytest.mark.parametrize("role", ["trial", "study"])
def test_deleted_runs_are_written_again_and_stand_where_they_stood(
    record: MlflowClient, betafront: Command, role: str
) -> None:
    gone = runs(record)[role][0].info.run_id
    record.delete_run(gone)
    written = {"trial": 1, "study": 0}[role]
    assert f"{written} trials written to MLflow, {2 - written} were there" in synced(betafront)
    check_whole(record)
    record.restore_run(gone)  # of a trial a second one now
    synced(betafront)
    trials = runs(record)["trial"]
    assert sorted(t.data.tags["trial"] for t in trials) == ["0", "1"]
    assert len({t.data.tags["mlflow.parentRunId"] for t in trials}) == 1


def test_another_study_of_the_same_name_has_runs_of_its_own(
    record: MlflowClient, betafront: Command, own_place: Path
) -> None:
    """As of a colleague on the same server, or after the storage was deleted and not the record."""
    before = ids(record)
    for left in (own_place / "runs").glob("studies.db*"):
        left.unlink()
    (own_place / "runs/s").rename(own_place / "of-before")
    assert betafront("sweep", *STUDY).code == 0
    (old, new), trials = runs(record).values()
    assert len(trials) == 4
    assert {t.data.tags["mlflow.parentRunId"] for t in trials} == {old.info.run_id, new.info.run_id}
    assert before["trial"] < {t.info.run_id for t in trials}
    (parent,) = ids(record)["study"] - before["study"]
    mine = {t.info.run_id for t in trials if t.data.tags["mlflow.parentRunId"] == parent}
    assert len(mine) == 2
    found = links(record.tracking_uri, find_study("s")[1]).runs
    assert {address.rpartition("/")[2] for address in found.values()} == mine
    assert "0 trials written to MLflow, 2 were there" in synced(betafront)


def test_a_record_by_an_earlier_version_is_gone_on_with(
    record: MlflowClient, betafront: Command
) -> None:
    for run in [run for found in runs(record).values() for run in found]:
        record.delete_tag(run.info.run_id, "study_identity")
    record.delete_experiment_tag(experiment_of(record), "betafront.study")
    before = ids(record)
    assert "0 trials written to MLflow, 2 were there" in synced(betafront)
    assert ids(record) == before
    record.rename_experiment(experiment_of(record), "other")  # it can be told from now on
    assert "is called other in MLflow now" in synced(betafront)
