"""Models in MLflow's registry: a version of a name, and an alias that says which point it is.

No code and no pickle goes into the registry: a version is a folder that `betafront export` wrote.
It belongs to the run of the study, since the run of a trial is deleted and written again when the
trial has more replicates or values.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from betafront.addresses import SQLITE, TRACKING, TRACKING_FROM_ENVIRONMENT, runs_folder
from betafront.errors import UserError
from betafront.study.spec import Spec
from betafront.tracking.address import beside, opened, uri_of
from betafront.tracking.errors import as_user_error, check_answers
from betafront.tracking.mlflow_tracker import MLflowTracker
from betafront.tracking.store import client_of, encoded
from betafront.tracking.sync import sync

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from optuna import Study

ADDRESS = re.compile(r"models:/(?P<name>[^/:@]+)(@(?P<alias>[\w-]+)|/(?P<version>\d+))")


def register(
    study: "Study", spec: Spec, files: Sequence[Path], model: str, name: str, alias: str
) -> tuple[str, str]:
    """Write a model to the study's run, make it a version of a registered model, and set the alias
    of that version. Where the model is a version already, only the alias is moved.

    Args:
        study: is written to MLflow first.
        spec: of the study.
        files: that `betafront export` wrote.
        model: what it is called among those of the study, as `trial-3`.
        name: of the registered model.
        alias: of the version.

    Returns:
        The version's address, and the address of its MLflow.

    Raises:
        UserError: the registry takes no such name, or MLflow cannot be written.
    """
    check_name(name)
    sync(study, spec)
    uri = uri_of(spec)
    run = MLflowTracker(uri).study_run(spec)
    if run is None:
        raise UserError(f"{spec.name} is not in MLflow yet: try again when its sweep has ended")
    place = f"model/{model}"
    with as_user_error(uri):
        client = client_of(uri)
        for path in files:
            client.log_artifact(run, str(path), place)
        version = _version(client, name, f"runs:/{run}/{place}", run)
        client.set_registered_model_alias(name, alias, version)
    return f"models:/{name}@{alias}", uri


def check_name(name: str) -> None:
    """Refuse a name that cannot stand in an address, or in a search of MLflow's.

    Raises:
        UserError: the name is empty, or has a character of an address's grammar, or both kinds of
            quotes.
    """
    if not name.strip() or set(name) & set("/:@"):
        raise UserError(f"--register {name}: a model's name is not empty, and has no / : or @")
    if set(name) >= set("'\""):
        raise UserError(f"--register {name}: a model's name has no more than one kind of quotes")


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """A context with the folder of a registered model, fetched from the server that
    MLFLOW_TRACKING_URI names, else from the record beside the runs (BETAFRONT_RUNS).

    Raises:
        UserError: there is no such model, or no such record.
    """
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise UserError(f"{address}: write models:/NAME@ALIAS or models:/NAME/VERSION")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before it is imported
    from mlflow.artifacts import download_artifacts

    uri = _uri()
    with TemporaryDirectory(prefix="betafront-") as place:
        check_answers(uri)
        with as_user_error(uri, f"{address} cannot be fetched from "):
            client = client_of(uri)
            name, version = found["name"], found["version"]
            if version is None:
                version = client.get_model_version_by_alias(name, found["alias"]).version
            source = client.get_model_version_download_uri(name, version)
            folder = Path(download_artifacts(source, dst_path=place, tracking_uri=encoded(uri)))
        yield folder


def _version(client: "MlflowClient", name: str, source: str, run: str) -> str:
    quote = '"' if "'" in name else "'"
    mine = f"name = {quote}{name}{quote}"
    if not client.search_registered_models(mine):
        client.create_registered_model(name)
    there = [v for v in client.search_model_versions(mine) if v.source == source]
    made = there[0] if there else client.create_model_version(name, source, run_id=run)
    return str(made.version)


def _uri() -> str:
    if os.environ.get(TRACKING):
        return opened(TRACKING_FROM_ENVIRONMENT)
    runs = runs_folder()
    uri = beside(runs)
    if not Path(uri.removeprefix(SQLITE)).is_file():
        raise UserError(
            f"there is no record of MLflow in {runs}: BETAFRONT_RUNS names another folder, "
            f"{TRACKING} a server"
        )
    return uri
