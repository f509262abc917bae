"""Every store that studies can be kept in, real ones, and every way in which opening one fails."""

import gc
import multiprocessing
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError
from tests.support.disks import mount, read_only, small_disk
from tests.support.patience import PATIENCE

from betafront.addresses import FROM_ENVIRONMENT, VARIABLE
from betafront.errors import UserError
from betafront.study.storage import sqlite
from betafront.study.storage.opening import (
    NoStudy,
    Storage,
    find,
    load_study,
    masked,
    open_storage,
    study_names,
)
from betafront.study.storage.study_store import is_away, with_patience

# Processes of their own that do not import PyTorch and its kin each.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["betafront.study.storage.opening", "optuna", "alembic.command", "psycopg"]
)
SECRET = "hunter2"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs/studies.db"
    return str(request.getfixturevalue("postgresql").create_database())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one study."""
    made = tmp_path / "runs" / "studies.db"
    storage = open_storage(f"sqlite:///{made}", create=True)
    new_study(storage)
    close(storage)
    return made


def close(storage: Storage) -> None:
    """Close it: SQLite would use what is open in this process once more."""
    for used in (storage.reads, storage.writes):
        used.remove_session()
        used.engine.dispose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)


def new_study(storage: Storage, name: str = "s") -> optuna.Study:
    optuna.create_study(study_name=name, storage=storage.writes, directions=["minimize"] * 2)
    return load_study(storage, name)


def new_trial(storage: Storage, study: optuna.Study) -> int:
    running = optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params={"w": 0.5},
        distributions={"w": optuna.distributions.FloatDistribution(0, 1)},
    )
    return storage.writes.create_new_trial(study._study_id, running)


# --- what a storage promises


def test_what_is_written_is_read_at_once(url: str) -> None:
    storage = open_storage(url, create=True)
    study, elsewhere = new_study(storage), load_study(open_storage(url), "s")
    for number in range(3):
        trial = new_trial(storage, study)
        for reader in (study, elsewhere):
            assert reader.get_trials(deepcopy=False)[number].params == {"w": 0.5}
        storage.writes.set_trial_user_attr(trial, "lease", {"until": 1.5})
        for reader in (study, elsewhere):
            assert reader.get_trials(deepcopy=False)[number].user_attrs == {"lease": {"until": 1.5}}
        assert storage.writes.set_trial_state_values(trial, TrialState.COMPLETE, [1.0, 2.0])
        for reader in (study, elsewhere):
            assert reader.get_trials(deepcopy=False)[number].values == [1.0, 2.0]
        with pytest.raises(UpdateFinishedTrialError):
            storage.writes.set_trial_user_attr(trial, "lease", None)


def end_each(url: str, number: int, trials: list[int], start: Any, won: Any) -> None:
    """Try to end every trial at the same time as the other processes."""
    storage = open_storage(url)
    complete = number % 2 == 0
    state = TrialState.COMPLETE if complete else TrialState.FAIL
    mine = []
    for trial in trials:
        start.wait()
        try:
            values = [float(number)] * 2 if complete else None
            if storage.writes.set_trial_state_values(trial, state, values):
                mine.append(trial)
        except UpdateFinishedTrialError:
            continue
    won.put((number, mine))


def test_of_processes_that_end_one_trial_exactly_one_does(url: str) -> None:
    processes = 4
    storage = open_storage(url, create=True)
    study = new_study(storage)
    trials = [new_trial(storage, study) for _ in range(200)]
    start, won = PROCESSES.Barrier(processes), PROCESSES.Queue()
    assert run(end_each, processes, url, trials, start, won) == [0] * processes
    mine = dict(won.get(timeout=PATIENCE) for _ in range(processes))
    ended = {t._trial_id: t for t in storage.reads.get_all_trials(study._study_id)}
    assert sorted(trial for each in mine.values() for trial in each) == trials
    for number, each in mine.items():
        for trial in each:
            told = ended[trial]
            assert told.values == (None if number % 2 else [float(number)] * 2)


def open_and_count(url: str, number: int, start: Any, said: Any) -> None:
    start.wait()
    try:
        study_names(open_storage(url, create=True))
        said.put((number, ""))
    except BaseException as error:
        said.put((number, repr(error)))


def test_processes_that_open_an_empty_store_at_once_make_it_once(url: str) -> None:
    start, said = PROCESSES.Barrier(4), PROCESSES.Queue()
    run(open_and_count, 4, url, start, said)
    assert [said.get(timeout=PATIENCE)[1] for _ in range(4)] == [""] * 4
    assert study_names(open_storage(url)) == []


def run(work: Callable[..., None], processes: int, url: str, *more: Any) -> list[int | None]:
    """The exit codes of `work(url, number, …)` in processes of their own."""
    started = [PROCESSES.Process(target=work, args=(url, i, *more)) for i in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode for process in started]


def test_reads_never_wait_for_a_writer_and_writes_do(path: Path, impatient: None) -> None:
    storage = open_storage(f"sqlite:///{path}")
    study = load_study(storage, "s")
    new_trial(storage, study)
    with writer(path) as connection:
        connection.execute("UPDATE trials SET state = 'FAIL'")
        (trial,) = study.get_trials(deepcopy=False)
        assert trial.state == TrialState.RUNNING  # as it was before that transaction
        with pytest.raises(StorageInternalError):
            new_trial(storage, study)
    new_trial(storage, study)


def test_a_write_holds_the_lock_from_its_first_read_on(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    with storage.writes.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        with pytest.raises(sqlite3.OperationalError, match="locked"), writer(path):
            pytest.fail("two writers")


def test_what_reads_must_not_write(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    with storage.reads.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM studies").all()
        with writer(path, end="COMMIT") as other:
            other.execute("UPDATE studies SET study_name = 'other'")
        with pytest.raises(OperationalError, match="locked"):  # at once, and for good
            connection.exec_driver_sql("UPDATE studies SET study_name = 'mine'")


@contextmanager
def writer(
    path: Path, begin: str = "BEGIN IMMEDIATE", end: str = "ROLLBACK"
) -> Iterator[sqlite3.Connection]:
    """Another program in the middle of a transaction."""
    connecting = sqlite3.connect(path, timeout=0, isolation_level=None)
    with closing(connecting) as connection:
        connection.execute(begin)
        yield connection
        connection.execute(end)


def test_an_existing_store_is_not_made_or_checked_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_storage(url, create=True)

    def never(*_: Any) -> None:
        pytest.fail("Optuna's check costs more than all the rest of opening")

    manager = "optuna.storages._rdb.storage._VersionManager.check_table_schema_compatibility"
    monkeypatch.setattr(manager, never)
    assert study_names(open_storage(url)) == []


def test_a_server_is_given_few_connections(postgresql: Any) -> None:
    url = postgresql.create_database()
    storage = open_storage(url)
    new_trial(storage, new_study(storage))
    counting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'betafront'"
    assert postgresql.execute(counting + " AND datname = current_database()", url) == [(1,)]
    pool: Any = storage.reads.engine.pool
    assert pool.size() + pool._max_overflow == 3


def test_a_server_that_was_restarted_is_used_again(postgresql: Any) -> None:
    storage = open_storage(postgresql.create_database())
    study = new_study(storage)
    for mode in ("fast", "immediate"):
        new_trial(storage, study)
        postgresql.restart(mode)
    assert len(study.get_trials(deepcopy=False)) == 2


def test_a_worker_that_begins_while_the_server_is_away_waits_for_it(postgresql: Any) -> None:
    url = postgresql.create_database()
    open_storage(url)
    postgresql.stop()
    soon = threading.Timer(1.0, postgresql.start)
    soon.start()
    try:
        assert study_names(with_patience(lambda: open_storage(url))) == []
    finally:
        soon.join()


@pytest.mark.parametrize(
    "words", ["SSL connection has been closed unexpectedly", "SSL SYSCALL error: EOF detected"]
)
def test_a_lost_connection_is_waited_for(words: str) -> None:
    assert is_away(OperationalError("SELECT 1", {}, Exception(words)))


def test_a_worker_does_not_wait_for_a_password_to_become_right(postgresql: Any) -> None:
    wrong = postgresql.url_of("postgres", password="wrong")
    with pytest.raises(UserError, match="password"):
        with_patience(lambda: open_storage(wrong))


@pytest.mark.parametrize("name", ["a b", "50%41", "what?", "{x}", "ä#1", "it's"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    new_study(open_storage(f"sqlite:///{tmp_path}/{name}/studies.db", create=True))
    assert (tmp_path / name / "studies.db").is_file()
    assert study_names(open_storage(f"sqlite:///{tmp_path}/{name}/studies.db")) == ["s"]


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert study_names(open_storage(f"sqlite:///{tmp_path}/empty.db")) == []


# --- addresses


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"]
)
def test_the_addresses_that_people_copy(postgresql: Any, scheme: str) -> None:
    url = postgresql.create_database().replace("postgresql", scheme, 1)
    assert study_names(open_storage(url)) == []


def test_an_address_whose_query_says_it_all(postgresql: Any) -> None:
    user, _, place = postgresql.create_database().removeprefix("postgresql://").rpartition("@")
    server, database = place.split("/")
    name, password = user.split(":")
    host, port = server.split(":")
    query = f"host={host}&port={port}&user={name}&password={password}&connect_timeout=3"
    assert study_names(open_storage(f"postgresql:///{database}?{query}")) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hunter2@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:hunt%40er2@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p@hunter2@host/db", "postgresql://me:***@host/db"),
        ("postgresql://:hunter2/x:@host/db", "postgresql://:***@host/db"),
        ("postgresql://me@host:1/db", "postgresql://me@host:1/db"),
        ("me:hunter2@host/db", "me:***@host/db"),
        ("postgresql:///db?user=me&password=hunter2&a=b", "postgresql:///db?user=me&password=***&a=b"),
        ("postgresql:///db?sslPassword=hunter2", "postgresql:///db?sslPassword=***"),
        ("sqlite:////a/b:c@d/studies.db", "sqlite:////a/b:c@d/studies.db"),
    ],
)  # fmt: skip
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_a_storage_from_the_environment_carries_no_password(
    postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, postgresql.create_database())
    storage = open_storage(FROM_ENVIRONMENT)
    assert storage.url == FROM_ENVIRONMENT
    assert "://" not in repr(storage)
    assert pickle.loads(pickle.dumps(storage.url)) == FROM_ENVIRONMENT
    assert study_names(storage) == []


def test_the_shipped_choice_names_the_variable_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from omegaconf import OmegaConf

    from betafront.shipped import conf_dir

    monkeypatch.setenv(VARIABLE, f"postgresql://me:{SECRET}@host/db")
    config = OmegaConf.load(conf_dir() / "storage" / "postgres.yaml")
    assert OmegaConf.to_container(config, resolve=True) == {"url": FROM_ENVIRONMENT}


# --- which store a command looks in


def test_a_study_is_found_where_the_environment_says_and_then_in_the_file(
    postgresql: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.create_database()
    far = open_storage(url)
    assert find(None, path.parent).study_name == "s"
    monkeypatch.setenv(VARIABLE, url)
    assert find(None, path.parent).study_name == "s"  # nothing there yet
    new_study(far, "far")
    new_study(far, "farther")
    assert find(None, path.parent).study_name == "farther"
    assert find("far", path.parent).study_name == "far"
    assert find("s", path.parent).study_name == "s"
    with pytest.raises(UserError, match="there is no study 'fahr': did you mean 'far'"):
        find("fahr", path.parent)
    assert find("far", Path("nowhere")).study_name == "far"


def test_an_unknown_study_names_the_near_miss(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    new_study(storage, "weighting-digits")
    with pytest.raises(UserError, match="weighting-digits"):
        load_study(storage, "wieghting-digits")


# --- what can be wrong with a file


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def text(path: Path) -> None:
    path.write_text("this is not a database, and long enough to be one" * 99)


def truncated(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(100)  # past the header
        file.write(b"\xff" * 4000)


NEWER = (
    "UPDATE alembic_version SET version_num = 'v99.0.0'",
    "UPDATE version_info SET library_version = '99.0.0', schema_version = 99",
)
OLDER = (
    "UPDATE alembic_version SET version_num = 'v1.3.0.a'",
    "UPDATE version_info SET library_version = '1.3.0'",
)
FOREIGN = ("DROP TABLE version_info",)


def rewritten(*statements: str) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return rewrite


BROKEN_FILES = {
    "a folder": (directory, "unable to open database file: see that it is a file"),
    "text": (text, "file is not a database: move that file away"),
    "truncated": (truncated, "malformed: restore a copy"),
    "overwritten": (overwritten, "malformed: restore a copy"),
    "a newer Optuna's": (rewritten(*NEWER), "made by Optuna 99.0.0, .*pip install 'optuna>=99.0.0"),
    "an older Optuna's": (rewritten(*OLDER), "made by Optuna 1.3.0, .*optuna storage upgrade"),
    "MLflow's": (rewritten(*FOREIGN), "database of another program"),
}


@pytest.mark.parametrize("kind", BROKEN_FILES)
@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_will_not_do(path: Path, kind: str, create: bool) -> None:
    spoil, line = BROKEN_FILES[kind]
    spoil(path)
    before = None if path.is_dir() else path.read_bytes()
    refused(f"sqlite:///{path}", f"{path}.*{line}", create)
    assert before is None or path.read_bytes() == before


def refused(url: str, line: str, create: bool = False) -> None:
    """Opening `url` fails with one line that fits, and shows no password."""
    with pytest.raises(UserError, match=line) as caught:
        open_storage(url, create)
    said = str(caught.value)
    assert "\n" not in said
    assert SECRET not in said


def test_an_absent_file(tmp_path: Path) -> None:
    refused(f"sqlite:///{tmp_path}/none.db", "there are no studies in .*: `betafront sweep`")


def test_a_folder_that_cannot_be_made() -> None:
    refused("sqlite:////proc/none/studies.db", "cannot write /proc/none.*BETAFRONT_RUNS", True)


def test_a_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(f"sqlite:///{tmp_path}/file/a/studies.db", "cannot write .*BETAFRONT_RUNS", True)


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_another_program_holds(path: Path, impatient: None, create: bool) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        refused(f"sqlite:///{path}", "locked: another program holds it", create)
    assert study_names(open_storage(f"sqlite:///{path}")) == ["s"]


def test_a_file_that_another_program_writes_for_long(path: Path, impatient: None) -> None:
    with writer(path, "BEGIN EXCLUSIVE"):
        refused(f"sqlite:///{path}", "locked: another program holds it", create=True)
        assert study_names(open_storage(f"sqlite:///{path}")) == ["s"]


@contextmanager
def frozen(path: Path) -> Iterator[None]:
    """`path` cannot be changed, by root neither; skips where that cannot be had."""
    if os.geteuid() != 0:
        before = path.stat().st_mode
        path.chmod(before & ~0o222)
        yield
        path.chmod(before)
        return
    try:
        subprocess.run(["chattr", "+i", path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("root writes everywhere, and this file system has no chattr +i")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def test_a_read_only_file_is_read_but_not_swept_into(path: Path) -> None:
    with frozen(path):
        refused(f"sqlite:///{path}", "readonly.*: allow writing with chmod u\\+w", create=True)
        assert study_names(open_storage(f"sqlite:///{path}", reading=True)) == ["s"]


# What may lie beside the file of studies that somebody else has left.
def as_closed(path: Path) -> None:
    new_trial_study(path)


def as_killed(path: Path) -> None:
    """With a trial that is in the `-wal` alone."""
    killed(path, "")


def as_copied_without_shm(path: Path) -> None:
    as_killed(path)
    path.with_name(f"{path.name}-shm").unlink()


def with_a_journal(path: Path) -> None:
    """Not in WAL mode, as a file is that Optuna made, and killed in a transaction."""
    new_trial_study(path)
    killed(path, "connection.execute('PRAGMA journal_mode=DELETE');"
           "connection.execute('PRAGMA cache_size=1');"
           "connection.execute('BEGIN');"
           "connection.executemany('INSERT INTO trial_user_attributes "
           "(trial_id, key, value_json) VALUES (1, ?, ?)',"
           " [(str(i), 'x' * 2000) for i in range(500)])")  # fmt: skip
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0


LEFT = {
    "closed": as_closed, "killed": as_killed, "without shm": as_copied_without_shm,
    "with a journal": with_a_journal,
}  # fmt: skip


def new_trial_study(path: Path) -> optuna.Study:
    """A trial in the study; nothing is left open."""
    storage = open_storage(f"sqlite:///{path}")
    study = load_study(storage, "s")
    new_trial(storage, study)
    close(storage)
    return study


def killed(path: Path, statements: str) -> None:
    """A process of its own that is killed with the file open."""
    code = f"""
