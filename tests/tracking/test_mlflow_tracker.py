import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from tests.tracking.conftest import SMALL, STUDY, runs
from tests.tracking.test_ui_view import SPEC

from betafront.study.lookup import find_study
from betafront.study.results.table import facts, rows, runs_table, table
from betafront.study.spec import Spec
from betafront.tracking.mlflow_tracker import MLflowTracker
from betafront.tracking.runs import all_runs
from betafront.tracking.trial_run import steps_of
from betafront.training.cause import Cause
from betafront.training.history import STEP, VAL_DISTORTION, VAL_RATE, read_history
from betafront.training.standing import STATES, Standing

Command = Callable[..., Any]
WEIGHED = Standing(
    "collapsed", "", 10, 12, "best", cause=Cause("weight", 0.1, 0.05, 0.05, 0.04, 0.04)
).columns
FALLING = Standing("still falling", "", 10, 12, "best", falling=12.5, falling_error=1.5).columns
SWEEP = ("sweep", *STUDY)


def files(client: MlflowClient, run: Any, folder: str) -> set[str]:
    return {file.path for file in client.list_artifacts(run.info.run_id, folder)}


def test_a_study_is_a_parent_run_and_its_trials_are_children(record: MlflowClient) -> None:
    (parent,), trials = runs(record).values()
    assert len(trials) == 2
    for trial in trials:
        assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert {"beta", "beta_norm", "objective.weight", "normalisation"} <= set(trial.data.params)
        final = {"val/rate", "val/distortion", "val/mse", "test/rate"}
        assert final | {"train/distortion", VAL_RATE, VAL_DISTORTION} <= set(trial.data.metrics)
        (data,) = trial.inputs.dataset_inputs
        assert data.dataset.name == "digits"
        assert trial.info.status == "FINISHED"
        paths = {f.path for f in record.list_artifacts(trial.info.run_id)}
        assert {"config.yaml", "result.json", "pictures"} <= paths
        assert "pictures/samples.png" in files(record, trial, "pictures")
    assert files(record, parent, "front") == {
        "front/front.html", "front/front.png", "front/front.csv", "front/study.json",
        "front/members.csv",
    }  # fmt: skip
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["study/hypervolume"] >= 0
    assert parent.data.params["space.objective.weight"] == "0.1,1"


def test_the_front_is_marked_and_has_the_pages_that_take_long(
    betafront: Command, own_place: Path
) -> None:
    # Both collapse, so that one of them is dominated until the others come, and then too.
    words = ("study.sampler=grid", "trainer.steps=60", "study.name=s")
    assert betafront("sweep", *SMALL, *words, "objective.weight=1000,1e6").code == 0
    client = MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")
    before = runs(client)["trial"]
    red = marked(client)
    assert red == set(json.loads(betafront("status", "s", "--json").out)["front"])
    assert len(red) == 1
    tracker = MLflowTracker(client.tracking_uri)
    study, spec = find_study("s")
    trials = table(study.get_trials(), spec.objectives)
    better = trials.assign(**{key: trials[key].iloc[::-1].to_numpy() for key in spec.objectives})
    runs_of = runs_table(study.get_trials(), spec.objectives)
    tracker.finish(spec, better, runs_of, facts(spec, study.get_trials()), own_place / "none")
    assert marked(client) == {0, 1} - red
    assert {r.info.run_id for r in runs(client)["trial"]} == {r.info.run_id for r in before}


def marked(client: MlflowClient) -> set[int]:
    """The trials that are marked as the front; all that were ever so have all pages."""
    found = {True: set(), False: set()}
    for trial in runs(client)["trial"]:
        tags = trial.data.tags
        red = tags["mlflow.runColor"] == "#d62728"
        assert tags["pareto"] == str(red).lower()
        found[red].add(int(tags["trial"]))
        drawn = files(client, trial, "pictures")
        if red:
            assert {"pictures/training.png", "pictures/latent_map.png"} <= drawn
    return found[True]


def test_the_study_has_the_history_of_its_front(
    record: MlflowClient, betafront: Command, own_place: Path
) -> None:
    (own_place / "runs/s/report/more").mkdir()
    (own_place / "runs/s/report/more/note.txt").write_text("of another hand")
    assert betafront("sync", "s").code == 0
    assert betafront("sync", "s").code == 0
    ((parent,), trials) = runs(record).values()
    finished = sorted(trials, key=lambda run: run.info.end_time)
    for name in ("hypervolume", "front_size"):
        points = record.get_metric_history(parent.info.run_id, f"study/{name}")
        assert [point.step for point in points] == [1, 2]
        assert [p.timestamp for p in points] == [run.info.end_time for run in finished]
    # Two trials are too few for one.
    assert "best_elbo/beta" not in parent.data.metrics
    assert "No decision" in parent.data.tags["mlflow.note.content"]
    assert files(record, parent, "front/more") == {"front/more/note.txt"}
    path = record.download_artifacts(parent.info.run_id, "front/members.csv", str(own_place))
    members = pd.read_csv(path)
    assert set(members["trial"]) == marked(record)
    assert list(members)[:4] == ["trial", "objective.weight", "beta", "beta_norm"]
    _, spec = find_study("s")
    assert [float(x) for x in parent.data.params["reference"].split(",")] == spec.reference


