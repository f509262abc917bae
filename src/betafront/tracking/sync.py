"""`betafront sync`: the record of a study, written again from its storage and its run folders."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.files import can_write
from betafront.study.display.watch import BusyStudy, only_writer
from betafront.study.spec import Spec
from betafront.study.tracker.publish import write_record
from betafront.tracking.address import uri_of
from betafront.tracking.mlflow_tracker import MLflowTracker

if TYPE_CHECKING:
    from optuna import Study


def sync(study: "Study", spec: Spec) -> str:
    """Write the trials that MLflow lacks, and the study as it stands; returns a report in words.

    Raises:
        UserError: MLflow cannot be reached or written.
    """
    tracker = MLflowTracker(uri_of(spec))
    try:
        with only_writer(spec) if can_write(Path(spec.folder)) else nullcontext():
            tracker.start(spec)
            before = tracker.runs()
            write_record(study, spec, tracker)
    except BusyStudy:
        return f"{spec.name} is being swept: the sweep writes to {tracker.uri} as trials finish"
    written = len(tracker.runs() - before)
    there = len(tracker.runs()) - written
    said = f"{spec.name}: {written} trials written to MLflow, {there} were there, in {tracker.uri}"
    return "\n".join([said, *tracker.news()])
