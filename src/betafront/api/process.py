"""What a process needs before libraries are imported: their settings, the user's modules."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from betafront.addresses import RUNS
from betafront.own_modules import find_modules_in

OURS = (RUNS, "HYDRA_FULL_ERROR")  # variables that the application sets


def quiet_libraries() -> None:
    """Settings of libraries that must stand in the environment before they are imported, also in
    worker processes: no telemetry (MLflow's is on by default), no advice in place of results."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


@contextmanager
def working(quiet: bool = False) -> Iterator[None]:
    """A context in which the user's program does what a command does: modules in its folder are
    found, and what the application says of itself in the environment ends with it.

    Args:
        quiet: print nothing.
    """
    from betafront.terminal import console

    warnings.filterwarnings("ignore", "IProgress not found")  # of Optuna's, in a notebook
    quiet_libraries()
    find_modules_in(Path.cwd())
    before = {name: os.environ.get(name) for name in OURS}
    out = console()
    out.quiet, spoke = quiet or out.quiet, out.quiet
    try:
        yield
    finally:
        out.quiet = spoke
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
