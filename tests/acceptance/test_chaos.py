"""A sweep whose processes and database are killed at random, over storages and ways to launch.

In CI it is small: 20 trials and 2 kills, and two cases of five. The full size is one command per
case, as in

    python -m tests.support.chaos --trials 200 --kills 20 --repeat 5 --launch joined
    python -m tests.support.chaos --storage postgresql --stops 2 --repeat 2

or BETAFRONT_CHAOS=200,20 (trials and kills) in the environment of these tests, which runs them all.
"""

import os
import random
from pathlib import Path
from typing import Any

import pytest
from tests.support.chaos import Chaos, Joblib, Joined, Launch, Processes
from tests.support.warm import WarmPython

SIZE = os.environ.get("BETAFRONT_CHAOS")
TRIALS, KILLS = map(int, (SIZE or "20,2").split(","))
SECONDS = 0 if SIZE else 4  # a trial
LONG = pytest.mark.skipif(SIZE is None, reason="takes minutes: BETAFRONT_CHAOS=40,5 runs it")


@pytest.mark.slow
@pytest.mark.timeout(100 * TRIALS)
class SweepUnderFire:
    """At the end exactly as many trials count as the budget says, each once and complete; none is
    running; none was lost, and each that was cut short went on from its checkpoint.

    A subclass says how the workers are launched and, by the fixture `server`, where the study is.
    """

    launch: Launch
    stops = 0

    @pytest.fixture
    def server(self) -> Any:
        return None

    def test_nothing_is_lost_or_repeated(
        self, own_place: Path, server: Any, warm_python: WarmPython
    ) -> None:
        seed = random.randrange(10**6)
        print("seed", seed)  # shown where it fails
        url = server and server.create_database()
        chaos = Chaos(
            own_place, self.launch, warm_python, url, server, TRIALS, KILLS, self.stops,
            seconds=SECONDS, chance=random.Random(seed),
        )  # fmt: skip
        count = chaos.run()
        print(count)
        assert count.complete == chaos.trials
        if SIZE:  # a few kills may all have come where nothing was lost
            assert count.lost > 0
            assert count.checkpoints > 0


class TestSqliteProcesses(SweepUnderFire):
    launch = Processes()


@LONG
class TestSqliteJoblib(SweepUnderFire):
    launch = Joblib()


@LONG
class TestSqliteJoined(SweepUnderFire):
    launch = Joined()


@LONG
class TestPostgresqlJoblib(SweepUnderFire):
    launch = Joblib()

    @pytest.fixture
    def server(self, postgresql: Any) -> Any:
        return postgresql


class TestPostgresqlJoinedAndStopped(SweepUnderFire):
    """The server is stopped for ten seconds, twice: the workers wait and go on."""

    launch = Joined()
    stops = 2

    @pytest.fixture
    def server(self, postgresql: Any) -> Any:
        return postgresql
