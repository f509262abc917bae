"""MLflow on a server of its own, real ones: taken away, hung, asked for a password; and what sweeps
make of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from tests.acceptance.conftest import Shell
from tests.support.patience import PATIENCE
from tests.support.servers import MLflowServer
from tests.support.slow import slowly
from tests.support.warm import WarmProcess

from betafront.addresses import TRACKING, VARIABLE
from betafront.study.storage.opening import load_study, open_storage
from betafront.study.trials.lease import LEASE
from betafront.study.trials.ours import RECORD
from betafront.tracking.address import PASSWORD, USERNAME
from betafront.tracking.runs import all_runs

pytestmark = pytest.mark.slow(minutes=8)
SMALL = ("trainer.steps=12", "model.hidden=[8]", "data.limit=200", "hydra/launcher=basic")
# A call to a server that hangs is given up after three tries of ten seconds and the pauses between
# them; one to a server that is gone at once.
AWAY_SECONDS = {"stopped": 25.0, "hung": 60.0}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (TRACKING, USERNAME, PASSWORD):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLflowServer]:
    """A tracking server, of one test after another."""
    with MLflowServer(tmp_path_factory.mktemp("mlflow")) as running:
        yield running


@pytest.fixture
def server(one_server: MLflowServer, monkeypatch: pytest.MonkeyPatch) -> MLflowServer:
    """A tracking server where MLFLOW_TRACKING_URI says, on which every name is free."""
    one_server.recover()
    client = MlflowClient(one_server.url)
    for experiment in client.search_experiments(filter_string="name != 'Default'"):
        number = experiment.experiment_id
        client.rename_experiment(number, f"of an earlier test, {number}")
    monkeypatch.setenv(TRACKING, one_server.url)
    return one_server


class Away:
    """The ways in which a server is away, and back again."""

    def __init__(self, server: MLflowServer, how: str) -> None:
        self.go, self.come = {
            "stopped": (server.stop, server.start),
            "hung": (server.hang, server.wake),
        }[how]


def sweep(name: str, *more: str, trials: int = 4) -> list[str]:
    budget = f"study.budget.trials={trials}"
    searched = "objective.weight=tag(log,interval(0.01,10))"
    return ["sweep", f"study.name={name}", searched, budget, "tracking=server", *SMALL, *more]


def trials_of(place: Path, name: str, state: str = "COMPLETE") -> list[Any]:
    """Those of a study in a state, so far; none where there is no study yet."""
    path = place / "runs" / "studies.db"
    if not path.is_file():
        return []
    try:
        study = load_study(open_storage(f"sqlite:///{path}"), name)
    except Exception:  # it is being made
        return []
    return [t for t in study.get_trials(deepcopy=False) if t.state.name == state]


def recorded(url: str, name: str) -> dict[str, list[Any]]:
    """The runs of a study in MLflow, by role; none where it is not there."""
    client = MlflowClient(url)
    experiment = client.get_experiment_by_name(name)
    found = all_runs(client, experiment.experiment_id) if experiment else []
    return {role: [r for r in found if r.data.tags["role"] == role] for role in ("study", "trial")}


def check_record(url: str, name: str, trials: Sequence[Any]) -> None:
    """Every trial is there once, with all that belongs to it; and nothing is left half written."""
    client, found = MlflowClient(url), recorded(url, name)
    (parent,) = found["study"]
    assert parent.info.status == "FINISHED"
    paths = {file.path for file in client.list_artifacts(parent.info.run_id, "front")}
    report = Path(os.environ["BETAFRONT_RUNS"]) / name / "report"  # which a sweep writes at its end
    assert {"front/members.csv", *(f"front/{path.name}" for path in report.glob("*"))} <= paths
    runs = {int(run.data.tags["trial"]): run for run in found["trial"]}
    assert len(runs) == len(found["trial"])
    assert sorted(runs) == sorted(t.number for t in trials)
    for trial in trials:
        run = runs[trial.number]
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        for key, value in trial.user_attrs[RECORD]["metrics"].items():
            assert run.data.metrics[key] == pytest.approx(value)
        paths = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert {"config.yaml", "result.json", "pictures"} <= paths
        assert client.list_artifacts(run.info.run_id, "pictures")


def wait_for(what: Callable[[], bool], process: WarmProcess) -> None:
    """Wait until it is so, as long as the command runs."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.5)


