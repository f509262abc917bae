import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest


class Shell:
    """The console script as a user runs it, in processes of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.command = [sys.executable, "-m", "betafront"]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command as the leader of its own process group."""
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.place,
            env=os.environ | {"BETAFRONT_RUNS": str(self.place / "runs")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        """Run a command to its end; it must succeed."""
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=900)
        assert process.returncode == 0, out
        return out


@pytest.fixture
def shell(own_place: Path) -> Shell:
    return Shell(own_place)


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
