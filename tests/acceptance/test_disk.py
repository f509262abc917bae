"""A disk that fills up in the middle of a sweep."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.disks import mount, small_disk
from tests.support.patience import PATIENCE

TRIALS = 12
SWEEP = (
    "sweep", "objective.weight=tag(log,interval(0.01,10))", "trainer.steps=12",
    "model.hidden=[64]", "data.limit=200", "tracking=off", f"study.budget.trials={TRIALS}",
    "hydra/launcher=basic", "study.workers=1",
)  # fmt: skip


@pytest.fixture
def soon_full(own_place: Path) -> Iterator[Path]:
    """The runs folder on a disk of its own that is soon full."""
    with small_disk(own_place / "runs", "1500k") as place:
        yield place


@pytest.mark.slow
def test_a_disk_that_fills_up_loses_nothing(shell: Any, soon_full: Path) -> None:
    process = shell.start(*SWEEP)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, out
    assert "disk is full: free some space" in " ".join(out.split())
    assert "Traceback" not in out
    before = json.loads(shell.run("status", "--json"))
    assert 0 < before["complete"] < TRIALS
    assert before["failed"] == 0
    assert mount("-o", "remount,size=60m", str(soon_full))
    shell.run(*SWEEP)
    after = json.loads(shell.run("status", "--json"))
    assert (after["complete"], after["failed"], after["running"]) == (TRIALS, 0, 0)
