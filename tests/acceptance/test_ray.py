"""Sweeps on a real Ray cluster of two nodes of this machine."""

import random
from pathlib import Path

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
