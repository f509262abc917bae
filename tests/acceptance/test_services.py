"""The services of docker/compose.yaml as processes of this machine: their own commands, in their
own environments, beside a real PostgreSQL."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psutil
import pytest
from dotenv import dotenv_values
from tests.conftest import FAST
from tests.support import compose
from tests.support.patience import PATIENCE
from tests.support.servers import HOST, PostgreSQL, free_port
from tests.support.slow import slowly

DOCKER = Path(__file__).parents[2] / "docker"
PROGRAMS = Path(sys.executable).parent
# What addresses, shells, templates and compose files treat specially, but for a single quote.
SPECIAL = '@:/?#&+=% %41{}$HOME${HOME}"`<>|;*[]~!,'
TRIALS = 5  # of three processes, each of which trains something
# What a user would add for a study of seconds, beside the launcher and the record that the service
# names, and a part of the user's own.
TINY = [w for w in FAST if w.startswith(("model.", "data."))]
SECONDS = 2  # a trial


def image_environment() -> dict[str, str]:
    """What the image itself sets, but for its PATH."""
    written = (DOCKER / "Dockerfile").read_text()
    (block,) = re.findall(r"^ENV PATH=\S+ \\\n((?:\s+\w+=.*\n)+)", written, re.MULTILINE)
    return dict(line.strip(" \\").split("=", 1) for line in block.splitlines())


def secrets_of(environment: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if re.search("PASSWORD|SECRET", k)}


def write_environment(place: Path) -> dict[str, str]:
    """A .env made from the example, as a person would: a secret between each pair of quotes."""
    text = (DOCKER / ".env.example").read_text()
    names = re.findall(r"^(\w+)=''$", text, re.MULTILINE)
    for name in names:
        text = text.replace(f"{name}=''", f"{name}='{name.lower()}{SPECIAL}'")
    (place / ".env").write_text(text)
    values = dotenv_values(place / ".env", interpolate=False)
    found = {name: value or "" for name, value in values.items()}
    found["MLFLOW_TRACKING_PASSWORD"] = found["MLFLOW_AUTH_ADMIN_PASSWORD"]
    return found


@dataclass
class Services:
    """The project on this machine: names of hosts and places of containers become those of here.

    Attributes:
        place: where the volumes, the logs and the user's own folder are.
        server: stands for the service `postgres`, whose image runs elsewhere.
        environment: the .env.
        seen: what was seen of its processes: command lines, and addresses that they listen on.
    """

    place: Path
    server: PostgreSQL
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    running: "dict[str, subprocess.Popen[str]]" = field(default_factory=dict)
    commands: set[str] = field(default_factory=set)
    listening: set[tuple[str, int]] = field(default_factory=set)

    def project(self, *files: str) -> dict[str, Any]:
        return compose.project(DOCKER, ["compose.yaml", *files], self.environment)

    def here(self, text: str) -> str:
        """A text of the project, with what is on this machine in place of what is in containers."""
        names = {
            "http://mlflow:5000": f"http://{HOST}:{self.port}",
            "--host=0.0.0.0": f"--host={HOST}",
            "--port=5000": f"--port={self.port}",
            "@postgres/": f"@{HOST}/",
            "/etc/mlflow/auth.ini": str(self.place / "auth.ini"),
        }
        for name, local in names.items():
            text = text.replace(name, local)
        return re.sub(r"^/(runs|data|artifacts|project)$", rf"{self.place}/\1", text)

    def start(self, name: str, *files: str, log: str = "", words: list[str] | None = None) -> str:
        """Start a service with its own command and environment, and nothing else of this process's.

        Args:
            name: of the service.
            files: added to compose.yaml.
            log: the name of its log, where a service runs more than once.
            words: in place of its command, as those after `docker compose run NAME`.
        """
        service = self.project(*files)["services"][name]
        said = service.get("command", []) if words is None else words
        program, *rest = [*service.get("entrypoint", []), *said]
        environment = {
            **image_environment(),
            "PATH": os.defpath,
            "HOME": str(self.place / "home"),
            "OMP_NUM_THREADS": "1",  # two cores, many processes
            "PGPORT": str(self.server.port),
            **{key: self.here(str(value)) for key, value in service["environment"].items()},
        }
        self.running[log or name] = subprocess.Popen(
            [str(PROGRAMS / program), *map(self.here, rest)],
            env=environment,
            cwd=self.place / "project",
            stdout=(self.place / f"{log or name}.log").open("w"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return log or name

    def log(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text()

    def end(self, *names: str, seconds: float = PATIENCE) -> None:
        """Wait until these have ended well, and look at all processes meanwhile."""
        until = time.monotonic() + seconds
        while any(self.running[name].poll() is None for name in names):
            assert time.monotonic() < until, {name: self.log(name) for name in names}
            self.look()
            time.sleep(1)
        for name in names:
            assert self.running[name].returncode == 0, self.log(name)

    def healthy(self, name: str) -> None:
        """Wait for MLflow's server by the check that its service has."""
        test = self.project()["services"]["mlflow"]["healthcheck"]["test"]
        kind, program, *words = [word.replace(":5000/", f":{self.port}/") for word in test]
        assert (kind, program) == ("CMD", "python")
        until = time.monotonic() + PATIENCE
        while subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode:
            assert time.monotonic() < until and self.running[name].poll() is None, self.log(name)
            time.sleep(1)
        self.look()

    def stop(self, name: str) -> None:
        """End a service as `docker compose stop` does."""
        self.running[name].terminate()
        self.running[name].wait(40)

    def look(self) -> None:
        """What there is to see of the processes now."""
        for pid in (self.server.pid, *(p.pid for p in self.running.values() if p.poll() is None)):
            try:
                first = psutil.Process(pid)
                for process in (first, *first.children(recursive=True)):
                    self.commands.add("\0".join(process.cmdline()))
                    found = process.net_connections()
                    self.listening |= {tuple(c.laddr) for c in found if c.status == "LISTEN"}
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue

    def remove(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                for each in psutil.Process(process.pid).children(recursive=True):
                    each.kill()
                process.kill()
                process.wait()

    def answer(self, path: str, host: str = "", user: str = "") -> int:
        """The status with which MLflow's server answers."""
        request = urllib.request.Request(f"http://{HOST}:{self.port}/{path}")
        if host:
            request.add_header("Host", host)
        if user:
            request.add_header("Authorization", basic(user))
        try:
            with urllib.request.urlopen(request, timeout=30) as found:
                return int(found.status)
        except urllib.error.HTTPError as error:
            return error.code


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(user.encode()).decode()}"


