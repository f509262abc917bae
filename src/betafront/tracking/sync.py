"""`betafront sync`: the record of a study, made again from its storage and its run folders."""

from pathlib import Path
from typing import TYPE_CHECKING

from betafront.errors import UserError, one_line
from betafront.study.additions import additions
from betafront.study.records import facts, reason, rows, runs_table, state, table
from betafront.study.replicates import trial_folder
from betafront.study.spec import Spec
from betafront.study.watch import BusyStudy, only_writer
from betafront.tracking.address import uri_of
from betafront.tracking.view import MLflowView

if TYPE_CHECKING:
    from optuna import Study


def sync(study: "Study", spec: Spec) -> str:
    """Write all of a study to MLflow that is not there yet; returns what was done, in words.

    Raises:
        UserError: MLflow cannot be reached or written.
    """
    from mlflow.exceptions import MlflowException

    view = MLflowView(uri_of(spec))
    try:
        with only_writer(spec):
            return _write_all(view, study, spec)
    except BusyStudy:
        return f"{spec.name} is being swept: the sweep writes to {view.uri} as trials finish"
    except MlflowException as error:
        line = one_line(error)[:200]
        raise UserError(f"MLflow at {view.uri} cannot be written: {line}") from error


def _write_all(view: MLflowView, study: "Study", spec: Spec) -> str:
    view.start(spec)
    before = view.written()
    trials = study.get_trials(deepcopy=False)
    added = additions(study.user_attrs)
    for r in rows(trials, added).values():
        view.record(spec, r, Path(spec.folder) / r["folder"])
    for trial in trials:
        if state(trial) == "failed":
            folder = Path(spec.folder) / trial_folder(trial.number)
            view.failed(spec, trial.number, trial.params, reason(trial), folder)
    written = len(view.written() - before)
    there = len(view.written()) - written
    found, runs = table(trials, added), runs_table(trials)
    view.finish(spec, found, runs, facts(spec, trials), Path(spec.folder) / "report")
    return f"{spec.name}: {written} trials written to MLflow, {there} were there, in {view.uri}"
