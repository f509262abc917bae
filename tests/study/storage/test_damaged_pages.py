"""A database of studies of which a page, or a row, was overwritten: a line with the way out."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from tests.support.shared import Said

from betafront.study.create import make
from betafront.study.spec import Spec
from betafront.study.storage.errors import of_database
from betafront.study.storage.opening import open_storage

Command = Callable[..., Said]
PAGE = 4096  # bytes, SQLite's default


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with a study that has not begun."""
    path = tmp_path_factory.mktemp("whole") / "studies.db"
    storage = open_storage(f"sqlite:///{path}", create=True)
    spec = Spec(
        name="s", question="", objectives=dict.fromkeys(("val/rate", "val/distortion"), "minimize"),
        space={"objective.weight": "0.5,2"}, space_digest="", base={}, sampler="random", seed=0,
        trials=2, workers=1, folder="", reference=[40.0, 60.0], tracking={},
    )  # fmt: skip
    make(storage, spec)
    study = optuna.load_study(study_name="s", storage=storage.writes)
    study.enqueue_trial({"objective.weight": 2.0})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = path.read_bytes()
    assert len(found) > 20 * PAGE
    return found


@pytest.fixture
def shown(
    betafront: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str, bytes], Said]:
    """What `status` says of a database, each in a folder of its own."""

    def show(name: str, database: bytes) -> Said:
        runs = tmp_path / name
        runs.mkdir()
        (runs / "studies.db").write_bytes(database)
        monkeypatch.setenv("BETAFRONT_RUNS", str(runs))
        return betafront("status", "s")

    return show


def test_any_page_that_was_overwritten_is_a_line(
    shown: Callable[[str, bytes], Said], whole: bytes
) -> None:
    noise, refused = random.Random(0), 0
    for at in range(0, len(whole), PAGE):
        said = shown(f"page-{at}", whole[:at] + noise.randbytes(PAGE) + whole[at + PAGE :])
        assert "unexpected" not in said.err, (at, said.err)
        assert said.code in (0, 2)
        if said.code:
            assert len(said.err.strip().splitlines()) == 1
            refused += "restore a copy" in said.err or "move that file away" in said.err
    assert refused > 3


def test_a_row_that_was_overwritten_is_a_line(
    shown: Callable[[str, bytes], Said], whole: bytes
) -> None:
    at = whole.index(b'{"name": "s"')  # of the specification, as JSON
    said = shown("row", whole[: at + 2] + b"\x01" * 8 + whole[at + 10 :])
    assert said.code == 2
    assert "a row of it is damaged" in said.err
    assert "restore a copy, or save what is left" in said.err


def test_other_errors_are_no_errors_of_a_database() -> None:
    assert of_database(ValueError("x")) is None
    assert "is malformed: " in str(of_database(sqlite3.DatabaseError("is malformed")))