def test_the_table_shows_the_final_values(record: MlflowClient, own_place: Path) -> None:
    for trial in runs(record)["trial"]:
        folder = own_place / f"runs/s/trial-{int(trial.data.tags['trial']):04d}"
        stored = json.loads((folder / "result.json").read_text())["metrics"]
        assert trial.data.metrics["val/rate"] == stored["val/rate"]
        assert trial.data.metrics["test/distortion"] == stored["test/distortion"]


def test_a_trial_of_another_study_says_which(record: MlflowClient, own_place: Path) -> None:
    study, spec = find_study("s")
    row = rows(study.get_trials())[0]
    taken = row | {"trial": 7, "imported": "trial 3 of other"}
    MLflowTracker(f"sqlite:///{own_place}/runs/mlflow.db").record(
        spec, taken, own_place / "runs/s" / row["folder"]
    )
    tags = {run.data.tags["trial"]: run.data.tags for run in runs(record)["trial"]}
    assert tags["7"]["imported"] == "trial 3 of other"
    assert "imported" not in tags["0"]


def test_the_values_of_each_epoch_have_names_of_their_own(
    record: MlflowClient, own_place: Path
) -> None:
    for trial in runs(record)["trial"]:
        folder = own_place / f"runs/s/trial-{int(trial.data.tags['trial']):04d}"
        rows = read_history(folder)
        for name in rows[0].keys() - {STEP}:
            points = record.get_metric_history(trial.info.run_id, name)
            assert {p.step: p.value for p in points} == {row[STEP]: row[name] for row in rows}
        assert len(record.get_metric_history(trial.info.run_id, "val/rate")) == 1


def test_each_value_stands_at_the_step_at_which_it_was_measured(
    record: MlflowClient, own_place: Path
) -> None:
    _, spec = find_study("s")
    for trial in runs(record)["trial"]:
        number = int(trial.data.tags["trial"])
        folder = own_place / f"runs/s/trial-{number:04d}"
        during = read_history(folder)[:1]  # as if it had been validated once, and then no more
        (folder / "history.json").write_text(json.dumps(during))
        record.delete_run(trial.info.run_id)
        row = rows(find_study("s")[0].get_trials())[number]
        MLflowTracker(record.tracking_uri).record(spec, row, folder)
        again = run_of(record, number)
        for name in again.data.metrics:
            points = record.get_metric_history(again.info.run_id, name)
            assert [p.step for p in points] == [during[0][STEP] if name in during[0] else 12]


@pytest.mark.parametrize(
    ("row", "asked", "steps"),
    [
        ({"steps": 12}, 30, 12),  # its patience had ended it
        ({}, 30, 30),
        ({"trainer.steps": 60}, None, 60),
        ({"steps": float("nan")}, 30, 30),
        ({}, None, 0),
    ],
)
def test_the_end_of_a_run_is_known_as_far_as_it_was_recorded(
    row: dict[str, Any], asked: int | None, steps: int
) -> None:
    base = {} if asked is None else {"trainer.steps": asked}
    assert steps_of(replace(SPEC, base=base), row) == steps


def test_writing_again_adds_nothing_and_drops_what_was_left_half_written(
    record: MlflowClient, betafront: Command
) -> None:
    (parent,), trials = runs(record).values()
    tags = {"role": "trial", "trial": "7", "mlflow.parentRunId": parent.info.run_id}
    record.create_run(parent.info.experiment_id, tags=tags)  # its writer was killed here
    said = betafront("sync", "s")
    assert "0 trials written to MLflow, 2 were there" in " ".join(said.out.split())
    again = runs(record)["trial"]
    assert {r.info.run_id for r in again} == {r.info.run_id for r in trials}


