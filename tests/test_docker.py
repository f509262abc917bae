"""The images and the compose project, as far as they can be held without an engine."""

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dotenv import dotenv_values
from mlflow.cli import cli as mlflow_cli
from tests.support import compose

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
FILES = sorted(path.name for path in DOCKER.glob("*.yaml"))
ADDED = [name for name in FILES if name != "compose.yaml"]
EXAMPLE = (DOCKER / ".env.example").read_text()
DOCUMENTED = dict(re.findall(r"^(#?[A-Z]\w*)='(.*)'$", EXAMPLE, re.MULTILINE))
NEEDED = {name for name in DOCUMENTED if not name.startswith("#")}
OF_COMPOSE = {"COMPOSE_FILE"}  # which docker compose reads itself
SECRET = re.compile(r"PASSWORD|SECRET")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (DOCKER / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """All files together, with everything set that has to be."""
    environment = dict.fromkeys(NEEDED, "set")
    return compose.project(DOCKER, ["compose.yaml", *ADDED], environment)


def named(part: Any) -> set[tuple[str, str | None, str]]:
    """Each variable with how it is read, and its default or the reason why it is needed."""
    return {m for text in compose.strings(part) for m in compose.VARIABLE.findall(text)}


def test_every_variable_is_explained_with_the_default_that_it_has() -> None:
    found = {m for name in FILES for m in named(compose.parsed(DOCKER / name))}
    assert {name for name, *_ in found} == {n.lstrip("#") for n in DOCUMENTED} - OF_COMPOSE
    for name, how, text in found:
        if how == "?":
            assert name in NEEDED
        else:
            assert DOCUMENTED[f"#{name}"] == text, name


def test_every_file_is_refused_without_its_passwords_and_needs_no_other_s() -> None:
    for name in FILES:
        its_own = {n for n, how, _ in named(compose.parsed(DOCKER / name)) if how == "?"}
        base = {n for n, how, _ in named(compose.parsed(DOCKER / "compose.yaml")) if how == "?"}
        enough = dict.fromkeys(its_own | base, "set")
        files = list(dict.fromkeys(["compose.yaml", name]))
        compose.project(DOCKER, files, enough)
        for missing in its_own:
            with pytest.raises(compose.Missing, match=missing):
                compose.project(DOCKER, files, enough | {missing: ""})
    assert base == {"POSTGRES_PASSWORD"}


def test_the_example_as_it_is_starts_nothing() -> None:
    values = dotenv_values(DOCKER / ".env.example", interpolate=False)
    assert set(values) == NEEDED
    assert not any(values.values())
    with pytest.raises(compose.Missing):
        compose.project(DOCKER, ["compose.yaml"], {k: v or "" for k, v in values.items()})


def test_a_secret_comes_from_the_environment_and_stands_in_no_command() -> None:
    secrets = {name: f"<{name}>" for name in NEEDED if SECRET.search(name)}
    assert len(secrets) == 5
    found = compose.project(
        DOCKER, ["compose.yaml", *ADDED], dict.fromkeys(NEEDED, "set") | secrets
    )
    for service in found["services"].values():
        environment = service.get("environment", {})
        for key, value in environment.items():
            if SECRET.search(key):
                assert value in secrets.values(), key
            else:
                assert not any(secret in str(value) for secret in secrets.values()), key
        rest = {key: part for key, part in service.items() if key != "environment"}
        for text in compose.strings(rest):
            assert not any(secret in text for secret in secrets.values()), text


def test_every_image_is_pinned_and_ours_is_that_of_this_version(whole: dict[str, Any]) -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(bases)) == 1, "both stages have the same Python, whose folders are copied"
    images = {service["image"] for service in whole["services"].values()}
    for image in (*bases, *images):
        assert re.fullmatch(r"[\w/]+:\d+\.\d+[\w.-]*", image), image
    ours = {s["image"] for s in whole["services"].values() if "build" in s}
    assert ours == {f"betafront:{PROJECT['project']['version']}"}
    patch = PROJECT["tool"]["mypy"]["python_version"]
    assert bases[0].startswith(f"python:{patch}.")


