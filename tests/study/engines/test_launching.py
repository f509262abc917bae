"""Sweeps that are left to an engine, and workers that are there before their sweep."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.study.conftest import a_spec

from betafront.study.create import make
from betafront.study.storage.opening import open_storage
from betafront.study.worker import waiting

SWEEP = ("sweep", "objective.weight=choice(0.1,1)", "study.budget.trials=2")


def test_a_launcher_whose_workers_end_with_the_command_cannot_be_left(
    betafront: Callable[..., Any], fast: tuple[str, ...]
) -> None:
    said = betafront("sweep", "--detach", *SWEEP[1:], *fast)
    assert said.code == 2
    assert "hydra/launcher=slurm do; those of basic end with it" in said.err
    assert not Path("runs/studies.db").exists()


def test_a_dry_run_cannot_be_left(betafront: Callable[..., Any]) -> None:
    said = betafront("sweep", "--detach", "--dry-run", *SWEEP[1:])
    assert (said.code, said.out) == (2, "")
    assert "--dry-run" in said.err


def test_slurm_without_submitit_names_the_extra(
    betafront: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "betafront.study.engines.slurm", raising=False)
    launcher = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"
    monkeypatch.setitem(sys.modules, launcher, None)
    said = betafront(*SWEEP, "hydra/launcher=slurm", "data.limit=200", "tracking=off")
    assert said.code == 2
    assert said.err.strip().endswith("pip install 'betafront[slurm]'")
    assert not Path("runs/studies.db").exists()


def test_a_machine_that_submits_no_jobs_is_refused(
    betafront: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    said = betafront(*SWEEP, "hydra/launcher=slurm", "data.limit=200", "tracking=off")
    assert said.code == 2
    assert "there is no sbatch here" in said.err
    assert not Path("runs/studies.db").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto"])
def test_a_ray_cluster_that_is_not_there_is_named(
    betafront: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, own_place: Path, address: str
) -> None:
    """One that has ended leaves its address behind."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(own_place))
    (own_place / "ray").mkdir()
    (own_place / "ray/ray_current_cluster").write_text("127.0.0.1:1\n")
    where = f"hydra.launcher.ray.init.address={address}"
    said = betafront(*SWEEP, "hydra/launcher=ray", where, "data.limit=200", "tracking=off")
    assert said.code == 2
    assert "no Ray cluster answers at 127.0.0.1:1" in said.err
    assert "`ray start --head` starts one here" in said.err
    assert not Path("runs/studies.db").exists()


def test_a_machine_on_which_ray_never_ran_is_refused(
    betafront: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, own_place: Path
) -> None:
    """In Ray's words; it looks for clusters among all processes, and another test may have one."""

    def init(**_: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(own_place))
    monkeypatch.setattr("ray.init", init)
    said = betafront(*SWEEP, "hydra/launcher=ray", "data.limit=200", "tracking=off")
    assert said.code == 2
    assert "no Ray cluster runs here (Could not find any" in said.err
    assert "`ray start --head` starts one here" in said.err


def test_a_worker_that_is_there_first_waits_for_its_study(
    monkeypatch: pytest.MonkeyPatch, own_place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """First there is no file, then another study, then its own."""
    runs, coming = own_place / "runs", ["other", "mine"]

    def sleep(_: float) -> None:
        make(open_storage(f"sqlite:///{runs}/studies.db", create=True), a_spec(name=coming.pop(0)))

    monkeypatch.setattr(time, "sleep", sleep)
    waiting.wait_for("mine", runs)
    assert coming == []
    assert capfd.readouterr().out.count("Waiting for the study mine") == 1


def test_a_worker_does_not_wait_for_a_wrong_password(
    postgresql: Any, betafront: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETAFRONT_STORAGE", postgresql.url_of("postgres", password="wrong"))
    said = betafront("worker", "mine", "--wait")
    assert said.code == 2
    assert "password authentication failed" in said.err


def test_waiting_needs_a_name(betafront: Callable[..., Any]) -> None:
    said = betafront("worker", "--wait", "study=weighting")
    assert said.code == 2
    assert "betafront worker NAME --wait" in said.err
