"""The runs of a study in MLflow: its own, those of its trials, and those left half written."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STUDY, TRIAL = "study", "trial"


def all_runs(client: "MlflowClient", experiment: str) -> "list[Run]":
    """Every active run of an experiment."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def role(run: "Run") -> str:
    """STUDY or TRIAL; empty for a run of another program."""
    return str(run.data.tags.get("role", ""))


def run_of_study(runs: "Sequence[Run]") -> "Run | None":
    """The study's own run. There may be two, where the call that created the first was answered
    with an error: then the one with more trials, and of two without trials the older."""
    children = Counter(run.data.tags.get("mlflow.parentRunId") for run in runs)
    own = [run for run in runs if role(run) == STUDY]
    return max(own, key=lambda r: (children[r.info.run_id], -r.info.start_time), default=None)


def drop_half_written(
    client: "MlflowClient", runs: "Sequence[Run]", parent: str | None
) -> "list[Run]":
    """Delete the runs whose writer was killed, or whose creation was answered with an error.

    Args:
        client: of the store.
        runs: of the experiment.
        parent: the identifier of the study's own, which is still being written.

    Returns:
        The runs that are complete, and the study's own.
    """
    half = {
        run.info.run_id
        for run in runs
        if run.info.status == "RUNNING" and run.info.run_id != parent and role(run)
    }
    for run_id in half:
        client.delete_run(run_id)
    return [run for run in runs if run.info.run_id not in half]
