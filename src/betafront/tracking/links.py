"""Where a trial's run opens in the MLflow UI."""

from pathlib import Path
from shlex import quote

from betafront.addresses import SQLITE
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links, NoView
from betafront.tracking.address import uri_of
from betafront.tracking.refusal import check_answers, plainly
from betafront.tracking.runs import TRIAL, all_runs, role
from betafront.tracking.store import client_of

PORT = 5000  # of `betafront ui`, unless it is told another


def links(uri: str, spec: Spec) -> Links:
    """The address of each trial's run, as far as there are any; of a file, on the server that
    `betafront ui` starts.

    Raises:
        UserError: MLflow cannot be read.
    """
    local = uri.startswith(SQLITE)
    if local and not Path(uri.removeprefix(SQLITE)).is_file():
        return Links()
    check_answers(uri)
    with plainly(uri):
        client = client_of(uri)
        experiment = client.get_experiment_by_name(spec.name)
        if experiment is None:
            return Links()
        found = all_runs(client, experiment.experiment_id)
    server = f"http://127.0.0.1:{PORT}" if local else uri
    place = f"{server}/#/experiments/{experiment.experiment_id}/runs"
    runs = {
        int(run.data.tags["trial"]): f"{place}/{run.info.run_id}"
        for run in found
        if role(run) == TRIAL
    }
    return Links(runs, f"betafront ui {quote(spec.name)}" if local else "")


class Reader(NoView):
    """A view that writes nothing, and knows what there is."""

    def links(self, spec: Spec) -> Links:
        return links(uri_of(spec), spec)
