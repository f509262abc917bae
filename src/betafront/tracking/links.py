"""The addresses of the trials' runs in the MLflow UI."""

from pathlib import Path

from betafront.addresses import SQLITE
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links, NoTracker
from betafront.terminal import command_line
from betafront.tracking.address import uri_of
from betafront.tracking.errors import as_user_error, check_answers
from betafront.tracking.experiment import find_experiment
from betafront.tracking.runs import TRIAL, role, runs_of
from betafront.tracking.store import client_of

PORT = 5000  # the default of `betafront ui`


def links(uri: str, spec: Spec) -> Links:
    """The address of each trial's run; of a file, on the server that `betafront ui` starts. Empty
    where the study is not recorded.

    Raises:
        UserError: MLflow cannot be read.
    """
    local = uri.startswith(SQLITE)
    if local and not Path(uri.removeprefix(SQLITE)).is_file():
        return Links()
    check_answers(uri)
    with as_user_error(uri):
        client = client_of(uri)
        experiment = find_experiment(client, spec)
        if experiment is None:
            return Links()
        found = runs_of(client, experiment.experiment_id, spec)
    server = f"http://127.0.0.1:{PORT}" if local else uri
    place = f"{server}/#/experiments/{experiment.experiment_id}/runs"
    runs = {
        int(run.data.tags["trial"]): f"{place}/{run.info.run_id}"
        for run in found
        if role(run) == TRIAL
    }
    return Links(runs, command_line("ui", spec.name) if local else "")


class Reader(NoTracker):
    """A tracker that writes nothing, and reads where the trials' runs are."""

    def links(self, spec: Spec) -> Links:
        return links(uri_of(spec), spec)