def interrupt(process: WarmProcess) -> str:
    """Have a sweep finish what runs, and end; what it said."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)
    return str(said)


def kill(process: WarmProcess) -> None:
    """As a power cut would: the command and its workers."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_trials_go_on_while_the_server_is_away_and_are_written_when_it_is_back(
    shell: Shell, server: MLflowServer
) -> None:
    # Long enough for the record to keep up, and more of them than there is time for.
    words = [*slowly(shell.place, 12, 8), "hydra/launcher=processes", "study.workers=2"]
    process = shell.start(*sweep("s", *words, trials=10_000))
    wait_for(lambda: len(recorded(server.url, "s")["trial"]) >= 2, process)
    for how in ("stopped", "hung"):
        trials_go_on_while_it_is(how, shell, server, process)
    said = interrupt(process)
    assert said.count("MLflow cannot be written") == 1  # however often it is away
    assert "is not complete" not in said
    assert "Traceback" not in said
    assert not trials_of(shell.place, "s", "FAIL")
    check_record(server.url, "s", trials_of(shell.place, "s"))


def trials_go_on_while_it_is(
    how: str, shell: Shell, server: MLflowServer, process: WarmProcess
) -> None:
    """Have the server away until both workers have finished a trial without it, and back again
    until those are written."""
    away = Away(server, how)
    away.go()
    gone = time.time()
    missed: set[int] = set()

    def both_workers_went_on() -> bool:
        """Each has begun and finished a trial without it."""
        trials = trials_of(shell.place, "s")
        meanwhile = [t for t in trials if t.datetime_start.timestamp() > gone]
        missed.update(t.number for t in meanwhile)
        return len({t.user_attrs[LEASE]["name"] for t in meanwhile}) == 2

    wait_for(lambda: time.time() > gone + AWAY_SECONDS[how] and both_workers_went_on(), process)
    away.come()

    def caught_up() -> bool:
        there = recorded(server.url, "s")["trial"]
        return missed <= {int(r.data.tags["trial"]) for r in there if r.info.status == "FINISHED"}

    wait_for(caught_up, process)


def test_a_sweep_ends_well_without_its_server_and_says_what_is_missing(
    shell: Shell, server: MLflowServer
) -> None:
    process = shell.start(*sweep("s", *slowly(shell.place, 12, 4), "study.workers=1"))
    wait_for(lambda: len(recorded(server.url, "s")["trial"]) >= 1, process)
    server.hang()
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    flat = " ".join(said.split())
    assert flat.count("MLflow cannot be written") == 1
    assert flat.count("The record in MLflow is not complete") == 1
    assert "lacks trials" in flat
    assert "and the front. What is missing is written by: betafront sync s" in flat
    assert "No decision: the study has 4 finished trials" in flat
    assert (shell.place / "runs/s/report/front.html").is_file()
    server.wake()
    assert "trials written to MLflow" in shell.run("sync", "s")
    check_record(server.url, "s", trials_of(shell.place, "s"))


def test_the_same_sweep_again_writes_what_the_record_misses(
    shell: Shell, server: MLflowServer
) -> None:
    server.stop()
    shell.run(*sweep("s", trials=2))
    server.start()
    said = shell.run(*sweep("s", trials=2))
    assert "The study s is complete" in said
    assert "is not complete:" not in said
    check_record(server.url, "s", trials_of(shell.place, "s"))
    assert "s: 0 trials written to MLflow, 2 were there" in shell.run("sync", "s")


@pytest.mark.parametrize(("how", "then"), [("awake", "sweep"), ("hung", "sync")])
def test_a_killed_sweep_leaves_no_run_running_after_the_next_command(
    shell: Shell, server: MLflowServer, how: str, then: str
) -> None:
    process = shell.start(*sweep("s", trials=10_000))
    wait_for(lambda: len(recorded(server.url, "s")["trial"]) >= 2, process)
    if how == "hung":
        server.hang()
        began = len(trials_of(shell.place, "s"))
        wait_for(lambda: len(trials_of(shell.place, "s")) > began + 2, process)
    kill(process)
    if how == "hung":
        server.wake()  # and does what the dead command had asked for
    if then == "sync":
        shell.run("sync", "s")
    else:
        done = len(trials_of(shell.place, "s"))
        shell.run(*sweep("s", trials=done + 2))
    check_record(server.url, "s", trials_of(shell.place, "s"))


