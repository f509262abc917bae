"""The runs of a study in MLflow: its own, those of its trials, and those left half written."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from betafront.study.spec import Spec

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STUDY, TRIAL = "study", "trial"
IDENTITY = "study_identity"  # the tag that tells studies of the same name apart
PARENT = "mlflow.parentRunId"


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


def is_of(run: "Run", spec: Spec) -> bool:
    """Whether a run is one of the study's, and not of another program, or of another study of that
    name. Runs by earlier versions have no identity: they are of the study of their name."""
    return bool(role(run)) and run.data.tags.get(IDENTITY, spec.identity) == spec.identity


def runs_of(client: "MlflowClient", experiment: str, spec: Spec) -> "list[Run]":
    """Every active run of a study in an experiment."""
    return [run for run in all_runs(client, experiment) if is_of(run, spec)]


def tags_of(spec: Spec, role: str) -> dict[str, str]:
    """The tags of every run of a study."""
    identity = {IDENTITY: spec.identity} if spec.identity else {}
    return {"role": role, "study": spec.name, **identity, "mlflow.source.name": "betafront sweep"}


def run_of_study(runs: "Sequence[Run]") -> "Run | None":
    """The study's own run. There may be two, where the call that created the first was answered
    with an error: then the one with more trials, and of two without trials the older."""
    children = Counter(run.data.tags.get(PARENT) for run in runs)
    own = [run for run in runs if role(run) == STUDY]
    return max(own, key=lambda r: (children[r.info.run_id], -r.info.start_time), default=None)


def drop_half_written(
    client: "MlflowClient", runs: "Sequence[Run]", parent: str | None
) -> "list[Run]":
    """Delete the runs whose writer was killed, or whose creation was answered with an error.

    Args:
        client: of the store.
        runs: of the study.
        parent: the identifier of the study's own, which is still being written.

    Returns:
        The runs that are complete, and the study's own.
    """
    half = {
        run.info.run_id
        for run in runs
        if run.info.status == "RUNNING" and run.info.run_id != parent
    }
    for run_id in half:
        client.delete_run(run_id)
    return [run for run in runs if run.info.run_id not in half]


def family(client: "MlflowClient", runs: "Sequence[Run]", parent: str) -> "dict[int, Run]":
    """The runs of the trials by their numbers, all below the study's own. A trial may have two
    where runs were restored in MLflow that had been written again: the one with less is deleted.

    Args:
        client: of the store.
        runs: that are complete.
        parent: the identifier of the study's own.
    """
    found: dict[int, Run] = {}
    for run in sorted(runs, key=lambda r: (len(r.data.metrics), r.info.end_time or 0)):
        if role(run) == TRIAL:
            number = int(run.data.tags["trial"])
            if number in found:
                client.delete_run(found[number].info.run_id)
            found[number] = run
    for run in found.values():
        if run.data.tags.get(PARENT) != parent:  # that one was deleted
            client.set_tag(run.info.run_id, PARENT, parent)
    return found