import os, sqlite3
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
if not {statements!r}:
    connection.execute("INSERT INTO trials (number, study_id, state) VALUES (0, 1, 'RUNNING')")
    connection.execute(
        "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES "
        "(1, 'w', 0.5, ?)",
        [{FLOAT!r}],
    )
{statements}
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


FLOAT = optuna.distributions.distribution_to_json(optuna.distributions.FloatDistribution(0, 1))


@pytest.mark.parametrize("create", [True, False])
def test_a_read_only_folder_is_not_written(path: Path, create: bool) -> None:
    with read_only(path.parent):
        refused(f"sqlite:///{path}", "cannot write .*: set BETAFRONT_RUNS", create)


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("left", sorted(LEFT))
def test_a_read_only_folder_is_read(path: Path, left: str, link: bool, tmp_path: Path) -> None:
    """With all that killed writers leave in it, and with nothing but a copy of the file."""
    LEFT[left](path)
    url, there = f"sqlite:///{path}", sorted(path.parent.iterdir())
    if link:
        (tmp_path / "link.db").symlink_to(path)
        url = f"sqlite:///{tmp_path}/link.db"
    with read_only(path.parent):
        storage = open_storage(url, reading=True)
        assert study_names(storage) == ["s"]
        study = load_study(storage, "s")
        assert [t.params for t in study.get_trials(deepcopy=False)] == [{"w": 0.5}]
        assert sorted(path.parent.iterdir()) == there
    close(storage)
    new_trial(open_storage(url), study)  # it is whole, and can be written again


