"""What of a user's words MLflow takes as keys and values."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from betafront.errors import UserError
from betafront.tracking.registry import _version, check_name
from betafront.tracking.store import client_of, key_of, log_points, params_of, shortened

KEYS = [
    "objective.weight",
    "model/width",
    "schedule@controller.schedule",
    "+model.extra",
    "model.$secret",
    "penalty.größe",
    "model." + 300 * "a",
    "model." + 299 * "a" + "b",
]


@pytest.fixture
def run(tmp_path: Path) -> tuple[MlflowClient, str]:
    client = client_of(f"sqlite:///{tmp_path}/m.db")
    return client, client.create_run("0").info.run_id


def test_every_key_and_value_is_taken_and_told_from_the_others(
    run: tuple[MlflowClient, str],
) -> None:
    client, number = run
    values = {key: f"<b>{i}</b> 'β' \"=\" / ." for i, key in enumerate(KEYS)}
    values["long"] = 7000 * "x"
    log_points(client, number, [], params_of(values))
    there = client.get_run(number).data.params
    assert len(there) == len(values)
    for key in KEYS:
        assert there[key_of(key)] == values[key]
    assert there["long"] == 5999 * "x" + "…"
    assert {"model/width", "schedule:controller.schedule", "model.extra"} <= set(there)


def test_more_parameters_than_one_call_takes_are_all_written(
    run: tuple[MlflowClient, str],
) -> None:
    client, number = run
    values = {f"model.a{i}": i for i in range(250)}
    log_points(client, number, [], params_of(values))
    assert len(client.get_run(number).data.params) == 250


@pytest.mark.parametrize("name", ["my runs", "100%25", "why?", "größe #1", "it's & <b>"])
def test_the_file_is_the_one_that_was_named_and_holds_files_of_runs(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    client = client_of(f"sqlite:///{folder}/m.db")
    experiment = client.create_experiment("e", (folder / "files" / name).as_uri())
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "text", "a.txt")
    assert [file.path for file in client.list_artifacts(run)] == ["a.txt"]
    others = (path for path in tmp_path.iterdir() if path.name != name)
    assert not any(any(path.iterdir()) for path in others)  # MLflow leaves an empty one
    assert (folder / "m.db").is_file()
    assert [path.read_text() for path in folder.rglob("a.txt")] == ["text"]


@pytest.mark.parametrize("name", ["digits", "it's größe", 'the "best" one', "a b.c"])
def test_a_registered_model_may_have_any_name_that_an_address_takes(
    run: tuple[MlflowClient, str], name: str
) -> None:
    check_name(name)
    client, number = run
    versions = [_version(client, name, f"runs:/{number}/model", number) for _ in range(2)]
    assert versions == ["1", "1"]  # the same model again makes no second version


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a@b", "'\""])
def test_a_name_that_cannot_be_found_again_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="a model's name"):
        check_name(name)


def test_a_text_that_is_not_too_long_stays() -> None:
    assert shortened("größe", 5) == "größe"
    assert shortened("größen", 5) == "größ…"
