"""MLflow's store: a client that opens it safely, batches of values, and what it takes as a name."""

import logging
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from betafront.addresses import SQLITE
from betafront.tracking.address import path_of
from betafront.tracking.errors import is_read_only

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

BATCH, PARAMS = 1000, 100  # values, and parameters or tags, that MLflow takes in one call
LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG, LONGEST_NAME = 250, 6000, 5000, 250  # characters


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
        return MlflowClient(encoded(uri))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        return MlflowClient(encoded(uri))


def encoded(uri: str) -> str:
    """An address as MLflow reads it. It decodes the path of a file, and takes a ? for the end of
    it, so that a folder called `100%25` or `why?` would be another one."""
    if not uri.startswith(SQLITE):
        return uri
    return SQLITE + uri.removeprefix(SQLITE).replace("%", "%25").replace("?", "%3F")


def log_points(
    client: "MlflowClient", run: str, points: "list[Metric]", params: "list[Param] | None" = None
) -> None:
    """Write values and parameters in as few calls as possible: each waits for the disk or the
    server."""
    many = params or []
    for i in range(PARAMS, len(many), PARAMS):
        client.log_batch(run, params=many[i : i + PARAMS])
    first = BATCH - len(many[:PARAMS])
    client.log_batch(run, points[:first], many[:PARAMS])
    for i in range(first, len(points), BATCH):
        client.log_batch(run, points[i : i + BATCH])


def key_of(name: str) -> str:
    """A parameter's name as MLflow takes it: without the @ and the + of Hydra's grammar, with _ for
    every other character that MLflow refuses, and of at most LONGEST_KEY characters."""
    plain = re.sub(r"[^\w.\-/: ]", "_", name.lstrip("+").replace("@", ":"))
    if len(plain) <= LONGEST_KEY:
        return plain
    told_apart = f"-{sha256(name.encode()).hexdigest()[:8]}"
    return plain[: LONGEST_KEY - len(told_apart)] + told_apart


def params_of(values: Mapping[str, Any]) -> "list[Param]":
    """Parameters as MLflow takes them."""
    from mlflow.entities import Param

    return [Param(key_of(k), shortened(_text(v), LONGEST_PARAM)) for k, v in values.items()]


def shortened(text: str, most: int) -> str:
    """A text of at most `most` characters; where it was longer, its end is a sign of that."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
