"""Sweeps on a real Ray cluster of two nodes of this machine."""

import random
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.chaos import Chaos, Ray
from tests.engines import RayCluster

pytestmark = pytest.mark.slow


@pytest.mark.timeout(1200)
def test_a_worker_and_a_node_that_are_killed_lose_and_repeat_nothing(own_place: Path) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)  # shown where it fails
    with RayCluster(own_place) as cluster:
        chaos = Chaos(
            own_place, Ray(cluster), trials=24, kills=1, steps=1500, chance=random.Random(seed)
        )
        count = chaos.run()
    print(count)
    assert count.complete == 24
    assert count.lost > 0


def test_a_cluster_that_is_not_there_is_named(shell: Any, fast: tuple[str, ...]) -> None:
    words = [word for word in fast if not word.startswith("hydra/")]
    sweep = ("sweep", "objective.weight=choice(0.1,1)", "study.budget.trials=2", *words)
    address = "hydra.launcher.ray.init.address=127.0.0.1:1"
    process = shell.start(*sweep, "hydra/launcher=ray", address)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 2, out
    assert "127.0.0.1:1" in out
    assert "ray start" in out
    assert "Traceback" not in out
