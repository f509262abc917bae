"""A new project: its files, and that its study sweeps at once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("my-project", "cannot be the name"),
        ("2d", "cannot be the name"),
        ("class", "cannot be the name"),
        ("größe", "cannot be the name"),
        ("a/b", "cannot be the name"),
        ("null", "a value in YAML"),
        ("json", "standard library"),
        ("numpy", "an installed module"),
        ("digits", "of betafront's own"),
        ("weighting", "of betafront's own"),
    ],
)
def test_a_name_that_is_taken_or_none_is_one_line(
    betafront: Callable[..., Any], own_place: Path, name: str, says: str
) -> None:
    said = betafront("new", name)
    assert said.code == 2
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not [path for path in own_place.iterdir() if path.name != "runs"]


def test_what_is_there_is_left_alone(betafront: Callable[..., Any]) -> None:
    assert betafront("new", "untouched").code == 0
    before = {path: path.read_bytes() for path in Path("untouched").rglob("*") if path.is_file()}
    assert {"untouched_data.py", "untouched_model.py", "README.md", ".gitignore"} <= {
        p.name for p in before
    }
    assert not any(b"NAME" in text for text in before.values())
    said = betafront("new", "untouched")
    assert said.code == 2
    assert "there is a folder untouched here already" in said.err
    assert before == {
        path: path.read_bytes() for path in Path("untouched").rglob("*") if path.is_file()
    }


def test_a_new_project_sweeps_and_answers(
    betafront: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert betafront("new", "fresh").code == 0
    monkeypatch.chdir("fresh")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("BETAFRONT_RUNS", "runs")
    few = ("study.budget.trials=3", "trainer.steps=12", "data.n=300", "hydra/launcher=basic")
    said = betafront("sweep", "study=fresh", *few, "tracking=off")
    assert said.code == 0, said.err
    assert "Front of fresh" in said.out
    said = betafront("export", "fresh", "--at", "trial=1", "--to", "exported")
    assert said.code == 0, said.err
    assert 'trust="fresh_model"' in said.out.replace("'", '"')


@pytest.mark.slow
def test_the_test_of_a_new_project_passes(betafront: Callable[..., Any]) -> None:
    assert betafront("new", "tested").code == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd="tested", env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
