"""A damaged file of a run: every command that reads it says so in a line, with a way out, or does
without it."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient
from tests.support.shared import Said

import betafront as product
from betafront.errors import UserError
from betafront.study.worker.earlier_attempts import result_of
from betafront.training.folder import RunFolder
from betafront.training.history import read_history
from betafront.training.lightning.checkpoint import read

Command = Callable[..., Said]
RUN = ("trainer.steps=12", "model.hidden=[8]", "data.limit=200")
SWEEP = (
    "study.name=s", "objective.weight=0.5,2", "study.sampler=grid", "study.budget.trials=2",
    "hydra/launcher=basic", "tracking=off", *RUN,
)  # fmt: skip
WORDS = {
    "export": ("export", "s", "--at", "trial=0"),
    "evaluate": ("evaluate", "s", "+metrics.further={iwae: {draws: [1]}}", "--trial", "0"),
    "again": ("train", "--trial", "0", "--study", "s"),
    "report": ("report", "s"),
    "sync": ("sync", "s"),
}
HOW: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda whole: whole[: len(whole) // 2],
    "emptied": lambda _: b"",
    "overwritten": lambda whole: bytes(range(256)) * (len(whole) // 256 + 1),
}
# By each file of a run, the commands that cannot do without it.
NEEDED_BY = {
    "config.yaml": ("export", "evaluate", "again"),
    "result.json": ("export", "evaluate"),
    "model.safetensors": ("export", "evaluate"),
}
# What the commands that show a study do without.
ALL = ("config.yaml", "result.json", "history.json", "trace.npz", "latent_map.npz", "last.ckpt")


@pytest.fixture
def study(swept: Callable[..., Said], own_place: Path) -> Path:
    """The folder of the first run of a study."""
    said = swept(*SWEEP)
    assert said.code == 0, said.err
    return own_place / "runs/s/trial-0000"


@pytest.mark.parametrize("how", sorted(HOW))
@pytest.mark.parametrize("file", sorted(NEEDED_BY))
def test_a_damaged_file_is_named_with_a_way_out(
    betafront: Command, study: Path, file: str, how: str
) -> None:
    path = study / file
    path.write_bytes(HOW[how](path.read_bytes()))
    for command in NEEDED_BY[file]:
        said = betafront(*WORDS[command])
        assert said.code == 2, (command, said)
        assert len(said.err.strip().splitlines()) == 1, (command, said.err)
        assert f"s/trial-0000/{file} " in said.err
        assert "put back a copy" in said.err


@pytest.mark.parametrize("how", sorted(HOW))
def test_what_shows_a_study_does_without_damaged_files(
    betafront: Command, study: Path, how: str
) -> None:
    for path in (*(study / name for name in ALL), *(study / "pictures").iterdir()):
        path.write_bytes(HOW[how](path.read_bytes()))
    assert read_history(study) == []
    for command in ("report", "sync"):
        said = betafront(*WORDS[command])
        assert said.code == 0, (command, said.err)
        assert "Traceback" not in said.out + said.err


def test_what_goes_on_with_a_study_does_without_damaged_files(
    betafront: Command, study: Path, own_place: Path
) -> None:
    for run in study.parent.glob("trial-*"):
        for path in (*(run / name for name in ALL), *(run / "pictures").iterdir()):
            path.write_bytes(HOW["overwritten"](path.read_bytes()))
    by = ("compare", "s", "--by", "objective.weight")
    page = own_place / "page.html"
    takes = ("sweep", "study.name=t", *SWEEP[1:], "study.import_from=s")
    more = ("sweep", *SWEEP, "study.replicates=2")
    ways = (("status", "s"), by, (*by, "--html", str(page)), takes, more, ("worker", "s"))
    for words in ways:
        said = betafront(*words)
        assert said.code == 0, (words, said.err)
        assert "Traceback" not in said.out + said.err
    assert page.is_file()
    assert RunFolder(own_place / "runs/t/trial-0000").has_result  # it was trained


SHOWS = (
    ("status", "s"), ("report", "s"), ("compare", "s", "--by", "objective.weight"),
    ("export", "s", "--at", "trial=0"), ("confirm", "s", "--dry-run"), ("worker", "s"),
    ("sweep", *SWEEP),
)  # fmt: skip
PAGE = 4096  # bytes, SQLite's default


def test_pages_that_were_overwritten_in_the_database_are_a_line_in_every_command(
    betafront: Command, study: Path, own_place: Path
) -> None:
    database, noise = own_place / "runs/studies.db", random.Random(0)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole, refused = database.read_bytes(), 0
    places = range(PAGE, len(whole), 2 * PAGE)
    for at, words in zip(places, SHOWS * (len(places) // len(SHOWS) + 1), strict=False):
        for path in database.parent.glob("studies.db*"):
            path.unlink()
        database.write_bytes(whole[:at] + noise.randbytes(PAGE) + whole[at + PAGE :])
        said = betafront(*words)
        assert "unexpected" not in said.out + said.err, (at, words, said.err)
        assert "Traceback" not in said.out + said.err
        assert said.code in (0, 2)
        refused += "restore a copy" in said.err
    assert refused > 2


def test_a_database_that_was_emptied_beside_its_runs_is_said(
    betafront: Command, study: Path, own_place: Path
) -> None:
    for path in (own_place / "runs").glob("studies.db*"):
        path.unlink()
    (own_place / "runs/studies.db").touch()
    said = betafront("status", "s")
    assert said.code == 2
    assert "although runs lie beside it: the file was emptied" in said.err


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database of MLflow's."""
    path = tmp_path_factory.mktemp("record") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path.read_bytes()