@pytest.mark.parametrize("where", ["files", "servers"])
def test_sweeps_that_begin_at_once_where_nothing_is_do_not_race(
    shell: Shell, where: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{shell.place}/runs/mlflow.db"
    words = ["tracking=mlflow"]
    if where == "servers":
        url = request.getfixturevalue("server").url
        database = request.getfixturevalue("postgresql").create_database()
        monkeypatch.setenv(VARIABLE, database)
        words = ["storage=postgres"]
    names = ["a", "b", "c", "d"]
    running = [shell.start(*sweep(name, *words, trials=1)) for name in names]
    for process in running:
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
        assert "cannot be written" not in said
        assert "is not complete" not in said
    place = f"sqlite:///{shell.place}/runs/studies.db" if where == "files" else f"${VARIABLE}"
    for name in names:
        trials = load_study(open_storage(place), name).get_trials(deepcopy=False)
        assert len(trials) == 1
        check_record(url, name, trials)


LOAD = """
import betafront
model = betafront.load("models:/digits@trial-1")
print(model.about["study"], model.about["trial"], tuple(model.sample(2).shape))
"""


def test_studies_and_record_on_one_database_server(
    shell: Shell, postgresql: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, postgresql.create_database())
    with MLflowServer(tmp_path / "mlflow", postgresql.create_database()) as server:
        monkeypatch.setenv(TRACKING, server.url)
        shell.run(*sweep("s", "storage=postgres", trials=2))
        trials = load_study(open_storage(f"${VARIABLE}"), "s").get_trials(deepcopy=False)
        check_record(server.url, "s", trials)
        assert "s: 0 trials written to MLflow, 2 were there" in shell.run("sync", "s")
        experiment = MlflowClient(server.url).get_experiment_by_name("s")
        assert experiment is not None
        link = f"{server.url}/#/experiments/{experiment.experiment_id}/runs?"
        assert shell.run("ui", "s").count(link) == 2
        for _ in range(2):  # the same model again makes no second version
            said = shell.run("export", "s", "--at", "trial=1", "--register", "digits")
            assert "models:/digits@trial-1" in said
        assert f"{TRACKING}={server.url}" in said
        assert len(MlflowClient(server.url).search_model_versions("name = 'digits'")) == 1
        loading = subprocess.run(
            [sys.executable, "-c", LOAD], capture_output=True, text=True, check=False
        )
        assert loading.returncode == 0, loading.stderr
        assert loading.stdout == "s 1 (2, 1, 8, 8)\n"


def test_a_server_that_asks_for_a_password(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hunter2hunter2"  # of at least twelve characters
    with MLflowServer(tmp_path / "mlflow", password=secret) as server:
        monkeypatch.setenv(TRACKING, server.url)
        said = shell.run(*sweep("s", trials=2))
        assert said.count("MLflow cannot be written") == 1
        assert "The record in MLflow is not complete" in said
        refused(shell, "sync", "it asks for a user and a password: export MLFLOW_TRACKING_USERNAME")
        monkeypatch.setenv(USERNAME, "admin")
        monkeypatch.setenv(PASSWORD, "wrong")
        refused(shell, "sync", "does not know the user and password in MLFLOW_TRACKING_USERNAME")
        monkeypatch.setenv(PASSWORD, secret)
        said = shell.run("sync", "s")
        assert "s: 2 trials written to MLflow, 0 were there" in said
        check_record(server.url, "s", trials_of(shell.place, "s"))
        monkeypatch.delenv(USERNAME)
        monkeypatch.delenv(PASSWORD)
        # As a part of the address it works, too, and nobody sees it.
        monkeypatch.setenv(TRACKING, server.url.replace("http://", f"http://admin:{secret}@"))
        said = shell.run(*sweep("s", trials=3))
        assert "cannot be written" not in said
        said += shell.run("sync", "s") + shell.run("ui", "s") + shell.run("report", "s")
        said += shell.run("export", "s", "--at", "trial=1", "--register", "digits")
        monkeypatch.setenv(TRACKING, server.url.replace("http://", f"http://admin:{secret}x@"))
        said += refused(shell, "sync", "does not know the user and password")
        server.stop()
        said += refused(shell, "sync", "does not answer")
        assert secret not in said
        for path in (shell.place / "runs").rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def refused(shell: Shell, command: str, line: str) -> str:
    """What a command says that fails with one line, as users' mistakes do."""
    process = shell.start(command, "s")
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, said
    (only,) = [found for found in said.splitlines() if found.startswith("betafront: ")]
    assert line in only
    assert "Traceback" not in said
    return str(said)
