"""Sweeps on a real Slurm: `.ci/slurm start` runs one on this machine, as root."""

import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.chaos import Chaos, Slurm
from tests.support.patience import PATIENCE
from tests.support.slow import slowly
from tests.support.warm import WarmPython

pytestmark = pytest.mark.slow(minutes=6)

QUICK = ("trainer.steps=12", "model.hidden=[8]", "data.limit=200", "study.sampler=random")
SWEEP = ("sweep", "objective.weight=tag(log,interval(0.01,10))", *QUICK)


@pytest.fixture(autouse=True)
def slurm() -> None:
    """A Slurm whose nodes answer; skips where there is none."""
    nodes = ""
    if shutil.which("sinfo"):
        asked = ["sinfo", "--noheader", "--Node", "--format=%T"]
        nodes = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    if not {"idle", "mixed", "allocated"} & set(nodes.split()):
        pytest.skip("no Slurm runs here: `.ci/slurm start` starts one, as root")


def ended(job: str) -> bool:
    """Whether a job has left the queue."""
    asked = ["squeue", "--noheader", f"--jobs={job}"]
    return not subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def status(shell: Any, name: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(shell.run("status", name, "--json"))
    return said


@pytest.mark.timeout(1500)
def test_workers_that_are_killed_cancelled_or_out_of_time_lose_and_repeat_nothing(
    own_place: Path, warm_python: WarmPython
) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)  # shown where it fails
    chance = random.Random(seed)
    chaos = Chaos(own_place, Slurm(), warm_python, trials=24, kills=1, seconds=6, chance=chance)
    count = chaos.run()
    print(count)
    assert count.complete == chaos.trials
    # So submitit calls a job whose time is up, when it has it queued again.
    logs = own_place.glob("sweep/chaos/workers/*/run.log")
    assert any("this job is preempted" in log.read_text() for log in logs)


def test_a_sweep_can_be_left_to_slurm_and_looked_at_later(shell: Any, own_place: Path) -> None:
    words = (*SWEEP, "study.name=left", "study.budget.trials=6", "hydra/launcher=slurm")
    said = shell.run("sweep", "--detach", *words[1:])
    job = said.partition("as job ")[2].partition(";")[0]
    assert "betafront status left --follow" in said
    assert not ended(job)
    seen = shell.run("status", "left", "--follow")
    assert "left: 6 complete" in seen
    state = status(shell, "left")
    assert (state["complete"], state["running"]) == (6, 0)
    assert "--detach" not in state["command"]
    assert "hydra/launcher=slurm" in state["command"]
    # The same command has nothing to train, and writes what nobody was there to write.
    assert "complete: 6 of 6" in shell.run(*words)
    assert "0 trials written to MLflow, 6 were there" in shell.run("sync", "left")
    assert (own_place / "runs/left/report/front.html").is_file()


def test_jobs_that_die_before_their_first_trial_are_reported_with_the_end_of_their_log(
    shell: Any,
) -> None:
    setup = "hydra.launcher.setup=['echo the licence server is down >&2','exit 7']"
    words = (*SWEEP, "study.name=dead", "study.budget.trials=3", "hydra/launcher=slurm", setup)
    process = shell.start(*words, "tracking=off")
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, out
    assert "ended as FAILED without an answer of its worker" in out
    assert out.count("the licence server is down") == 1  # of two jobs that end alike
    assert "the same command goes on" in out
    assert "Traceback" not in out


def test_what_slurm_does_not_take_is_said_in_its_words(shell: Any) -> None:
    words = (*SWEEP, "study.name=refused", "hydra/launcher=slurm", "hydra.launcher.partition=nope")
    process = shell.start(*words)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, out
    assert "Slurm does not take the workers" in out
    assert "invalid partition" in out.lower()
    assert "Traceback" not in out


def test_ctrl_c_twice_takes_the_jobs_out_of_the_queue(shell: Any, own_place: Path) -> None:
    words = (*SWEEP, "study.name=stopped", "hydra/launcher=slurm", "tracking=off")
    lasting = slowly(own_place, steps=400, seconds=200)
    process = shell.start(*words, *lasting, "trainer.checkpoint_seconds=0")
    end = time.monotonic() + PATIENCE
    while not list(own_place.glob("runs/stopped/trial-*")) and time.monotonic() < end:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.5)
    os.kill(process.pid, 2)
    time.sleep(2)
    os.kill(process.pid, 2)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out
    job = out.partition("as job ")[2].partition(";")[0]
    while not ended(job) and time.monotonic() < end:
        time.sleep(0.5)
    assert ended(job)
    assert status(shell, "stopped")["running"] == 0
