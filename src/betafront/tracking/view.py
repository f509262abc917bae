"""Studies in MLflow: one experiment, a parent run, and a child run per trial.

MLflow is written by one process at a time, the one that watches the sweep or a later `sync`, from
what the storage and the run folders hold. So no trial waits for it or fails with it, and it can be
made again at any time.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from filelock import FileLock

from betafront.errors import UserError, one_line
from betafront.front import Facts, decide, front, hypervolume
from betafront.study.additions import additions
from betafront.study.records import facts, reason, rows, state, table
from betafront.study.replicates import trial_folder
from betafront.study.report import DATA, MADE_BY, PAGE, PICTURE
from betafront.study.spec import Spec
from betafront.study.watch import BusyStudy, only_writer
from betafront.tracking.saved_view import TAG, saved_view
from betafront.training import PICTURES, draw_pages

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from optuna import Study

SQLITE = "sqlite:///"
BATCH = 1000
FINAL = ("val/", "test/", "sd/")  # what the names of final values begin with
FILES = ("config.yaml", "result.json", "run.log", "trace.npz")


class MLflowView:
    """A study in MLflow.

    Args:
        uri: of the tracking store or server, always absolute: MLflow's own default depends on the
            folder a command is given in.
    """

    def __init__(self, uri: str) -> None:
        self.uri = absolute(uri)
        self._experiment = ""
        self._parent = ""
        # The number of a trial to its run, and to how much of it stands there.
        self._trials: dict[int, tuple[str, tuple[int, int]]] = {}

    def start(self, spec: Spec) -> None:
        """Make the experiment and the parent run, or find them; drop runs left half written."""
        client = self.client()
        self._experiment = self._find_experiment(client, spec)
        runs = all_runs(client, self._experiment)
        parent = next((r for r in runs if r.data.tags.get("role") == "study"), None)
        if parent is None:
            self._parent = self._make_parent(client, spec)
        else:
            self._parent = parent.info.run_id
            client.update_run(self._parent, status="RUNNING")
        self._trials.clear()
        for run in runs:
            if run.data.tags.get("role") != "trial":
                continue
            if run.info.status == "RUNNING":  # its writer was killed
                client.delete_run(run.info.run_id)
            else:
                self._trials[int(run.data.tags["trial"])] = (run.info.run_id, _extent(run))
        client.set_experiment_tag(self._experiment, TAG, self._saved_view(spec))

    def record(self, spec: Spec, row: dict[str, Any], folder: Path) -> None:
        """Write a finished trial as a child run, once; anew when it has more replicates, or values
        that were added later."""
        from mlflow.entities import Metric, Param

        number = int(row["trial"])
        if not self._parent:
            self.start(spec)
        old, had = self._trials.get(number, ("", (0, 0)))
        extent = int(row["replicates"]), sum(key.startswith(FINAL) for key in row)
        if had >= extent:
            return
        client = self.client()
        if old:
            client.delete_run(old)
        started, finished = (int(1000 * row[key]) for key in ("started", "finished"))
        tags = {"replicates": str(extent[0])}
        run_id = self._make_child(client, spec, number, child_name(spec, row), started, tags)
        names = list(dict.fromkeys([*spec.space, "normalisation", "weight", *SCALE]))
        params = [Param(_key(n), _text(row[n])) for n in names if row.get(n) is not None]
        points = [
            Metric(key, value, finished, int(point["step"]))
            for point in _history(folder)
            for key, value in point.items()
            if key != "step"
        ]
        last = max((p.step for p in points), default=0)
        final = {key: value for key, value in row.items() if "/" in key}
        final |= {f"scale/{k}": row[k] for k in SCALE if row.get(k) is not None}
        # A millisecond later: of two values at the same step MLflow's tables show the later one.
        points += [Metric(key, float(value), finished + 1, last) for key, value in final.items()]
        # In as few transactions as may be: each waits for the disk or the server.
        first = BATCH - len(params)
        client.log_batch(run_id, points[:first], params)
        for i in range(first, len(points), BATCH):
            client.log_batch(run_id, points[i : i + BATCH])
        self._log_data(client, run_id, spec, folder)
        self._log_files(client, run_id, folder)
        client.set_terminated(run_id, "FINISHED", finished)
        self._trials[number] = (run_id, extent)

    def failed(
        self, spec: Spec, number: int, params: dict[str, Any], reason: str, folder: Path
    ) -> None:
        """Write a trial without a result, with its parameters, the reason and the log."""
        from mlflow.entities import Param

        if not self._parent:
            self.start(spec)
        if number in self._trials:
            return
        client = self.client()
        name = f"t{number:03d} failed"
        run_id = self._make_child(client, spec, number, name, None, {"reason": reason})
        chosen = [Param(_key(k), _text(v)) for k, v in params.items()]
        client.log_batch(run_id, params=chosen)
        self._log_files(client, run_id, folder)
        client.set_terminated(run_id, "FAILED")
        self._trials[number] = (run_id, (1, 0))

    def finish(self, spec: Spec, table: pd.DataFrame, facts: Facts, report: Path) -> None:
        """Write the front, the decision and the pages to the parent run."""
        if not self._parent:
            self.start(spec)
        client = self.client()
        for name in (PAGE, PICTURE, DATA, MADE_BY):
            if (report / name).is_file():
                client.log_artifact(self._parent, str(report / name), "front")
        members = front(table, facts.objectives)
        for number, folder in zip(members["trial"], members["folder"], strict=True):
            draw_pages(Path(spec.folder) / folder)  # which takes longer than each trial can spare
            self._log_pictures(client, self._trials[int(number)][0], Path(spec.folder) / folder)
        done = len(table)
        volume = hypervolume(table, facts.objectives, facts.reference)
        client.log_metric(self._parent, "study/hypervolume", volume, step=done)
        client.log_metric(self._parent, "study/front_size", len(members), step=done)
        for advice in decide(table, facts):
            key = advice.name.lower().replace(" ", "_")
            client.log_metric(self._parent, f"{key}/beta", advice.beta, step=done)
        note = "\n\n".join([spec.question, *(f"**{a.text}**" for a in decide(table, facts))])
        client.set_tag(self._parent, "mlflow.note.content", note)
        client.set_terminated(self._parent, "FINISHED")

    def client(self) -> "MlflowClient":
        """A client of the store, whose tables are made under a lock: two processes that make them
        at once break the file for good."""
        from mlflow import MlflowClient

        if not self.uri.startswith(SQLITE):
            return MlflowClient(self.uri)
        path = Path(self.uri.removeprefix(SQLITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            return MlflowClient(self.uri)

    def experiment(self, spec: Spec) -> str:
        """The identifier of the study's experiment."""
        return self._experiment or self._find_experiment(self.client(), spec)

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

        tags = {"role": "study", "study": spec.name, "mlflow.source.name": "betafront sweep"}
        run = client.create_run(self._experiment, run_name=spec.name, tags=tags)
        params = {
            "sampler": spec.sampler,
            "seed": spec.seed,
            "objectives": ", ".join(f"{k} {v}" for k, v in spec.objectives.items()),
            **{f"space.{key}": sweep for key, sweep in spec.space.items()},
        }
        client.log_batch(
            run.info.run_id, params=[Param(_key(k), str(v)) for k, v in params.items()]
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
        tags = own | {
            "role": "trial",
            "study": spec.name,
            "trial": str(number),
            "mlflow.parentRunId": self._parent,
            "mlflow.source.name": "betafront sweep",
        }
        run = client.create_run(self._experiment, start_time=started, run_name=name, tags=tags)
        return str(run.info.run_id)

    def _log_files(self, client: "MlflowClient", run_id: str, folder: Path) -> None:
        for name in FILES:
            if (folder / name).is_file():
                client.log_artifact(run_id, str(folder / name))
        self._log_pictures(client, run_id, folder)

    def _log_pictures(self, client: "MlflowClient", run_id: str, folder: Path) -> None:
        if (folder / PICTURES).is_dir():
            client.log_artifacts(run_id, str(folder / PICTURES), PICTURES)

    def _log_data(self, client: "MlflowClient", run_id: str, spec: Spec, folder: Path) -> None:
        from mlflow.entities import Dataset, DatasetInput

        result = folder / "result.json"
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

    def _saved_view(self, spec: Spec) -> str:
        metrics = ["val/distortion", "val/rate", "val/negative_elbo", "val/mse", "val/active_units"]
        metrics = list(dict.fromkeys([*metrics, *spec.objectives]))
        first = [("params", "beta"), ("params", "beta_norm"), *(("metrics", m) for m in metrics)]
        rest = [("params", _key(name)) for name in spec.space]
        return saved_view([*first, *rest], next(iter(spec.objectives)))


SCALE = ("beta", "beta_norm", "beta_spread", "sigma")


def sync(study: "Study", spec: Spec) -> str:
    """Write all of a study to MLflow that is not there yet; returns what was done, in words.

    Raises:
        UserError: MLflow cannot be reached or written.
    """
    from mlflow.exceptions import MlflowException

    view = view_of(spec)
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
    before = dict(view._trials)
    trials = study.get_trials(deepcopy=False)
    added = additions(study.user_attrs)
    for r in rows(trials, added).values():
        view.record(spec, r, Path(spec.folder) / r["folder"])
    for trial in trials:
        if state(trial) == "failed":
            folder = Path(spec.folder) / trial_folder(trial.number)
            view.failed(spec, trial.number, trial.params, reason(trial), folder)
    view.finish(spec, table(trials, added), facts(spec, trials), Path(spec.folder) / "report")
    written = sum(before.get(number) != now for number, now in view._trials.items())
    there = len(view._trials) - written
    return f"{spec.name}: {written} trials written to MLflow, {there} were there, in {view.uri}"


def view_of(spec: Spec) -> MLflowView:
    """The MLflow view of a study: on the server it is recorded on, else in a file beside its runs
    (which may have been moved, or made with tracking off)."""
    uri = str(spec.tracking.get("uri", SQLITE))
    beside = f"{SQLITE}{Path(spec.folder).parent / 'mlflow.db'}"
    return MLflowView(beside if uri.startswith(SQLITE) else uri)


def child_name(spec: Spec, row: dict[str, Any]) -> str:
    """The trial's number and its β first: MLflow shows about eleven characters of a run's name."""
    chosen = " ".join(
        str(row[key]) for key in spec.space if key != "objective.weight" and key in row
    )
    return f"t{row['trial']:03d} β{row['beta']:.2g} {chosen}".strip()


def all_runs(client: "MlflowClient", experiment: str) -> "list[Run]":
    """Every active run of an experiment."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def absolute(uri: str) -> str:
    """`uri` with the path of an SQLite file made absolute."""
    if uri.startswith(SQLITE):
        return f"{SQLITE}{Path(uri.removeprefix(SQLITE)).absolute()}"
    return uri


def _extent(run: "Run") -> tuple[int, int]:
    """How many replicates a child run was written with, and how many values."""
    values = sum(name.startswith(FINAL) for name in run.data.metrics)
    return int(run.data.tags.get("replicates", 1)), values


def _history(folder: Path) -> list[dict[str, float]]:
    path = folder / "history.json"
    return json.loads(path.read_text()) if path.is_file() else []


def _key(name: str) -> str:
    """A parameter's name as MLflow takes it: it knows no @ and no + of Hydra's grammar."""
    return name.lstrip("+").replace("@", ":")


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
