"""The experiment of a study in MLflow, whatever was done to it there.

It has the name of the study. Where it was renamed, the study's identity, which it has as a tag,
tells which one it is. Where it was deleted it is restored: MLflow keeps its name, so that no other
experiment can have it.
"""

from typing import TYPE_CHECKING

from betafront.study.spec import Spec
from betafront.tracking.runs import all_runs, is_of
from betafront.tracking.store import shortened

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

TAG = "betafront.study"  # of an experiment: the identity of the study that it was made for
LONGEST_NOTE = 5000  # characters of a tag of an experiment, also on older servers


def find_experiment(client: "MlflowClient", spec: Spec) -> "Experiment | None":
    """The experiment of a study, deleted or not; None where there is none."""
    from mlflow.entities import ViewType

    named = client.get_experiment_by_name(spec.name)
    if named is not None or not spec.identity:
        return named
    mine = f"tags.`{TAG}` = '{spec.identity}'"
    found = client.search_experiments(view_type=ViewType.ALL, filter_string=mine)
    return found[0] if found else None


def experiment_to_write(
    client: "MlflowClient", spec: Spec, artifacts: str | None
) -> tuple[str, list[str]]:
    """The identifier of the study's experiment, made or restored where it has to be; and what a
    user should know of that, a sentence each.

    Args:
        client: of the store.
        spec: of the study.
        artifacts: the address of a new experiment's files; None for where the server keeps them.
    """
    found = find_experiment(client, spec)
    if found is None:
        return _made(client, spec, artifacts), []
    experiment = str(found.experiment_id)
    said: list[str] = []
    if found.name != spec.name:
        said.append(f"The experiment of {spec.name} is called {found.name} in MLflow now.")
    if found.lifecycle_stage == "deleted":
        _restore(client, spec, experiment)
        said.append(f"The experiment {found.name} had been deleted in MLflow: it is restored.")
    if spec.identity and TAG not in found.tags:  # of a study by an earlier version
        client.set_experiment_tag(experiment, TAG, spec.identity)
    return experiment, said


def _made(client: "MlflowClient", spec: Spec, artifacts: str | None) -> str:
    tags = {"mlflow.experimentKind": "custom_model_development"}
    if spec.question:
        tags["mlflow.note.content"] = shortened(spec.question, LONGEST_NOTE)
    if spec.identity:
        tags[TAG] = spec.identity
    return str(client.create_experiment(spec.name, artifact_location=artifacts, tags=tags))


def _restore(client: "MlflowClient", spec: Spec, experiment: str) -> None:
    """Restore an experiment with the runs of the study; MLflow restores all, and those of others
    stay deleted."""
    client.restore_experiment(experiment)
    for run in all_runs(client, experiment):
        if not is_of(run, spec):
            client.delete_run(run.info.run_id)
