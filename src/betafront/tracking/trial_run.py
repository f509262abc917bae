"""The run of a trial in MLflow: its parameters, values, data, files and pictures."""

import json
import math
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from betafront.damage import read_json
from betafront.front.show.standings import record
from betafront.front.table import CAUSE, STANDING, is_metric
from betafront.study.spec import Spec
from betafront.tracking.runs import PARENT, TRIAL, tags_of
from betafront.tracking.store import LONGEST_NAME, LONGEST_TAG, log_points, params_of, shortened
from betafront.tracking.ui_charts import BETA, PARETO, front_tags
from betafront.training.folder import RunFolder
from betafront.training.history import STEP, Row, read_history

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

OF_OTHER_STUDY = ("imported", "continued")  # which trial of which other study
STEPS = "trainer.steps"
MLFLOW_STATUS = {"failed": "FAILED", "pruned": "KILLED"}
CURVE = "curve.csv"  # an artifact of a run of a family
SCALE = ("beta", "beta_norm", "beta_spread", "sigma")
SIZES = ("shape", "train", "val", "test")  # of data
OF_TEXT = ("symbols", "tokens", "entropy", "true_nll")


class Place(NamedTuple):
    """Where the runs of a study's trials are.

    Attributes:
        experiment: the identifier of the study's experiment.
        parent: the identifier of the study's own run.
    """

    experiment: str
    parent: str


class Extent(NamedTuple):
    """How much is known of a trial; of two extents the greater is written over the other.

    Attributes:
        replicates: how many.
        values: the number of final values.
        stands: whether it is known how its runs stand.
    """

    replicates: int
    values: int
    stands: bool


@dataclass(frozen=True)
class TrialRun:
    """A run that was written.

    Attributes:
        run_id: its identifier.
        extent: as `extent_of`, of what it was written with.
        on_front: whether it is marked as a member of the front.
    """

    run_id: str
    extent: Extent
    on_front: bool = False

    @classmethod
    def read(cls, run: "Run") -> "TrialRun":
        """The record of a run that is in MLflow."""
        values = sum(map(is_metric, run.data.metrics))
        tags = run.data.tags
        extent = Extent(int(tags.get("replicates", 1)), values, STANDING in tags)
        return cls(run.info.run_id, extent, tags.get(PARETO) == "true")


def extent_of(row: dict[str, Any]) -> Extent:
    """How much is known of a trial."""
    values = sum(map(is_metric, row))
    return Extent(int(row["replicates"]), values, bool(record(row)))


def run_name(spec: Spec, row: dict[str, Any]) -> str:
    """The trial's number and its β first: MLflow shows about eleven characters of a run's name."""
    chosen = " ".join(
        str(row[key]) for key in spec.space if key != "objective.weight" and key in row
    )
    return f"t{row['trial']:03d} β{row['beta']:.2g} {chosen}".strip()


def write_finished(
    client: "MlflowClient", place: Place, spec: Spec, row: dict[str, Any], folder: Path
) -> TrialRun:
    """Write a new run for a finished trial.

    Args:
        client: of the store.
        place: of the run.
        spec: of the study.
        row: of the study's table.
        folder: of the trial's run.
    """
    started, finished = (int(1000 * row[key]) for key in ("started", "finished"))
    tags = {"replicates": str(row["replicates"])}
    tags |= {key: row[key] for key in OF_OTHER_STUDY if key in row}
    if stands := record(row):
        tags |= {key: stands[key] for key in (STANDING, CAUSE) if key in stands}
    run_id = _create(client, place, spec, int(row["trial"]), run_name(spec, row), started, tags)
    names = dict.fromkeys([*spec.space, "normalisation", "weight", *SCALE])
    params = params_of({n: row[n] for n in names if row.get(n) is not None})
    end = steps_of(spec, row)
    log_points(client, run_id, _values(row, read_history(folder), finished, end), params)
    _log_data(client, run_id, folder)
    _log_files(client, run_id, folder)
    client.set_terminated(run_id, "FINISHED", finished)
    return TrialRun(run_id, extent_of(row))


