"""Processes that are forked from one that has imported everything."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest
from tests.support.patience import PATIENCE

from betafront.study.engines import fork_server as module
from betafront.study.engines.fork_server import ForkServer, WorkersLost, current, fork_server


@pytest.fixture
def server() -> Iterator[ForkServer]:
    found = ForkServer()
    yield found
    found.close()
    assert not found.is_alive()


def written(*calls: Callable[[], Any]) -> list[bytes]:
    return [cloudpickle.dumps(call) for call in calls]


def dying(place: Path, times: int) -> Callable[[], int]:
    """A function whose process is killed so many times before it comes to its end."""

    def work() -> int:
        (place / str(os.getpid())).touch()
        deaths = len(list(place.iterdir()))
        if deaths <= times:
            os.kill(os.getpid(), signal.SIGKILL)
        return deaths

    return work


def test_the_collector_leaves_alone_what_the_processes_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_is_safe", lambda: True)
    monkeypatch.setattr(module, "USED_BY_WORKERS", ())
    before = gc.get_freeze_count()
    with fork_server():
        server = current()
        assert server is not None
        frozen = gc.get_freeze_count()
        assert frozen > before
        (of_worker,) = server.run(written(gc.get_freeze_count), 1)
        assert of_worker > frozen // 2
    assert gc.get_freeze_count() <= before


def test_each_call_has_a_process_of_its_own_and_its_place_in_what_is_returned(
    server: ForkServer,
) -> None:
    found = server.run(written(*[lambda n=n: (n, os.getpid()) for n in range(4)]), 2)
    assert [number for number, _ in found] == [0, 1, 2, 3]
    assert len({pid for _, pid in found} | {os.getpid()}) == 5
    assert server.run(written(lambda: "again"), 1) == ["again"]


def test_a_killed_process_is_started_again_while_the_others_go_on(
    server: ForkServer, tmp_path: Path
) -> None:
    found = server.run(written(dying(tmp_path, module.RESTARTS), lambda: "alive"), 2)
    assert found == [module.RESTARTS + 1, "alive"]


def test_one_that_is_killed_again_and_again_is_lost(server: ForkServer, tmp_path: Path) -> None:
    with pytest.raises(WorkersLost, match="process of worker 0 was killed by SIGKILL"):
        server.run(written(dying(tmp_path, 10**6), lambda: None), 2)
    assert len(list(tmp_path.iterdir())) == module.RESTARTS + 1


def test_what_a_call_raises_is_raised_and_one_that_ends_its_process_is_lost(
    server: ForkServer,
) -> None:
    with pytest.raises(ZeroDivisionError):
        server.run(written(lambda: 1 / 0), 1)
    with pytest.raises(WorkersLost, match="ended with exit status 3"):
        server.run(written(lambda: os._exit(3)), 1)


def test_a_server_that_is_killed_takes_its_processes_with_it(
    server: ForkServer, tmp_path: Path
) -> None:
    def kill_the_server() -> None:
        (tmp_path / "pid").write_text(str(os.getpid()))
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()

    workers: list[psutil.Process] = []
    calls = written(kill_the_server)
    with pytest.raises(WorkersLost, match="that forks the workers was killed"):
        server.run(calls, 1)
    assert not server.is_alive()
    workers = [psutil.Process(int((tmp_path / "pid").read_text()))]
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert not alive


def test_where_a_fork_is_not_safe_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    if sys.platform == "linux":
        with fork_server():
            assert current() is not None
        assert current() is None
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    with fork_server():
        assert current() is None
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    with fork_server():
        assert current() is None
