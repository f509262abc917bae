"""The quick variant of every study: its sweeps, its tables and its pictures."""

import importlib
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted(path.parent.name for path in (ROOT / "studies").glob("*/run.py"))


def test_every_study_can_be_run_again() -> None:
    assert sorted(path.parent.name for path in (ROOT / "studies").glob("*/README.md")) == STUDIES


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_the_quick_variant_makes_all_that_the_study_makes(
    study: str,
    betafront: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("BETAFRONT_DATA_DIR", raising=False)  # they need no more than is installed
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", [study, "--quick"])
    sweeps = importlib.import_module("studies.sweeps")
    made: list[str] = []

    def in_this_process(*words: str) -> None:
        said = betafront(*words, "hydra/launcher=basic")
        assert said.code == 0, said.err

    class Kept:
        """In place of a temporary folder: what is in it in the end is seen."""

        def __enter__(self) -> str:
            return str(tmp_path)

        def __exit__(self, *_: object) -> None:
            made.extend(path.name for path in (tmp_path / "results").rglob("*.*"))

    monkeypatch.setattr(sweeps, "betafront", in_this_process)
    monkeypatch.setattr(sweeps, "TemporaryDirectory", Kept)
    monkeypatch.setenv("BETAFRONT_RUNS", "")  # which the study sets, and is put back
    runpy.run_module(f"studies.{study}.run", run_name="__main__", alter_sys=True)
    committed = {path.suffix for path in (ROOT / "studies" / study / "results").rglob("*.*")}
    assert committed <= {Path(name).suffix for name in made}
