"""A sweep is killed, and the same command finishes the job."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.patience import PATIENCE

from betafront.training.pictures.pages import PAGES

TRIALS = 8
SWEEP = (
    "sweep", "study=weighting", f"study.budget.trials={TRIALS}", "trainer.steps=100",
    "model.hidden=[16]", "tracking=off",
)  # fmt: skip


def results(place: Path) -> list[Path]:
    """Those of the finished runs."""
    return sorted(place.glob("runs/weighting-digits/trial-*/result.json"))


def finished(place: Path) -> dict[str, str]:
    """Each finished run folder, and the digest of all that the run has left in it."""
    found = {}
    for result in results(place):
        # The pages are drawn by whoever looks at the run first.
        left = (p for p in result.parent.rglob("*") if p.name not in PAGES)
        files = sorted(p for p in left if p.is_file())
        sha = hashlib.sha256(b"".join(p.read_bytes() for p in files))
        found[result.parent.name] = sha.hexdigest()
    return found


def kill_everything(leader: int) -> None:
    """SIGKILL for a process and all its descendants, wherever they have moved to."""
    process = psutil.Process(leader)
    for one in [process, *process.children(recursive=True)]:
        try:
            os.kill(one.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.mark.slow
def test_kill_9_and_then_sigterm_lose_nothing_and_repeat_nothing(
    shell: Any, own_place: Path
) -> None:
    process = begun(shell, own_place, finished=2)
    kill_everything(process.pid)
    process.wait()
    assert json.loads(shell.run("status", "--json"))["complete"] < TRIALS
    seen = finished(own_place)

    process = begun(shell, own_place, finished=len(seen) + 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out
    assert "interrupted; a sweep goes on by the same command" in out
    _, left = psutil.wait_procs(workers, timeout=PATIENCE)
    assert left == []
    state = json.loads(shell.run("status", "--json"))
    assert state["running"] == 0
    assert state["complete"] < TRIALS
    assert {name: finished(own_place)[name] for name in seen} == seen
    seen = finished(own_place)

    out = shell.run(*SWEEP)
    assert "Resuming weighting-digits" in out
    state = json.loads(shell.run("status", "--json"))
    assert (state["complete"], state["failed"], state["running"]) == (TRIALS, 0, 0)
    after = finished(own_place)
    assert {name: after[name] for name in seen} == seen  # nothing finished was touched again
    # A run may have been written and its process killed before it was told: it is tried again.
    told = state["complete"] + state["lost"]
    assert TRIALS <= len(after) <= told
    assert f"complete: {TRIALS} of {TRIALS}" in shell.run(*SWEEP)
    assert finished(own_place) == after


def begun(shell: Any, place: Path, finished: int) -> Any:
    """The process of the sweep, when so many runs are finished."""
    process = shell.start(*SWEEP)
    end = time.monotonic() + PATIENCE
    while len(results(place)) < finished and time.monotonic() < end:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    return process


@pytest.mark.slow
def test_a_killed_trial_goes_on_from_its_checkpoint_and_ends_with_the_same_numbers(
    shell: Any, own_place: Path
) -> None:
    sweep = (
        "sweep", "objective.weight=choice(0.7)", "study.name=one", "study.sampler=grid",
        "study.workers=1", "study.budget.trials=1", "hydra/launcher=basic", "trainer.steps=1200",
        "trainer.checkpoint_seconds=0", "tracking=off", "schedule=cyclical",
    )  # fmt: skip
    process = shell.start(*sweep)
    checkpoint = own_place / "runs/one/trial-0000/checkpoint.ckpt"
    end = time.monotonic() + PATIENCE
    while not checkpoint.is_file() and time.monotonic() < end:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    kill_everything(process.pid)
    process.wait()
    assert not (own_place / "runs/one/trial-0000/result.json").exists()
    shell.run(*sweep)
    log = (own_place / "runs/one/workers/0/run.log").read_text()
    assert "trial 1 goes on from the checkpoint of trial 0" in log
    assert json.loads(shell.run("status", "one", "--json"))["complete"] == 1
    # From its first step to its last, without a stop.
    assert "those of trial 1 of one, bit for bit" in " ".join(
        shell.run("train", "--trial", "1", "--study", "one").split()
    )