def write_without_result(
    client: "MlflowClient",
    place: Place,
    spec: Spec,
    number: int,
    params: dict[str, Any],
    reason: str,
    folder: Path,
    word: str,
) -> TrialRun:
    """Write a new run for a trial without a result, whose word, `failed` or `pruned`, is in its
    name: its parameters, the reason and the log."""
    run_id = _create(client, place, spec, number, f"t{number:03d} {word}", None, {"reason": reason})
    log_points(client, run_id, [], params_of(params))
    _log_files(client, run_id, folder)
    client.set_terminated(run_id, MLFLOW_STATUS[word])
    return TrialRun(run_id, Extent(1, 0, stands=False))


def log_pictures(client: "MlflowClient", run_id: str, folder: Path) -> None:
    """Write the pictures of a run folder to a run, where there are any."""
    pictures = RunFolder(folder).pictures
    if pictures.is_dir():
        client.log_artifacts(run_id, str(pictures), pictures.name)


def _create(
    client: "MlflowClient",
    place: Place,
    spec: Spec,
    number: int,
    name: str,
    started: int | None,
    own: dict[str, str],
) -> str:
    tags = {
        **{key: shortened(text, LONGEST_TAG) for key, text in own.items()},
        **front_tags(on_front=False),
        **tags_of(spec, TRIAL),
        "trial": str(number),
        PARENT: place.parent,
    }
    name = shortened(name, LONGEST_NAME)
    run = client.create_run(place.experiment, start_time=started, run_name=name, tags=tags)
    return str(run.info.run_id)


def steps_of(spec: Spec, row: dict[str, Any]) -> int:
    """The optimiser steps after which a trial was evaluated: those that it took, or where that was
    not recorded those that were asked for; 0 where neither is known."""
    for steps in (row.get("steps"), row.get(STEPS), spec.base.get(STEPS)):
        if isinstance(steps, int | float) and math.isfinite(steps):
            return int(steps)
    return 0


def _values(row: dict[str, Any], history: list[Row], finished: int, end: int) -> "list[Metric]":
    """The values of every validated epoch at its step, and the final ones at the end of the run.

    Args:
        row: of the study's table.
        history: a row per validated epoch.
        finished: when the trial finished, in milliseconds of Unix time.
        end: optimiser steps of the whole run.
    """
    from mlflow.entities import Metric

    points = [
        Metric(key, value, finished, int(point[STEP]))
        for point in history
        for key, value in point.items()
        if key != STEP
    ]
    last = max(end, *(p.step for p in points), 0)
    final = {key: value for key, value in row.items() if is_metric(key)}
    final |= {f"scale/{k}": row[k] for k in SCALE if row.get(k) is not None}
    final |= {f"{STANDING}/{k}": v for k, v in record(row).items() if k not in (STANDING, CAUSE)}
    if row["beta"] > 0:
        final[BETA] = log10(row["beta"])
    return points + [Metric(key, float(value), finished, last) for key, value in final.items()]


def _log_files(client: "MlflowClient", run_id: str, folder: Path) -> None:
    run = RunFolder(folder)
    for path in (run.config, run.result, run.log, run.trace, run.latent_history):
        if path.is_file():
            client.log_artifact(run_id, str(path))
    _log_curve(client, run_id, folder)
    log_pictures(client, run_id, folder)


def _log_curve(client: "MlflowClient", run_id: str, folder: Path) -> None:
    """Write the curve of a family as a table, where a run has one."""
    try:
        points = read_json(RunFolder(folder).result).get("curve")
        rows = [point | point["metrics"] for point in points or ()]
    except Exception:  # the file is gone, or damaged, which makes its reader raise almost anything
        return
    if rows:
        table = pd.DataFrame(rows).drop(columns="metrics").to_csv(index=False)
        client.log_text(run_id, table, CURVE)


def _log_data(client: "MlflowClient", run_id: str, folder: Path) -> None:
    """Write the data of a run as its input, where its result says what it was."""
    from mlflow.entities import Dataset, DatasetInput

    try:
        data = read_json(RunFolder(folder).result)["data"]
        dataset = Dataset(
            name=data["name"],
            digest=data["digest"],
            source_type="betafront",
            source=json.dumps({"name": data["name"]}),
            profile=json.dumps(
                {k: data[k] for k in SIZES} | {k: data[k] for k in OF_TEXT if k in data}
            ),
        )
    except Exception:  # the file is gone, or damaged, which makes its reader raise almost anything
        return
    client.log_inputs(run_id, datasets=[DatasetInput(dataset)])