def test_what_only_reads_leaves_nothing_behind(path: Path) -> None:
    for file in path.parent.glob("*.lock"):
        file.unlink()
    before = path.read_bytes()
    storage = open_storage(f"sqlite:///{path}", reading=True)
    assert study_names(storage) == ["s"]
    close(storage)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


def test_what_only_reads_makes_no_tables(tmp_path: Path) -> None:
    (tmp_path / "studies.db").touch()
    with pytest.raises(NoStudy, match=r"there are no studies in .*: `betafront sweep`"):
        open_storage(f"sqlite:///{tmp_path}/studies.db", reading=True)
    assert (tmp_path / "studies.db").stat().st_size == 0


def test_a_study_in_a_read_only_folder_is_seen_to_grow(path: Path, tmp_path: Path) -> None:
    """A colleague goes on with it, whose folder is read-only for who looks at it."""
    view = tmp_path / "view"
    view.mkdir()
    study = new_trial_study(path)
    if not mount("--bind", str(path.parent), str(view)):
        pytest.skip("only root can mount")
    try:
        assert mount("-o", "remount,bind,ro", str(view))
        seen = find("s", view)
        assert len(seen.get_trials(deepcopy=False)) == 1
        new_trial(open_storage(f"sqlite:///{path}"), study)
        assert len(seen.get_trials(deepcopy=False)) == 2
        gc.collect()
        assert len(seen.get_trials(deepcopy=False)) == 2
    finally:
        subprocess.run(["umount", "--lazy", str(view)], check=True)


