import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from tests.support.patience import PATIENCE
from tests.support.shared import SharedFolders
from tests.support.warm import WarmProcess, WarmPython

SITE = Path(__file__).resolve().parents[2] / "docs/site"


class Shell:
    """The command line as a user has it, in processes of their own.

    Args:
        place: where the commands are given.
        python: runs them.
    """

    def __init__(self, place: Path, python: WarmPython) -> None:
        self.place = place
        self.python = python

    def start(self, *arguments: str) -> WarmProcess:
        """Start a command as the leader of its own process group."""
        environment = os.environ | {"BETAFRONT_RUNS": str(self.place / "runs")}
        return self.python.start(arguments, self.place, environment)

    def run(self, *arguments: str) -> str:
        """Run a command to its end; it must succeed."""
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, out
        return out


@pytest.fixture(scope="session")
def warm_python() -> Iterator[WarmPython]:
    """One for all commands of this test process."""
    with WarmPython() as python:
        yield python


@pytest.fixture
def shell(own_place: Path, warm_python: WarmPython) -> Shell:
    return Shell(own_place, warm_python)


@pytest.fixture(scope="session")
def notebook(shared_folders: SharedFolders) -> Path:
    """The folder of the notebook of the examples as it was executed, once for all tests."""
    pytest.importorskip("nbclient")

    def execute(place: Path) -> None:
        command = [sys.executable, SITE / "notebook.py", place]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return shared_folders.get("notebook", execute)


@pytest.fixture
def browser() -> Iterator[Any]:
    """A real Chromium with nothing to reach but this machine; skips where there is none."""
    chromium = which("chromium") or which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    flags = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync"
    )
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=flags.split())
        yield running
        running.close()