@pytest.mark.parametrize("how", ["cut short", "overwritten"])
def test_a_damaged_record_is_named_with_a_way_out(
    betafront: Command, study: Path, own_place: Path, record: bytes, how: str
) -> None:
    path = own_place / "runs/mlflow.db"
    path.write_bytes(HOW[how](record))
    way = "put back a copy of the file, or move it away: then `betafront sync` writes"
    for words in (WORDS["sync"], ("ui", "s"), (*WORDS["export"], "--register", "m")):
        said = betafront(*words)
        assert said.code == 2, (words, said)
        assert len(said.err.strip().splitlines()) == 1, said.err
        assert f"MLflow at sqlite:///{path}: " in said.err
        assert way in said.err
        assert "SELECT" not in said.err
    with pytest.raises(UserError, match=rf"m@knee cannot be fetched from .* {way}"):
        product.load("models:/m@knee")
    tracked = [word for word in SWEEP if word != "tracking=off"]
    for words in (
        WORDS["report"],
        ("compare", "s", "--by", "objective.weight", "--html", "x.html"),
    ):
        assert betafront(*words).code == 0
    said = betafront("sweep", *tracked)
    assert said.code == 0, said.err
    assert "The record in MLflow is not complete" in said.out
    assert "Traceback" not in said.out + said.err


def test_a_damaged_export_is_named(betafront: Command, study: Path) -> None:
    assert betafront(*WORDS["export"]).code == 0
    exported = study.parent / "export/trial-0"
    for file in ("about.json", "config.yaml", "model.safetensors"):
        whole = (exported / file).read_bytes()
        for damage in HOW.values():
            (exported / file).write_bytes(damage(whole))
            with pytest.raises(UserError, match=rf"{file} .*: (export the model|put back a copy)"):
                product.load(exported)
        (exported / file).write_bytes(whole)
    assert product.load(exported).sample(1).shape == (1, 1, 8, 8)


def test_a_run_with_a_damaged_checkpoint_begins_anew(study: Path) -> None:
    checkpoint = study / "last.ckpt"
    assert (read(checkpoint) or {})["step"] == 12
    whole = checkpoint.read_bytes()
    for damage in HOW.values():
        checkpoint.write_bytes(damage(whole))
        assert read(checkpoint) is None
    torch.save({"state_dict": {"w": torch.zeros(3)}}, checkpoint)  # of another program
    assert read(checkpoint) is None


def test_the_checkpoint_of_another_run_is_named(
    betafront: Command, study: Path, own_place: Path
) -> None:
    one = own_place / "runs/one"
    one.mkdir()
    (study / "last.ckpt").rename(one / "checkpoint.ckpt")
    said = betafront("train", *RUN, "model.hidden=[6]", f"hydra.run.dir={one}")
    assert said.code == 2
    assert f"{one}/checkpoint.ckpt is the checkpoint of another run (" in said.err
    assert "remove it, and the run begins anew" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_result_that_cannot_be_read_is_trained_again(study: Path) -> None:
    run = RunFolder(study)
    assert result_of(run) is not None
    run.result.write_text('{"metrics": ')
    assert result_of(run) is None