def test_a_read_only_folder_without_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    with frozen(folder):
        refused(f"sqlite:///{folder}/studies.db", "BETAFRONT_RUNS", True)


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "64k") as folder:
        refused(f"sqlite:///{folder}/studies.db", "free some space|has space", True)


def test_a_file_on_a_full_disk_is_read(path: Path, tmp_path: Path) -> None:
    """SQLite cannot make its two files beside it."""
    with small_disk(tmp_path / "small", "400k") as folder:
        shutil.copy(path, folder)
        with suppress(OSError), (folder / "rest").open("wb") as rest:
            rest.write(bytes(1_000_000))
        assert study_names(open_storage(f"sqlite:///{folder}/studies.db", reading=True)) == ["s"]


# --- what can be wrong with an address, and with a server


BROKEN_ADDRESSES = {
    "studies.db": "no address of a storage: write sqlite:///FILE or postgresql://",
    f"me:{SECRET}@host": "no address of a storage",
    f"mysql://me:{SECRET}@host/db": "keeps no studies in 'mysql': write sqlite",
    f"postgresql+asyncpg://me:{SECRET}@host/db": "keeps no studies in 'postgresql.asyncpg'",
    f"postgresql://me:{SECRET}@host:port/db": "cannot be parsed: write",
    f"postgresql://me:p@{SECRET}@host/db": "write an @ in a password as %40",
    FROM_ENVIRONMENT: "BETAFRONT_STORAGE, which is not set: export BETAFRONT_STORAGE=postgresql",
    f"postgresql://me:{SECRET}@127.0.0.1:1/db": "refused: check HOST and PORT",
    f"postgresql://me:{SECRET}@no-such-host.invalid/db": "no-such-host.*: check HOST",
    f"postgresql://me:{SECRET}@127.0.0.1:1/db?nonsense=1": "option .nonsense.: check the address",
}