def test_of_runs_that_are_running_only_our_own_are_dropped(
    record: MlflowClient, betafront: Command
) -> None:
    (parent,), trials = runs(record).values()
    experiment = parent.info.experiment_id
    # A server that hung made it later than its maker waited for it.
    tags = {"role": "study", "study": "s"}
    second = record.create_run(experiment, start_time=1, tags=tags)
    other = record.create_run(experiment, tags={"role": ""})
    foreign = record.create_run(experiment)
    record.update_run(parent.info.run_id, status="RUNNING")  # its writer was killed
    assert betafront("sync", "s").code == 0
    states = {run.info.run_id: run.info.status for run in all_runs(record, experiment)}
    assert second.info.run_id not in states
    ours = {run.info.run_id for run in (parent, *trials)}
    assert {run for run, state in states.items() if state == "FINISHED"} == ours
    assert {other.info.run_id, foreign.info.run_id} == set(states) - ours


def test_a_sweep_with_nothing_left_to_train_writes_what_is_missing(
    betafront: Command, own_place: Path
) -> None:
    assert betafront(*SWEEP, "tracking=off").code == 0
    said = betafront(*SWEEP)
    assert said.code == 0
    assert "The study s is complete" in said.out
    client = MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")
    (parent,), trials = runs(client).values()
    assert len(trials) == 2
    assert parent.info.status == "FINISHED"
    assert "0 trials written to MLflow, 2 were there" in " ".join(
        betafront("sync", "s").out.split()
    )


def test_values_that_were_added_later_are_written_once(
    record: MlflowClient, betafront: Command
) -> None:
    before = runs(record)["trial"]
    assert betafront("evaluate", "s", "metrics=latent", "--trial", "1").code == 0
    said = betafront("sync", "s")
    assert "1 trials written to MLflow, 1 were there" in " ".join(said.out.split())
    after = {run.data.tags["trial"]: run for run in runs(record)["trial"]}
    assert after["0"].info.run_id in {run.info.run_id for run in before}
    assert after["1"].data.metrics["val/iwae_100"] > 0
    said = betafront("sync", "s")
    assert "0 trials written to MLflow, 2 were there" in " ".join(said.out.split())


def test_how_the_trials_stand_is_written_once_it_is_known(record: MlflowClient) -> None:
    """A record by an earlier version has none, and gets it where it is known now."""
    study, spec = find_study("s")
    trials = study.get_trials()
    tracker, folder = MLflowTracker(record.tracking_uri), Path(spec.folder)
    tracker.start(spec)
    plain = {
        n: {k: v for k, v in row.items() if k not in FALLING} for n, row in rows(trials).items()
    }
    for row in plain.values():
        record.delete_run(run_of(record, row["trial"]).info.run_id)
    tracker.start(spec)
    for row in plain.values():
        tracker.record(spec, row, folder / row["folder"])
    before = run_of(record, 0)
    assert "standing" not in before.data.tags
    assert not any(name.startswith("standing/") for name in before.data.metrics)

    stood = [plain[0] | FALLING, plain[1] | FALLING | {"standing": "settled"}]
    for row in (*stood, *stood, *plain.values()):  # neither twice, nor with less
        tracker.record(spec, row, folder / row["folder"])
    after = run_of(record, 0)
    assert after.info.run_id != before.info.run_id
    assert after.data.tags["standing"] == "still falling"
    own = {k: v for k, v in after.data.metrics.items() if k.startswith("standing/")}
    assert own == {
        "standing/kept_step": 10, "standing/steps": 12, "standing/falling": 12.5,
        "standing/falling_error": 1.5,
    }  # fmt: skip
    assert after.data.metrics["val/rate"] == before.data.metrics["val/rate"]

    every = pd.DataFrame(stood)
    tracker.finish(spec, every, every, facts(spec, trials), folder / "none")
    (parent,) = runs(record)["study"]
    counted = {k: v for k, v in parent.data.metrics.items() if k.startswith("standings/")}
    assert len(counted) == len(STATES)
    assert {k for k, v in counted.items() if v} == {"standings/settled", "standings/still_falling"}
    assert parent.data.tags["standings"] == "of 2 runs 1 settled, 1 still falling"
    assert parent.data.tags["standings"] in parent.data.tags["mlflow.note.content"]
    assert not {"cause", "causes"} & {*after.data.tags, *parent.data.tags}
    tracker.finish(spec, *[every.assign(**WEIGHED)] * 2, facts(spec, trials), folder / "none")
    (parent,) = runs(record)["study"]
    assert parent.data.tags["causes"].startswith("2 trials have collapsed by the weight: β from ")
    assert parent.data.tags["causes"] in parent.data.tags["mlflow.note.content"]
    settled = every.assign(standing="settled")
    tracker.finish(spec, settled, settled, facts(spec, trials), folder / "none")
    (parent,) = runs(record)["study"]
    assert parent.data.metrics["standings/still_falling"] == 0
    assert parent.data.metrics["standings/settled"] == 2


