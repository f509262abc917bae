"""What is released: a source archive, and the wheel that is made of it, which works from any
directory, with its own configuration and studies inside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_an_installed_wheel_runs_from_an_empty_directory(own_place: Path) -> None:
    for tool in ("build", "twine"):
        pytest.importorskip(tool)
    python, made, site = [sys.executable, "-m"], own_place / "dist", own_place / "site"
    subprocess.run([*python, "build", "--quiet", "--outdir", made, ROOT], check=True)
    archives = sorted(made.iterdir())
    assert [path.suffix for path in archives] == [".whl", ".gz"]
    subprocess.run([*python, "twine", "check", "--strict", *archives], check=True)
    pip = [*python, "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", site]
    subprocess.run([*pip, archives[0]], check=True)
    assert (site / "betafront/conf/betafront.yaml").is_file()
    assert (site / "betafront/studies/weighting/study.yaml").is_file()
    assert (site / "betafront/templates/project/NAME_model.py.txt").is_file()
    empty = own_place / "empty"
    empty.mkdir()
    command = [
        sys.executable, "-m", "betafront", "sweep", "study=weighting", "study.budget.trials=2",
        "trainer.steps=10", "tracking=off",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=empty,
        env=os.environ | {"PYTHONPATH": str(site), "BETAFRONT_RUNS": "here"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Front of weighting-digits" in done.stdout
    assert (empty / "here/weighting-digits/report/front.html").is_file()
    shown = subprocess.run(
        [sys.executable, "-c", "import betafront; print(betafront.__file__)"],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith(str(site))  # the wheel was run, not the checkout
