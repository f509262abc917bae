"""Sweeps on a real Ray cluster of two nodes of this machine."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.chaos import Chaos, Ray
from tests.support.engines import RayCluster
from tests.support.patience import PATIENCE
from tests.support.slow import slowly
from tests.support.warm import WarmPython

from betafront.study.storage.opening import load_study, open_storage
from betafront.study.trials.lease import progress

pytestmark = pytest.mark.slow(minutes=4)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A cluster of two nodes; the last test kills one of them."""
    with RayCluster(tmp_path_factory.mktemp("ray")) as running:
        yield running


def at_work(place: Path) -> int:
    """How many trials of the study are past their first validation: one that is stopped before it
    has trained may leave no checkpoint."""
    if not list(place.glob("runs/stopped/trial-*")):
        return 0
    study = load_study(open_storage(f"sqlite:///{place}/runs/studies.db"), "stopped")
    return sum(bool(progress(trial)) for trial in study.get_trials(deepcopy=False))


def test_sigterm_stops_the_trials_on_all_nodes_at_their_checkpoints(
    shell: Any, own_place: Path, cluster: RayCluster
) -> None:
    process = shell.start(
        "sweep", "objective.weight=tag(log,interval(0.01,10))", "study.name=stopped",
        "hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster.address}",
        # A twentieth of the steps, from one checkpoint to the next, is quicker than the grace.
        *slowly(own_place, steps=400, seconds=40), "model.hidden=[8]", "data.limit=200",
        "tracking=off",
    )  # fmt: skip
    end = time.monotonic() + PATIENCE
    while at_work(own_place) < 2 and time.monotonic() < end:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.5)
    process.terminate()
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out
    assert out.count("was stopped before its end; it is taken up again") == 2, out
    assert len(list(own_place.glob("runs/stopped/trial-*/checkpoint.ckpt"))) == 2


@pytest.mark.timeout(1200)
def test_a_worker_and_a_node_that_are_killed_lose_and_repeat_nothing(
    own_place: Path, cluster: RayCluster, warm_python: WarmPython
) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)  # shown where it fails
    chance = random.Random(seed)
    chaos = Chaos(
        own_place, Ray(cluster), warm_python, trials=16, kills=1, seconds=4, chance=chance
    )
    count = chaos.run()
    print(count)
    assert count.complete == chaos.trials
    assert count.lost > 0
