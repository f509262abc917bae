"""Studies in MLflow: one experiment, a parent run, and a child run per trial.

MLflow is written by one process at a time, the one that watches the sweep or a later `sync`, from
what the storage and the run folders hold. So no trial waits for it or fails with it, and it can be
made again at any time.
"""

import json
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from betafront.addresses import SQLITE
from betafront.errors import one_line
from betafront.front import Facts, decide, front, refusal
from betafront.study.spec import Spec
from betafront.study.tracker.protocol import Links
from betafront.tracking.address import opened
from betafront.tracking.colours import PARETO, marks
from betafront.tracking.links import links
from betafront.tracking.refusal import check_answers, plainly
from betafront.tracking.runs import STUDY, TRIAL, all_runs, drop_half_written, parent_of, role
from betafront.tracking.store import client_of, key_of, log_points
from betafront.tracking.study_run import FRONT, log_front
from betafront.tracking.ui_charts import BETA
from betafront.tracking.ui_view import TAG, saved_view
from betafront.training.folder import RunFolder
from betafront.training.history import STEP, read_history
from betafront.training.pictures.pages import draw_pages

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger(__name__)
FINAL = ("val/", "test/", "sd/")  # what the names of final values begin with
SCALE = ("beta", "beta_norm", "beta_spread", "sigma")


@dataclass(frozen=True)
class Child:
    """The run of a trial.

    Attributes:
        run: its identifier.
        extent: how many replicates it was written with, and how many values.
        on_front: whether it is marked as a member of the front.
    """

    run: str
    extent: tuple[int, int]
    on_front: bool = False


