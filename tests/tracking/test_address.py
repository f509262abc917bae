"""Where MLflow is, and what of its address anybody may see."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from betafront.addresses import TRACKING, TRACKING_FROM_ENVIRONMENT, VARIABLE
from betafront.errors import UserError
from betafront.shipped import conf_dir
from betafront.tracking.address import PASSWORD, USERNAME, opened

SECRET = "hunter2"
SWEEP = ("sweep", "objective.weight=0.1,1", "study.budget.trials=1", "study.name=s")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of MLflow's is set, and none is left."""
    for name in (TRACKING, USERNAME, PASSWORD):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def quick(fast: tuple[str, ...]) -> tuple[str, ...]:
    """Overrides of a small sweep that say nothing of MLflow."""
    return tuple(word for word in fast if not word.startswith("tracking"))


@pytest.mark.parametrize(
    ("written", "bare", "username", "password"),
    [
        ("http://host:5000", "http://host:5000", None, None),
        ("http://host:5000/", "http://host:5000", None, None),
        ("https://me:hunter2@host/mlflow", "https://host/mlflow", "me", "hunter2"),
        ("http://me:p%40%2Fw@host:5000", "http://host:5000", "me", "p@/w"),
        ("http://me:p@w@host:5000", "http://host:5000", "me", "p@w"),
        ("http://me@host:5000", "http://host:5000", "me", None),
        ("http://me:hunter2@[::1]:5000", "http://[::1]:5000", "me", "hunter2"),
    ],
)
def test_a_password_is_taken_out_of_an_address(
    written: str, bare: str, username: str | None, password: str | None
) -> None:
    assert opened(written) == bare
    assert (os.environ.get(USERNAME), os.environ.get(PASSWORD)) == (username, password)


def test_an_address_without_a_password_leaves_the_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)
    opened("http://me@host")
    assert (os.environ[USERNAME], os.environ[PASSWORD]) == ("me", SECRET)


def test_a_file_is_the_same_from_every_folder(own_place: Path) -> None:
    assert opened("sqlite:///a/mlflow.db") == f"sqlite:///{own_place}/a/mlflow.db"


def test_the_shipped_choice_names_the_variable_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRACKING, f"http://me:{SECRET}@host")
    config = OmegaConf.load(conf_dir() / "tracking" / "server.yaml")
    assert OmegaConf.to_container(config, resolve=True) == {
        "_target_": "betafront.tracking.MLflowTracker",
        "uri": TRACKING_FROM_ENVIRONMENT,
    }
    assert opened(TRACKING_FROM_ENVIRONMENT) == "http://host"


WRONG = {
    TRACKING_FROM_ENVIRONMENT: "MLFLOW_TRACKING_URI, which is not set: export MLFLOW_TRACKING_URI=",
    "host:5000": "no record in 'host:5000': write http://HOST:5000",
    "file:///mlruns": "no record in 'file:///mlruns'",
    f"me:{SECRET}@host": "no record in 'me:...@host'",
    f"postgresql://me:{SECRET}@host/db": "mlflow server --backend-store-uri",
    f"mysql+pymysql://me:{SECRET}@host/db": "mlflow server --backend-store-uri",
    f"http://me:{SECRET}/w@host": "MLFLOW_TRACKING_PASSWORD, or write / .* as %2F",
    f"http://me:a[{SECRET}]x@host": "MLFLOW_TRACKING_PASSWORD, or write / .* as %2F",
    f"http://me:{SECRET}\u2100@host": "MLFLOW_TRACKING_PASSWORD, or write / .* as %2F",
    f"http://me:a#{SECRET}@host": "MLFLOW_TRACKING_PASSWORD, or write / .* as %2F",
    f"http://me:@{SECRET}/w@host": "MLFLOW_TRACKING_PASSWORD, or write / .* as %2F",
    "http://": "cannot be parsed",
}


@pytest.mark.parametrize("uri", WRONG)
def test_an_address_that_will_not_do(uri: str) -> None:
    with pytest.raises(UserError, match=WRONG[uri]) as caught:
        opened(uri)
    said = str(caught.value)
    assert "\n" not in said
    assert SECRET not in said


# --- as the commands say it


def refused(said: Any, line: str) -> None:
    assert said.code == 2, said
    (only,) = said.err.splitlines()
    assert only.startswith("betafront: "), said.err
    assert line in only
    assert SECRET not in said.out + said.err
    assert not Path("runs").exists(), "nothing was asked or trained"


def test_a_sweep_without_the_variable_asks_nothing(
    betafront: Callable[..., Any], quick: tuple[str, ...]
) -> None:
    refused(betafront(*SWEEP, *quick, "tracking=server"), "MLFLOW_TRACKING_URI, which is not set")


def test_a_sweep_refuses_a_database_in_place_of_a_server(
    betafront: Callable[..., Any], quick: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRACKING, f"postgresql://me:{SECRET}@host/db")
    refused(betafront(*SWEEP, *quick, "tracking=server"), "not to its database at postgresql://me")


@pytest.mark.parametrize("command", [("sweep",), ("sweep", "--dry-run"), ("worker",)])
@pytest.mark.parametrize(
    ("word", "way_out"),
    [
        (f"tracking.uri=http://me:{SECRET}@host", "export MLFLOW_TRACKING_USERNAME"),
        (f"storage.url=postgresql://me:{SECRET}@host/db", f"export {VARIABLE}=…"),
        (f"storage.url='postgresql:///db?password={SECRET}'", f"export {VARIABLE}=…"),
    ],
)
def test_a_password_on_the_command_line_is_refused(
    betafront: Callable[..., Any],
    quick: tuple[str, ...],
    command: tuple[str, ...],
    word: str,
    way_out: str,
) -> None:
    refused(betafront(*command, *SWEEP[1:], *quick, word), way_out)


def test_a_password_that_hydra_cannot_read_is_not_shown(
    betafront: Callable[..., Any], quick: tuple[str, ...]
) -> None:
    word = f"tracking.uri=http://me:&{SECRET}{{@host"
    refused(betafront(*SWEEP, *quick, word), "cannot read 'tracking.uri=http:***@host'")


def test_a_password_in_a_configuration_of_ones_own_is_refused(
    betafront: Callable[..., Any], quick: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN", f"http://me:{SECRET}@host")
    refused(
        betafront(*SWEEP, *quick, "tracking.uri=${oc.env:OWN}"), "tracking.uri holds a password"
    )