def set_up_postgresql(server: PostgreSQL, environment: dict[str, str], project: Any) -> None:
    """What PostgreSQL's image does when its volume is new, and then the check of its health."""
    service = project["services"]["postgres"]
    user, database, password = (
        service["environment"][f"POSTGRES_{key}"] for key in ("USER", "DB", "PASSWORD")
    )
    literal = password.replace("'", "''")
    server.execute(f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{literal}'")
    server.execute(f"CREATE DATABASE {database} OWNER {user}")
    psql = ["psql", "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "--host", HOST, "--username", user]
    run_program(server, password, *psql, "--dbname", database, "-f", str(DOCKER / "databases.sql"))
    kind, *check = service["healthcheck"]["test"]
    assert kind == "CMD"
    assert "accepting connections" in run_program(server, password, *check)


def run_program(server: PostgreSQL, password: str, program: str, *words: str) -> str:
    """What one of PostgreSQL's own programs answers."""
    done = subprocess.run(
        [str(server.programs / program), *words],
        env={"PGPORT": str(server.port), "PGPASSWORD": password, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def services(own_place: Path) -> Iterator[Services]:
    for name in ("home", "project", "runs", "data", "artifacts"):
        (own_place / name).mkdir(exist_ok=True)
    with PostgreSQL() as server:
        found = Services(own_place, server, write_environment(own_place))
        (own_place / "auth.ini").write_text(found.here((DOCKER / "auth.ini").read_text()))
        set_up_postgresql(server, found.environment, found.project())
        try:
            yield found
        finally:
            found.remove()


@pytest.mark.slow
def test_the_project_s_services_do_a_study_together_and_say_no_secret_to_anybody(
    services: Services,
) -> None:
    study = "together"
    services.environment["STUDY"] = study
    workers = [services.start("worker", log=f"worker-{i}") for i in (1, 2)]
    services.start("mlflow", log="mlflow-open")
    services.healthy("mlflow-open")
    lasting = slowly(services.place / "project", 12, SECONDS, processes=3)
    words = ["study=weighting", f"study.budget.trials={TRIALS}", *TINY, *lasting]
    services.start("sweep", words=words)
    services.end("sweep", *workers)
    everybody_worked_and_nobody_too_much(services, study, ["sweep", *workers])
    recorded(services, study)
    assert services.answer("api/2.0/mlflow/experiments/search?max_results=1") == 200
    assert services.answer("api/2.0/mlflow/experiments/search?max_results=1", "mlflow:5000") == 200
    assert services.answer("api/2.0/mlflow/experiments/search?max_results=1", "evil.example") == 403
    services.stop("mlflow-open")
    with_a_password(services, study)
    on_this_machine_alone(services)
    no_secret_anywhere(services, study)


def everybody_worked_and_nobody_too_much(services: Services, study: str, names: list[str]) -> None:
    url = services.server.url_of("studies")
    rows = services.server.execute(
        "SELECT t.state::text, a.value_json FROM trials t JOIN studies s USING (study_id) "
        "JOIN trial_user_attributes a USING (trial_id) "
        f"WHERE s.study_name = '{study}' AND a.key = 'lease'",
        url,
    )
    # Of two that made the last trial at once one has given it back.
    complete = [json.loads(str(lease)) for state, lease in rows if state == "COMPLETE"]
    assert len(complete) == TRIALS
    running = services.server.execute("SELECT count(*) FROM trials WHERE state = 'RUNNING'", url)
    assert running == [(0,)]
    assert {lease["pid"] for lease in complete} == {services.running[n].pid for n in names}
    folders = sorted(services.place.glob(f"runs/{study}/trial-*/result.json"))
    assert len(folders) == TRIALS


def recorded(services: Services, study: str) -> None:
    """MLflow has the study's own run and one for each trial, with its files, in the volume."""
    from mlflow import MlflowClient

    client = MlflowClient(f"http://{HOST}:{services.port}")
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    roles = sorted(run.data.tags["role"] for run in runs)
    assert roles == ["study", *["trial"] * TRIALS]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(list(services.place.glob("artifacts/*/*/artifacts/result.json"))) == TRIALS
    assert (services.place / f"runs/{study}/report").is_dir()
    # A container may not write where its commands are given: what is there is the user's.
    there = {path.name for path in (services.place / "project").iterdir()}
    assert there - {"__pycache__"} == {"slow.py", "conf"}


def with_a_password(services: Services, study: str) -> None:
    """The same databases and volumes behind basic authentication."""
    services.start("mlflow", "auth.yaml", log="mlflow-auth")
    services.healthy("mlflow-auth")
    search = "api/2.0/mlflow/experiments/search?max_results=1"
    password = services.environment["MLFLOW_AUTH_ADMIN_PASSWORD"]
    assert services.answer(search) == 401
    assert services.answer(search, user="admin:wrong") == 401
    assert services.answer(search, user=f"admin:{password}") == 200
    assert services.answer(search, "evil.example", f"admin:{password}") == 403
    services.start("betafront", "auth.yaml", log="sync", words=["sync", study])
    services.end("sync")
    assert f"0 trials written to MLflow, {TRIALS} were there" in services.log("sync")
    services.start("betafront", log="refused", words=["sync", study])
    assert services.running["refused"].wait(300) == 2
    assert "Traceback" not in services.log("refused")
    services.stop("mlflow-auth")


def on_this_machine_alone(services: Services) -> None:
    addresses = {host for host, _ in services.listening}
    assert addresses == {HOST}
    assert {services.port, services.server.port} <= {port for _, port in services.listening}


def no_secret_anywhere(services: Services, study: str) -> None:
    """Neither as it is nor as addresses, JSON and HTTP write it."""
    secrets = secrets_of(services.environment)
    assert len(secrets) == 5
    forms = {form for secret in secrets.values() for form in written(secret)}
    password = services.environment["POSTGRES_PASSWORD"]
    user = ["--host", HOST, "--username", "betafront"]
    dump = run_program(services.server, password, "pg_dumpall", *user, "--inserts")
    for word in (study, "mlflow", "scram", "trial_user_attributes"):
        assert word in dump.lower(), "the dump has everything"
    places = {f"{number}": text for number, text in enumerate(services.commands)}
    places["dump"] = dump
    for path in (*services.place.rglob("*"), services.server.folder / "log"):
        if path.is_file() and path != services.place / ".env":
            places[str(path)] = path.read_bytes().decode(errors="replace")
    assert any(name.endswith("run.log") for name in places)
    assert any("--backend-store-uri" in text for text in services.commands)
    found = {(place, form) for place, text in places.items() for form in forms if form in text}
    assert not found
    assert any(form in (services.place / ".env").read_text() for form in forms)


def written(secret: str) -> set[str]:
    """The forms in which a secret may stand in a text."""
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
    forms |= {json.dumps(secret)[1:-1], secret.replace("'", "''")}
    return forms | {basic(f"{user}:{secret}") for user in ("admin", "betafront")}