class MLflowView:
    """A study in MLflow.

    Args:
        uri: of the tracking server or file, as `betafront.tracking.address.opened` takes it.

    Raises:
        UserError: there is no such address.
    """

    def __init__(self, uri: str) -> None:
        self.uri = opened(uri)
        self._experiment = ""
        self._parent = ""
        self._trials: dict[int, Child] = {}

    def start(self, spec: Spec) -> None:
        """Make the experiment and the parent run, or find them; drop runs left half written."""
        with plainly(self.uri):
            check_answers(self.uri)
            client = self.client()
            self._experiment = self._find_experiment(client, spec)
            runs = all_runs(client, self._experiment)
            parent = parent_of(runs)
            found = None if parent is None else str(parent.info.run_id)
            if found is not None:
                client.update_run(found, status="RUNNING")
            whole = drop_half_written(client, runs, found)
            self._trials = {int(r.data.tags["trial"]): _child(r) for r in whole if role(r) == TRIAL}
            self._parent = found or self._make_parent(client, spec)
            self._save_view(client, spec)

    @contextmanager
    def _writing(self, spec: Spec) -> "Iterator[MlflowClient]":
        """A client of the store with the study in it. After an error the next one looks again what
        there is: a run may be half written, and the server another."""
        if not self._parent:
            self.start(spec)
        try:
            with plainly(self.uri):
                yield self.client()
        except BaseException:
            self._parent = ""
            raise

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        """Write a finished trial as a child run, once; anew when it has more replicates, or values
        that were added later."""
        number = int(row["trial"])
        extent = int(row["replicates"]), sum(key.startswith(FINAL) for key in row)
        with self._writing(spec) as client:
            old = self._trials.get(number)
            if old and old.extent >= extent:
                return
            if old:
                client.delete_run(old.run)
                del self._trials[number]
            self._trials[number] = Child(self._write(client, spec, row, folder), extent)

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        """Write a trial without a result, with its parameters, the reason and the log."""
        from mlflow.entities import Param

        with self._writing(spec) as client:
            if number in self._trials:
                return
            name = f"t{number:03d} failed"
            run_id = self._make_child(client, spec, number, name, None, {"reason": reason})
            chosen = [Param(key_of(k), _text(v)) for k, v in params.items()]
            client.log_batch(run_id, params=chosen)
            self._log_files(client, run_id, folder)
            client.set_terminated(run_id, "FAILED")
            self._trials[number] = Child(run_id, (1, 0))

    def finish(
        self, spec: Spec, table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, report: Path
    ) -> None:
        """Write the front, the decision and the pages to the parent run."""
        refused = refusal(table, facts)
        advice = [] if refused else decide(table, facts, runs)
        note = "\n\n".join([spec.question, refused, *(f"**{a.text}**" for a in advice)])
        with self._writing(spec) as client:
            if report.is_dir():
                client.log_artifacts(self._parent, str(report), FRONT)
            if not table.empty:
                log_front(client, self._parent, table, facts, advice)
                members = front(table, facts.objectives)
                folders = dict(zip(members["trial"], members["folder"], strict=True))
                self._mark(client, {n: Path(spec.folder) / folder for n, folder in folders.items()})
            client.set_tag(self._parent, "mlflow.note.content", note)
            client.set_terminated(self._parent, "FINISHED")
            # A server that hung may do now what it was asked for in vain.
            drop_half_written(client, all_runs(client, self._experiment), self._parent)

    def written(self) -> set[int]:
        """The numbers of the trials that were there when it was last looked, or written since."""
        return set(self._trials)

    def runs(self) -> set[str]:
        """The identifiers of their runs."""
        return {child.run for child in self._trials.values()}

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
        """The identifier of the study's experiment.

        Raises:
            UserError: MLflow cannot be read.
        """
        with plainly(self.uri):
            return self._experiment or self._find_experiment(self.client(), spec)

    def study_run(self, spec: Spec) -> str | None:
        """The identifier of the study's own run, where it is there.

        Raises:
            UserError: MLflow cannot be read.
        """
        with plainly(self.uri):
            parent = parent_of(all_runs(self.client(), self.experiment(spec)))
        return None if parent is None else str(parent.info.run_id)

    def _write(self, client: "MlflowClient", spec: Spec, row: dict[str, Any], folder: Path) -> str:
        """The identifier of a new run for a finished trial."""
        from mlflow.entities import Metric, Param

        started, finished = (int(1000 * row[key]) for key in ("started", "finished"))
        tags = {"replicates": str(row["replicates"])}
        name = child_name(spec, row)
        run_id = self._make_child(client, spec, int(row["trial"]), name, started, tags)
        names = list(dict.fromkeys([*spec.space, "normalisation", "weight", *SCALE]))
        params = [Param(key_of(n), _text(row[n])) for n in names if row.get(n) is not None]
        points = [
            Metric(key, value, finished, int(point[STEP]))
            for point in read_history(folder)
            for key, value in point.items()
            if key != STEP
        ]
        last = max((p.step for p in points), default=0)
        final = {key: value for key, value in row.items() if "/" in key}
        final |= {f"scale/{k}": row[k] for k in SCALE if row.get(k) is not None}
        if row["beta"] > 0:
            final[BETA] = math.log10(row["beta"])
        points += [Metric(key, float(value), finished, last) for key, value in final.items()]
        log_points(client, run_id, points, params)
        self._log_data(client, run_id, spec, folder)
        self._log_files(client, run_id, folder)
        client.set_terminated(run_id, "FINISHED", finished)
        return run_id

    def _find_experiment(self, client: "MlflowClient", spec: Spec) -> str:
        found = client.get_experiment_by_name(spec.name)
        if found is not None:
            return str(found.experiment_id)
        place = None
        if self.uri.startswith(SQLITE):
            place = (
                Path(self.uri.removeprefix(SQLITE)).parent / "mlartifacts" / spec.name
            ).as_uri()
        tags = {"mlflow.experimentKind": "custom_model_development"}
        if spec.question:
            tags["mlflow.note.content"] = spec.question
        return str(client.create_experiment(spec.name, artifact_location=place, tags=tags))

    def _make_parent(self, client: "MlflowClient", spec: Spec) -> str:
        from mlflow.entities import Param

        tags = {"role": STUDY, "study": spec.name, "mlflow.source.name": "betafront sweep"}
        run = client.create_run(self._experiment, run_name=spec.name, tags=tags)
        params = {
            "sampler": spec.sampler,
            "seed": spec.seed,
            "objectives": ", ".join(f"{k} {v}" for k, v in spec.objectives.items()),
            "reference": ", ".join(map(str, spec.reference or [])),
            **{f"space.{key}": sweep for key, sweep in spec.space.items()},
        }
        client.log_batch(
            run.info.run_id, params=[Param(key_of(k), str(v)) for k, v in params.items()]
        )
        return str(run.info.run_id)

    def _make_child(
        self,
        client: "MlflowClient",
        spec: Spec,
        number: int,
        name: str,
        started: int | None,
        own: dict[str, str],
    ) -> str:
        tags = {
            **own,
            **marks(on_front=False),
            "role": TRIAL,
            "study": spec.name,
            "trial": str(number),
            "mlflow.parentRunId": self._parent,
            "mlflow.source.name": "betafront sweep",
        }
        run = client.create_run(self._experiment, start_time=started, run_name=name, tags=tags)
        return str(run.info.run_id)

    def _mark(self, client: "MlflowClient", members: Mapping[int, Path]) -> None:
        """Colour the trials by whether they are on the front, where that has changed.

        Args:
            client: of the store.
            members: number to run folder, of the trials on the front.
        """
        from mlflow.entities import RunTag

        for number, child in self._trials.items():
            on_front = number in members
            if child.on_front == on_front:
                continue
            if on_front:
                draw_pages(members[number])  # which takes longer than each trial can spare
                self._log_pictures(client, child.run, members[number])
            tags = [RunTag(key, value) for key, value in marks(on_front).items()]
            client.log_batch(child.run, tags=tags)
            self._trials[number] = replace(child, on_front=on_front)

    def _log_files(self, client: "MlflowClient", run_id: str, folder: Path) -> None:
        run = RunFolder(folder)
        for path in (run.config, run.result, run.log, run.trace):
            if path.is_file():
                client.log_artifact(run_id, str(path))
        self._log_pictures(client, run_id, folder)

    def _log_pictures(self, client: "MlflowClient", run_id: str, folder: Path) -> None:
        pictures = RunFolder(folder).pictures
        if pictures.is_dir():
            client.log_artifacts(run_id, str(pictures), pictures.name)

    def _log_data(self, client: "MlflowClient", run_id: str, spec: Spec, folder: Path) -> None:
        from mlflow.entities import Dataset, DatasetInput

        result = RunFolder(folder).result
        if not result.is_file():
            return
        data = json.loads(result.read_text())["data"]
        dataset = Dataset(
            name=data["name"],
            digest=data["digest"],
            source_type="betafront",
            source=json.dumps({"name": data["name"]}),
            profile=json.dumps({k: data[k] for k in ("shape", "train", "val", "test")}),
        )
        client.log_inputs(run_id, datasets=[DatasetInput(dataset)])

    def _save_view(self, client: "MlflowClient", spec: Spec) -> None:
        try:
            client.set_experiment_tag(self._experiment, TAG, saved_view(spec))
        except Exception as error:  # the record is whole without it
            log.warning("the view is not saved: %s", one_line(error))


def child_name(spec: Spec, row: dict[str, Any]) -> str:
    """The trial's number and its β first: MLflow shows about eleven characters of a run's name."""
    chosen = " ".join(
        str(row[key]) for key in spec.space if key != "objective.weight" and key in row
    )
    return f"t{row['trial']:03d} β{row['beta']:.2g} {chosen}".strip()


def _child(run: "Run") -> Child:
    values = sum(name.startswith(FINAL) for name in run.data.metrics)
    extent = int(run.data.tags.get("replicates", 1)), values
    return Child(run.info.run_id, extent, run.data.tags.get(PARETO) == "true")


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
