"""A study in MLflow: one experiment, a run of the study, and below it a run per trial.

MLflow is written by one process at a time, the one that watches the sweep or a later `sync`, from
the storage and the run folders. So no trial waits for it or fails with it, and it can be written
again at any time.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from betafront.addresses import SQLITE
from betafront.errors import UserError, one_line
from betafront.front import Facts, decide, front, refusal
from betafront.front.decision import causes
from betafront.front.decision.confirmation.confirmed import confirmation_lines
from betafront.front.show.standings import counted, counts
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links
from betafront.tracking.address import opened, path_of
from betafront.tracking.errors import as_user_error, check_answers, check_can_write
from betafront.tracking.experiment import experiment_to_write
from betafront.tracking.links import links
from betafront.tracking.runs import drop_half_written, family, run_of_study, runs_of
from betafront.tracking.store import LONGEST_TAG, client_of, shortened
from betafront.tracking.study_run import CAUSES, FRONT, STANDINGS, create_study_run, log_front
from betafront.tracking.trial_run import (
    Place,
    TrialRun,
    extent_of,
    log_pictures,
    write_finished,
    write_without_result,
)
from betafront.tracking.ui_charts import front_tags
from betafront.tracking.ui_view import TAG, saved_view

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)


class MLflowTracker:
    """Writes a study to MLflow.

    Args:
        uri: of the tracking server or file, as `betafront.tracking.address.opened` takes it.

    Raises:
        UserError: there is no such address.
    """

    def __init__(self, uri: str) -> None:
        self.uri = opened(uri)
        self._place: Place | None = None
        self._trials: dict[int, TrialRun] = {}
        self._said: list[str] = []

    def start(self, spec: Spec) -> None:
        """Create the experiment and the study's run, or find them; delete runs that were left half
        written."""
        with as_user_error(self.uri):
            check_can_write(self.uri)
            check_answers(self.uri)
            client = self.client()
            experiment = self._experiment(client, spec)
            runs = runs_of(client, experiment, spec)
            own = run_of_study(runs)
            parent = None if own is None else str(own.info.run_id)
            if parent is not None:
                client.update_run(parent, status="RUNNING")
            complete = drop_half_written(client, runs, parent)
            parent = parent or create_study_run(client, experiment, spec)
            found = family(client, complete, parent)
            self._trials = {number: TrialRun.read(run) for number, run in found.items()}
            self._place = Place(experiment, parent)
            trials = found.values()
            values = {name for run in trials for name in (*run.data.metrics, *run.data.tags)}
            self._save_view(client, spec, values if trials else None)

    @contextmanager
    def _writing(self, spec: Spec) -> "Iterator[tuple[MlflowClient, Place]]":
        """A client of the store, and where the study is in it. After an error the next call reads
        again which runs there are: a run may be half written, or the server another one."""
        if self._place is None:
            self.start(spec)
        assert self._place is not None
        try:
            with as_user_error(self.uri):
                yield self.client(), self._place
        except BaseException:
            self._place = None
            raise

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        """Write a finished trial as a run, once; again when it has more replicates, or values that
        were added later."""
        number = int(row["trial"])
        with self._writing(spec) as (client, place):
            old = self._trials.get(number)
            if old and old.extent >= extent_of(row):
                return
            if old:
                client.delete_run(old.run_id)
                del self._trials[number]
            self._trials[number] = write_finished(client, place, spec, row, folder)

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        """Write a trial without a result as a run, once."""
        self._without_result(spec, number, params, reason, folder, "failed")

    def pruned(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        """Write a trial that was stopped before its last step as a run, once."""
        self._without_result(spec, number, params, reason, folder, "pruned")

    def _without_result(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path, word: str
    ) -> None:
        with self._writing(spec) as (client, place):
            if number not in self._trials:
                self._trials[number] = write_without_result(
                    client, place, spec, number, params, reason, folder, word
                )

    def finish(
        self, spec: Spec, table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, report: Path
    ) -> None:
        """Write the front, the decision and the report to the study's run."""
        refused = refusal(table, facts, runs)
        advice = [] if refused else decide(table, facts, runs)
        confirmed = confirmation_lines(facts.confirmation, table, advice)
        advised = [f"**{a.text}**" for a in advice]
        stand = counted(runs)
        why = [f"{text}." for text in causes(table).values()]
        said = [spec.question, refused, *advised[:1], *confirmed, *advised[1:], stand, *why]
        with self._writing(spec) as (client, place):
            if report.is_dir():
                client.log_artifacts(place.parent, str(report), FRONT)
            if not table.empty:
                log_front(client, place.parent, table, facts, advice, counts(runs))
                members = front(table, facts.objectives)
                folders = dict(zip(members["trial"], members["folder"], strict=True))
                self._mark(client, {n: Path(spec.folder) / folder for n, folder in folders.items()})
                self._save_view(client, spec, set(table))
            note = shortened("\n\n".join(said).rstrip(), LONGEST_TAG)
            client.set_tag(place.parent, "mlflow.note.content", note)
            if stand:
                client.set_tag(place.parent, STANDINGS, stand)
            if why:
                client.set_tag(place.parent, CAUSES, shortened(" ".join(why), LONGEST_TAG))
            client.set_terminated(place.parent, "FINISHED")
            # A server that hung may have created runs after the call for them had failed.
            drop_half_written(client, runs_of(client, place.experiment, spec), place.parent)

    def written(self) -> set[int]:
        """The numbers of the trials whose runs were found at the last start, or written since."""
        return set(self._trials)

    def runs(self) -> set[str]:
        """The identifiers of the runs of the `written` trials."""
        return {run.run_id for run in self._trials.values()}

    def news(self) -> list[str]:
        """What was found in MLflow and mended there, a sentence each; each is told once."""
        said, self._said = self._said, []
        return said

    def links(self, spec: Spec) -> Links:
        """The address of each trial's run.

        Raises:
            UserError: MLflow cannot be read.
        """
        return links(self.uri, spec)

    def client(self) -> "MlflowClient":
        """A client of the store."""
        return client_of(self.uri)

    def experiment(self, spec: Spec) -> str:
        """The identifier of the study's experiment, which is created where there is none.

        Raises:
            UserError: MLflow cannot be read.
        """
        with as_user_error(self.uri):
            return self._place.experiment if self._place else self._experiment(self.client(), spec)

    def experiment_there(self, spec: Spec) -> str:
        """The identifier of the study's experiment, where none can be created.

        Raises:
            UserError: MLflow cannot be read, or the study is not in it.
        """
        with as_user_error(self.uri):
            there = path_of(self.uri).is_file()
            found = self.client().get_experiment_by_name(spec.name) if there else None
        if found is None:
            raise UserError(f"{spec.name} is not in MLflow's record at {path_of(self.uri)}")
        return str(found.experiment_id)

    def study_run(self, spec: Spec) -> str | None:
        """The identifier of the study's own run; None where there is none.

        Raises:
            UserError: MLflow cannot be read.
        """
        with as_user_error(self.uri):
            run = run_of_study(runs_of(self.client(), self.experiment(spec), spec))
        return None if run is None else str(run.info.run_id)

    def _experiment(self, client: "MlflowClient", spec: Spec) -> str:
        artifacts = None
        if self.uri.startswith(SQLITE):
            folder = Path(self.uri.removeprefix(SQLITE)).parent
            artifacts = (folder / "mlartifacts" / spec.name).as_uri()
        experiment, said = experiment_to_write(client, spec, artifacts)
        self._said += said
        return experiment

    def _mark(self, client: "MlflowClient", members: Mapping[int, Path]) -> None:
        """Tag the trials by whether they are on the front, where that has changed.

        Args:
            client: of the store.
            members: run folders by number, of the trials on the front.
        """
        from mlflow.entities import RunTag

        from betafront.training.pictures.pages import draw_pages  # with it comes matplotlib

        for number, run in self._trials.items():
            on_front = number in members
            if run.on_front == on_front:
                continue
            if on_front:
                draw_pages(members[number])  # too slow to be drawn for every trial
                log_pictures(client, run.run_id, members[number])
            tags = [RunTag(key, value) for key, value in front_tags(on_front).items()]
            client.log_batch(run.run_id, tags=tags)
            self._trials[number] = replace(run, on_front=on_front)

    def _save_view(
        self, client: "MlflowClient", spec: Spec, metrics: Collection[str] | None
    ) -> None:
        """Save the view of the study's runs; without it the record is still complete."""
        experiment = self.experiment(spec)
        try:
            client.set_experiment_tag(experiment, TAG, saved_view(spec, metrics))
        except Exception as error:
            log.warning("the view is not saved: %s", one_line(error))
