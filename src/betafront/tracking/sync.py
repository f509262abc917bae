"""`betafront sync`: the record of a study, made again from its storage and its run folders."""

from typing import TYPE_CHECKING

from betafront.study.display.watch import BusyStudy, only_writer
from betafront.study.spec import Spec
from betafront.study.tracker.publish import write_record
from betafront.tracking.address import uri_of
from betafront.tracking.mlflow_tracker import MLflowView

if TYPE_CHECKING:
    from optuna import Study


def sync(study: "Study", spec: Spec) -> str:
    """Write all of a study to MLflow that is not there yet; returns what was done, in words.

    Raises:
        UserError: MLflow cannot be reached or written.
    """
    view = MLflowView(uri_of(spec))
    try:
        with only_writer(spec):
            view.start(spec)
            before = view.runs()
            write_record(study, spec, view)
    except BusyStudy:
        return f"{spec.name} is being swept: the sweep writes to {view.uri} as trials finish"
    written = len(view.runs() - before)
    there = len(view.runs()) - written
    return f"{spec.name}: {written} trials written to MLflow, {there} were there, in {view.uri}"