def test_ports_are_open_on_this_machine_alone_but_for_the_address_that_one_gives() -> None:
    base = compose.project(DOCKER, ["compose.yaml"], {"POSTGRES_PASSWORD": "set"})
    ports = [port for service in base["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:5000:5000"]
    for name in ADDED:
        for service in compose.parsed(DOCKER / name)["services"].values():
            for port in service.get("ports", []):
                assert port["host_ip"].startswith("${BIND_ADDRESS:?"), name


def test_nothing_runs_as_root_and_the_volumes_belong_to_who_runs(whole: dict[str, Any]) -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    users = re.findall(r"^USER (.+)$", final, re.MULTILINE)
    assert users == ["1000:1000"]
    assert "useradd --uid 1000 " in final
    (made,) = re.findall(r"--owner betafront --group betafront (.+)$", final, re.MULTILINE)
    ours = [service for service in whole["services"].values() if "build" in service]
    written = {
        volume.split(":")[1]
        for service in ours
        for volume in service["volumes"]
        if not volume.endswith(":ro")
    }
    assert written == set(made.split())
    for service in ours:
        assert service["cap_drop"] == ["ALL"]
        assert service["init"] is True


def test_every_mounted_volume_and_file_is_there(whole: dict[str, Any]) -> None:
    used = set()
    for service in whole["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if not source.startswith("."):
                used.add(source)
            elif source != "./project":  # a folder of the user's own
                assert (DOCKER / source).is_file(), source
    assert used == set(whole["volumes"])


def test_a_service_that_is_waited_for_as_healthy_says_what_its_health_is(
    whole: dict[str, Any],
) -> None:
    services = whole["services"]
    awaited = {name for s in services.values() for name in s.get("depends_on", {})}
    assert awaited == {"postgres", "mlflow", "s3"}
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_the_commands_and_options_of_the_services_are_there(whole: dict[str, Any]) -> None:
    services = whole["services"]
    worker, sweep, server = (services[n] for n in ("worker", "sweep", "mlflow"))
    assert worker["command"][:2] == ["betafront", "worker"]
    # Whoever begins it and whoever waits for it mean the same study.
    assert f"study.name={worker['command'][2]}" in sweep["entrypoint"]
    words = [w for w in (*server["entrypoint"], *server["command"]) if w.startswith("--")]
    offered = CliRunner().invoke(mlflow_cli, ["server", "--help"]).stdout
    for word in words:
        assert word.partition("=")[0] in offered, word


def allowed() -> list[str]:
    """What .dockerignore lets into the image's building."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*", "everything is left out that is not named"
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def test_the_image_is_built_from_what_the_wheel_needs_and_from_no_secret() -> None:
    build = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = PROJECT["project"]
    needed = {"pyproject.toml", "constraints.txt", project["readme"], *project["license-files"]}
    needed |= {Path(each).parts[0] for each in (*build["packages"], *build["force-include"])}
    assert set(allowed()) == needed
    assert not any(fnmatch.fnmatch("docker/.env", pattern) for pattern in allowed())
    asked = ["git", "check-ignore", "--quiet", "docker/.env"]
    if shutil.which("git") and (ROOT / ".git").exists():
        assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0


def test_the_extras_of_the_image_are_there_and_pinned() -> None:
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', DOCKERFILE)
    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])
    assert re.search(r"^boto3==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)
    assert copied == ["constraints.txt", "."]


def test_no_address_of_a_package_index_is_written_anywhere() -> None:
    for path in (*DOCKER.iterdir(), ROOT / ".dockerignore"):
        if path.is_file() and path.name != ".env":
            for address in re.findall(r"https?://[^\s\"'`)]+", path.read_text()):
                assert re.match(r"https?://(127\.0\.0\.1|localhost|mlflow|s3)\b", address), address


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    command = [str(linter), "--no-color", "Dockerfile"]
    found = subprocess.run(command, cwd=DOCKER, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
