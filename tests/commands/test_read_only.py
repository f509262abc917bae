"""The runs folder of somebody else, or an archive: it is read, and nothing is written there."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.disks import read_only

import betafront as package

Command = Callable[..., Any]


@pytest.fixture
def archive(
    betafront: Command, swept: Command, own_place: Path, fast: tuple[str, ...]
) -> Iterator[Path]:
    """The folder of a finished study, in a runs folder that is read-only."""
    words = [word for word in fast if word not in ("tracking=off", "data.limit=200")]
    said = swept("study.name=old", "objective.weight=0.1,1,10", "study.budget.trials=3", *words)
    assert said.code == 0, said.err
    with read_only(own_place / "runs"):
        yield own_place / "runs/old"


def test_what_reads_reads_there(betafront: Command, archive: Path) -> None:
    said = betafront("status", "old", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["complete"] == 3
    said = betafront("compare", "old", "--by", "objective.weight")
    assert (said.code, said.err) == (0, "")


def test_a_report_is_shown_and_its_page_is_written_where_it_is_told_to(
    betafront: Command, archive: Path, own_place: Path
) -> None:
    said = betafront("report", "old")
    assert said.code == 2
    assert "3 finished trials" in said.out
    assert said.err.count("\n") == 1
    assert "--to PAGE.html" in said.err
    said = betafront("report", "old", "--to", "mine/page.html")
    assert (said.code, said.err) == (0, "")
    page = (own_place / "mine/page.html").read_text(encoding="utf-8")
    assert "data:image/webp" in page  # its pictures are those of the runs
    assert "#/experiments/" in page  # and its links those of the record
    assert [path.name for path in (own_place / "mine").iterdir()] == ["page.html"]


def test_a_model_is_exported_elsewhere(betafront: Command, archive: Path, own_place: Path) -> None:
    said = betafront("export", "old")
    assert said.code == 2
    assert "--to FOLDER" in said.err
    said = betafront("export", "old", "--to", "mine/model")
    assert (said.code, said.err) == (0, "")
    with read_only(own_place / "mine"):
        assert package.load(own_place / "mine/model").sample(2, seed=0).shape == (2, 1, 8, 8)
    said = betafront("export", "old", "--to", "mine/other", "--register", "digits")
    assert said.code == 2
    assert "mlflow.db cannot be written" in said.err
    assert not (own_place / "mine/other").exists()


def test_models_are_measured_and_the_values_kept_elsewhere(
    betafront: Command, archive: Path, own_place: Path
) -> None:
    light = ("metrics=latent", "metrics.further.iwae.draws=[1,4]")
    said = betafront("evaluate", "old", *light, "--trial", "1")
    assert (said.code, said.err) == (0, "")
    assert "shown and not kept; --to FILE.csv" in said.out
    said = betafront("evaluate", "old", *light, "--to", "mine/values.csv")
    assert (said.code, said.err) == (0, "")
    assert "not kept" not in said.out
    head, *rows = (own_place / "mine/values.csv").read_text().splitlines()
    assert {"val/iwae_1", "test/iwae_4", "val/rate", "beta"} < set(head.split(","))
    assert len(rows) == 3


def test_a_trial_is_trained_again_where_the_runs_are_written(
    betafront: Command, archive: Path, own_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = betafront("train", "--trial", "1", "--study", "old")
    assert said.code == 2
    assert f"{own_place}/runs/train" in said.err
    assert "unexpected" not in said.err
    monkeypatch.setenv("BETAFRONT_STORAGE", f"sqlite:///{archive.parent}/studies.db")
    monkeypatch.setenv("BETAFRONT_RUNS", str(own_place / "mine"))
    said = betafront("train", "--trial", "1", "--study", "old")
    assert (said.code, said.err) == (0, "")
    assert "bit for bit" in said.out
    assert len(list((own_place / "mine/train").iterdir())) == 1


WRITE = {
    "sweep": ("sweep", "study.name=old", "objective.weight=0.1,1,10", "study.budget.trials=4"),
    "sync": ("sync", "old"),
    "train": ("train", "trainer.steps=5"),
    "worker": ("worker", "old"),
}


@pytest.mark.parametrize("name", WRITE)
def test_what_writes_says_so_in_one_line(
    betafront: Command, archive: Path, fast: tuple[str, ...], name: str
) -> None:
    more = [word for word in fast if word not in ("tracking=off", "data.limit=200")]
    said = betafront(*WRITE[name], *(more if name in ("sweep", "train") else ()))
    assert said.code == 2, said.out
    assert said.err.count("\n") == 1
    assert "cannot" in said.err
    assert "Traceback" not in said.err + said.out
