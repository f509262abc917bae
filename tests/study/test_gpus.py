"""GPUs are shared out among workers: no GPU is needed to say which one each takes."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from betafront.study.gpus import VISIBLE, take_gpus
from betafront.study.spec_of_config import _workers


@pytest.fixture
def machine_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`machine_with(4)`, or `machine_with(2, "3,7")` where only two of them may be seen."""

    def made(count: int, named: str | None = None) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        if named is None:
            monkeypatch.delenv(VISIBLE, raising=False)
        else:
            monkeypatch.setenv(VISIBLE, named)

    return made


def taken(number: int, devices: int = 1) -> str | None:
    """What a worker of this number sees, from the same start as every other."""
    before = os.environ.get(VISIBLE)
    try:
        take_gpus(number, devices)
        return os.environ.get(VISIBLE)
    finally:
        os.environ.pop(VISIBLE, None)
        if before is not None:
            os.environ[VISIBLE] = before


def test_workers_go_round_the_gpus(machine_with: Callable[..., None]) -> None:
    machine_with(3)
    assert [taken(n) for n in range(7)] == ["0", "1", "2", "0", "1", "2", "0"]


def test_a_run_on_several_devices_has_as_many_gpus(machine_with: Callable[..., None]) -> None:
    machine_with(4)
    assert [taken(n, 2) for n in range(3)] == ["0,1", "2,3", "0,1"]
    machine_with(3)
    assert [taken(n, 2) for n in range(3)] == ["0,1", "2,0", "1,2"]
    assert taken(1, 3) is None


def test_only_those_that_may_be_seen(machine_with: Callable[..., None]) -> None:
    machine_with(2, "GPU-5ebe, 7")
    assert [taken(n) for n in range(3)] == ["GPU-5ebe", "7", "GPU-5ebe"]


@pytest.mark.parametrize(("count", "named"), [(0, None), (1, None), (1, "3"), (0, ""), (0, "-1")])
def test_one_or_none_is_left_as_it_is(
    machine_with: Callable[..., None], count: int, named: str | None
) -> None:
    machine_with(count, named)
    assert taken(5) == named


def test_a_number_per_gpu_makes_the_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, betafront: Callable[..., Any], fast: tuple[str, ...]
) -> None:
    sweep = ("sweep", "objective.weight=choice(0.1,1)", "study.budget.trials=2", *fast)
    monkeypatch.setattr("betafront.study.gpus.visible", lambda: [])
    said = betafront(*sweep, "study.workers_per_gpu=2")
    assert (said.code, said.out) == (2, "")
    assert "study.workers_per_gpu=null and study.workers=…" in said.err
    for place in ("gpus", "spec_of_config"):
        monkeypatch.setattr(f"betafront.study.{place}.visible", lambda: ["0", "1", "2"])
    assert "2 trials, 6 workers" in betafront(*sweep, "study.workers_per_gpu=2").out
    assert _workers(OmegaConf.create({"workers": 1, "workers_per_gpu": 2}), devices=2) == 3