@pytest.mark.parametrize("address", BROKEN_ADDRESSES)
def test_an_address_that_will_not_do(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    refused(address, BROKEN_ADDRESSES[address], create=True)


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    refused(f"postgresql://me:{SECRET}@host/db", r"pip install 'betafront\[postgres\]'")


def test_a_user_or_database_that_the_server_does_not_know(postgresql: Any) -> None:
    wrong = postgresql.url_of("postgres", password=SECRET)
    refused(wrong, "password authentication failed .*: check USER and PASSWORD")
    refused(postgresql.url_of("none"), 'database "none" does not exist: .*createdb')


def test_a_user_who_may_not_make_tables(postgresql: Any) -> None:
    url = postgresql.create_database()
    database = url.rpartition("/")[2]
    postgresql.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
    refused(postgresql.url_of(database, "reader", SECRET), "permission denied.*GRANT CREATE")


@pytest.mark.parametrize(
    ("statements", "line"),
    [
        (NEWER, "Optuna 99.0.0, .*pip install 'optuna>=99.0.0"),
        (OLDER, "Optuna 1.3.0, .*optuna storage upgrade"),
        (FOREIGN, "database of another program"),
    ],
)
def test_tables_that_will_not_do(postgresql: Any, statements: tuple[str, ...], line: str) -> None:
    url = postgresql.create_database()
    open_storage(url)
    for statement in statements:
        postgresql.execute(statement, url)
    refused(url, line)


def test_a_process_that_makes_the_tables_for_ever(
    postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    from betafront.study.storage import postgresql as ours

    monkeypatch.setattr(ours, "LOCK_SECONDS", 0.2)
    url = postgresql.create_database()
    with psycopg.connect(url) as connection:
        connection.execute(f"SELECT pg_advisory_lock({ours.LOCK})".encode())
        refused(url, "lock timeout.*: another process has been making the tables")
    assert study_names(open_storage(url)) == []


# --- as the commands say it


def said_by(command: Callable[..., Any], arguments: tuple[str, ...], line: str) -> None:
    said = command(*arguments)
    assert said.code == 2, said
    (only,) = said.err.splitlines()
    assert only.startswith("betafront: "), said.err
    assert line in only
    assert SECRET not in said.out + said.err
    assert "Traceback" not in said.out + said.err


SWEEP = ("sweep", "objective.weight=interval(0.01,10)", "study.budget.trials=1")


def test_commands_refuse_a_file_that_will_not_do(
    betafront: Callable[..., Any], fast: tuple[str, ...], path: Path
) -> None:
    text(path)
    before = sorted(path.parent.iterdir())
    for command in (("status",), ("report",), ("train", "--trial", "0"), (*SWEEP, *fast)):
        said_by(betafront, command, "file is not a database")
    assert sorted(path.parent.iterdir()) == before


def test_commands_refuse_an_address_that_will_not_do(
    betafront: Callable[..., Any], fast: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = (*SWEEP, *fast, "storage=postgres")
    monkeypatch.delenv(VARIABLE, raising=False)
    said_by(betafront, there, "which is not set")
    monkeypatch.setenv(VARIABLE, f"postgresql://me:{SECRET}@127.0.0.1:1/db")
    for command in (("status",), there):
        said_by(betafront, command, "refused: check HOST and PORT")


def test_a_sweep_refuses_a_full_disk(
    betafront: Callable[..., Any],
    fast: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BETAFRONT_RUNS", str(tmp_path / "small"))
    with small_disk(tmp_path / "small", "64k") as folder:
        (folder / "filling").write_bytes(bytes(64 * 1024))
        said_by(betafront, (*SWEEP, *fast), "BETAFRONT_RUNS")


def test_a_sweep_refuses_a_read_only_folder(
    betafront: Callable[..., Any], fast: tuple[str, ...], path: Path
) -> None:
    with frozen(path.parent):
        said_by(betafront, (*SWEEP, *fast), "BETAFRONT_RUNS")
