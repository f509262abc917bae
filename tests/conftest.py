"""Fixtures for all tests: a place of their own to write, and the command line in this process."""

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest import runner
from tests.support.shared import Said, SharedFolders

# Before any library reads them, as the console script sets them.
from betafront.cli import main, quiet_libraries

if TYPE_CHECKING:
    from tests.support.servers import PostgreSQL

quiet_libraries()
gc.disable()  # while the tests are collected: of all that is imported there is nothing to give back


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test in an empty folder of its own, where the commands write too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BETAFRONT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("BETAFRONT_STORAGE", raising=False)
    return tmp_path


@pytest.fixture
def betafront(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command in this process: `betafront("status", "--json")`."""

    def run(*arguments: str) -> Said:
        code = 0
        try:
            main(list(arguments))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture(scope="session")
def shared_folders(tmp_path_factory: pytest.TempPathFactory) -> SharedFolders:
    """What is made once for all tests, also where several processes run them."""
    own = tmp_path_factory.getbasetemp()  # with xdist: of this process, in the folder of the run
    root = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    root.mkdir(exist_ok=True)
    return SharedFolders(root)


@pytest.fixture
def swept(
    betafront: Callable[..., Said], own_place: Path, shared_folders: SharedFolders
) -> Callable[..., Said]:
    """A finished sweep in the folder of the test: `swept("study.name=s", "objective.weight=1,2")`.

    The sweep is run once for all tests that ask for the same words; each has a copy. `files` are
    those that it reads, by their paths.
    """

    def sweep(folder: Path, *words: str) -> Said:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("BETAFRONT_RUNS", str(folder / "runs"))
            return betafront("sweep", *words)

    def have(*words: str, files: Mapping[str, str] | None = None) -> Said:
        return shared_folders.copy_sweep(sweep, words, files or {}, own_place)

    return have


@pytest.fixture(scope="session")
def mnist_folder() -> str:
    """Where the real MNIST lies; skips where nobody said."""
    folder = os.environ.get("BETAFRONT_DATA_DIR")
    if not folder:
        pytest.skip("BETAFRONT_DATA_DIR names no folder with real data")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> "Iterator[PostgreSQL]":
    """A real server; each test makes itself a database: `url = postgresql.create_database()`."""
    from tests.support.servers import PostgreSQL

    with PostgreSQL() as server:
        yield server


FAST = (
    "trainer.steps=12",
    "model.hidden=[8]",
    "data.limit=200",
    "hydra/launcher=basic",
    "tracking=off",
)


# What the tests search that need any finished study: the more branches, the longer a sweep takes.
SPACE = ("objective.weight=tag(log,interval(0.01,10))", "normalisation=sum,mean")


@pytest.fixture
def fast() -> tuple[str, ...]:
    """Overrides under which a sweep's trials take a fraction of a second each, in this process."""
    return FAST


def pytest_collection_finish() -> None:
    """Leave what is imported to itself: the collector would look through it again and again. It
    looks at the rest less often than by default, which is meant for small programs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_sessionfinish() -> None:
    """Give it back, to be destroyed as ever."""
    gc.unfreeze()


def in_a_large_frame(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with a frame of half a mebibyte. Frames lie in pieces of memory that the system is
    asked for, 16 KiB each, or the power of two that holds the first frame of a piece. With tests so
    deep in pytest and Hydra calls go over the end of a small piece and back at every turn, and each
    time the system is asked for the next: a tenth of the processor time of a sweep."""
    function.__code__ = function.__code__.replace(co_stacksize=70_000)  # words of eight bytes
    return function


@in_a_large_frame
def run_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    return runner.pytest_runtest_protocol(item, nextitem)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test as pytest does, all that it calls in one piece of memory."""
    return run_protocol(item, nextitem)


@pytest.hookimpl(trylast=True)  # once those are left out that were not asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the modules of real engines out to the test processes, each of which begins with its
    share: they take longest, and mostly wait. A process takes a contiguous part of the list."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    parts: list[list[pytest.Item]] = [[] for _ in range(processes)]
    loads = [0.0] * processes
    for minutes, module in sorted(engine_modules(items), key=lambda m: -m[0]):
        least = loads.index(min(loads))
        loads[least] += minutes
        parts[least] += module
    dealt = {id(item) for part in parts for item in part}
    others = [item for item in items if id(item) not in dealt]
    left = len(items)
    for i, part in enumerate(parts):
        size = left // (processes - i)  # as xdist's worksteal cuts the list
        more = max(size - len(part), 0)
        part.extend(others[:more])
        del others[:more]
        left -= len(part)
    items[:] = [item for part in (*parts, others) for item in part]


def engine_modules(items: list[pytest.Item]) -> list[tuple[float, list[pytest.Item]]]:
    """The tests of each module of real engines, and about how many minutes they take together: as
    the mark `slow(minutes=…)` of the module says."""
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.path.parent.name == "acceptance":
            modules.setdefault(item.path, []).append(item)
    found = []
    for module in modules.values():
        marks = [mark for item in module for mark in item.iter_markers("slow")]
        found.append((max([mark.kwargs.get("minutes", 1.0) for mark in marks], default=0), module))
    return found
