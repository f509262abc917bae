"""MLflow's store: a client that opens it safely, and batches of values."""

import logging
from typing import TYPE_CHECKING

from filelock import FileLock

from betafront.addresses import SQLITE
from betafront.tracking.address import path_of
from betafront.tracking.errors import is_read_only

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

BATCH = 1000  # the most that MLflow takes in one call


def client_of(uri: str) -> "MlflowClient":
    """A client of the store. Its tables are created under a lock: two processes that create them
    at once break the file for good."""
    from mlflow import MlflowClient

    # Before it raises an error of a database MLflow logs it, with its traceback, into the output of
    # the command, which says it in one line (`as_user_error`, `Recorder`).
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    if not uri.startswith(SQLITE):
        return MlflowClient(uri)
    path = path_of(uri)
    if is_read_only(uri):  # and to be read: there is nothing to create, and nowhere to lock
        return MlflowClient(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        return MlflowClient(uri)


def log_points(
    client: "MlflowClient", run: str, points: "list[Metric]", params: "list[Param] | None" = None
) -> None:
    """Write values and parameters in as few calls as possible: each waits for the disk or the
    server."""
    first = BATCH - len(params or [])
    client.log_batch(run, points[:first], params or [])
    for i in range(first, len(points), BATCH):
        client.log_batch(run, points[i : i + BATCH])


def key_of(name: str) -> str:
    """A parameter's name as MLflow takes it, without the @ and the + of Hydra's grammar."""
    return name.lstrip("+").replace("@", ":")