def test_the_cause_of_a_collapsed_trial_is_a_tag(record: MlflowClient) -> None:
    _, spec = find_study("s")
    tracker, folder = MLflowTracker(record.tracking_uri), Path(spec.folder)
    tracker.start(spec)
    record.delete_run(run_of(record, 0).info.run_id)
    tracker.start(spec)
    row = rows(find_study("s")[0].get_trials())[0] | WEIGHED
    tracker.record(spec, row, folder / row["folder"])
    data = run_of(record, 0).data
    assert (data.tags["standing"], data.tags["cause"]) == ("collapsed", "weight")
    assert data.metrics["standing/beta_c"] == data.metrics["standing/beta_live"] == 0.05
    assert "standing/cause" not in data.metrics


def run_of(client: MlflowClient, trial: int) -> Any:
    (found,) = [r for r in runs(client)["trial"] if r.data.tags["trial"] == str(trial)]
    return found


def test_the_record_can_be_made_again_from_the_storage_and_the_folders(
    record: MlflowClient, own_place: Path
) -> None:
    before = {r.data.tags["trial"]: r.data.metrics for r in runs(record)["trial"]}
    old, new = own_place / "runs", own_place / "moved"
    old.rename(new)  # as on another machine: the folders and the storage came along
    (new / "mlflow.db").unlink()
    # In a process of its own: MLflow keeps connections to the old file in this one.
    command = [sys.executable, "-m", "betafront", "sync"]
    environment = os.environ | {"BETAFRONT_RUNS": str(new)}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "2 trials written to MLflow, 0 were there" in " ".join(said.stdout.split())
    fresh = MlflowClient(f"sqlite:///{new}/mlflow.db")
    assert {r.data.tags["trial"]: r.data.metrics for r in runs(fresh)["trial"]} == before


def test_a_sweep_goes_on_without_its_tracking_server(
    betafront: Command, own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    said = betafront(*SWEEP, "tracking.uri=http://127.0.0.1:9")
    assert said.code == 0
    assert "betafront sync s" in " ".join(said.out.split())
    assert "No decision: the study has 2 finished trials" in said.out


def test_what_was_missed_while_mlflow_was_away_is_written_when_it_is_back(
    betafront: Command, own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = MLflowTracker.start
    asked: list[int] = []

    def away_at_first(self: MLflowTracker, spec: Spec) -> None:
        asked.append(1)
        if len(asked) == 1:
            raise ConnectionError("away")
        started(self, spec)

    monkeypatch.setattr(MLflowTracker, "start", away_at_first)
    assert betafront(*SWEEP).code == 0
    client = MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")
    assert len(runs(client)["trial"]) == 2


def test_a_failed_trial_is_recorded_with_its_parameters_and_log(
    betafront: Command, own_place: Path
) -> None:
    betafront(
        "sweep", "optimizer.lr=0.001,1e30", *SMALL, "study.sampler=grid", "study.name=s",
    )  # fmt: skip
    client = MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")
    (failed,) = [r for r in runs(client)["trial"] if r.info.status == "FAILED"]
    assert failed.data.tags["reason"].startswith("diverged")
    assert failed.data.params["optimizer.lr"] == "1e+30"
    assert "run.log" in {f.path for f in client.list_artifacts(failed.info.run_id)}


def test_a_pruned_trial_is_recorded_as_killed_once(record: MlflowClient, own_place: Path) -> None:
    tracker, (_, spec) = MLflowTracker(record.tracking_uri), find_study("s")
    for _ in range(2):
        why = "pruned: at step 50 of 400 it was 3 nats behind"
        tracker.pruned(spec, 7, {"optimizer.lr": 0.1}, why, own_place / "runs/s/trial-0001")
    (killed,) = [run for run in runs(record)["trial"] if run.info.status == "KILLED"]
    assert killed.info.run_name == "t007 pruned"
    assert killed.data.tags["reason"] == why
    assert killed.data.params["optimizer.lr"] == "0.1"


def test_parameters_that_hydra_writes_with_signs_of_its_own_are_recorded(
    betafront: Command, own_place: Path
) -> None:
    said = betafront(
        "sweep", "controller=controlvae", "controller.target=5", *SMALL, "study.name=s",
        "schedule@controller.schedule=constant,linear", "penalty=[mmd],[]", "study.sampler=grid",
        "study.budget.trials=4",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "cannot be written" not in said.out
    client = MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")
    trials = runs(client)["trial"]
    chosen = {
        (t.data.params["schedule:controller.schedule"], t.data.params["penalty"]) for t in trials
    }
    assert chosen == {(s, p) for s in ("constant", "linear") for p in ("[mmd]", "[]")}
    assert all(float(t.data.params["beta_spread"]) >= 0 for t in trials)
