"""Faults of the machine are told from those of what runs on it, also in other libraries' words."""

import errno
import sqlite3

import pytest

from betafront.errors import UserError, machine_fault, os_error


class SafetensorError(Exception):
    """As the library has it: no OSError."""


def raised_from(cause: Exception, error: Exception) -> Exception:
    try:
        try:
            raise cause
        except Exception as first:
            raise error from first
    except Exception as found:
        return found


def sqlite_full() -> sqlite3.OperationalError:
    """What SQLite itself raises where nothing more fits."""
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count=1")
    with pytest.raises(sqlite3.OperationalError) as full:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    return full.value


FULL = OSError(errno.ENOSPC, "No space left on device")
FAULTS = {
    "itself": (FULL, errno.ENOSPC),
    "a quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), errno.EDQUOT),
    "in Rust's words": (
        SafetensorError("Error while serializing: I/O error: some words (os error 28)"),
        errno.ENOSPC,
    ),
    "in C++'s words": (
        RuntimeError("unable to write to file </torch_1>: No space left on device (28)"),
        errno.ENOSPC,
    ),
    "by a name": (sqlite_full(), errno.ENOSPC),
    "a cause": (raised_from(FULL, UserError("data: it cannot be made")), errno.ENOSPC),
    "a broken disk": (RuntimeError("write(): fd 29 failed with Input/output error"), errno.EIO),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_machine(name: str) -> None:
    error, number = FAULTS[name]
    found = machine_fault(error)
    assert found is not None
    assert found.errno == number


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "data.npy"),
        PermissionError(errno.EACCES, "Permission denied", "data.npy"),
        ValueError("28 latents, and there is no space left for more"),
        RuntimeError("[Errno 2] (os error 2)"),
        sqlite3.OperationalError("no such table: t"),
    ],
)
def test_other_errors_are_the_trials_own(error: Exception) -> None:
    assert machine_fault(error) is None


def test_a_full_disk_says_what_goes_on_and_which_file_it_could_not_write() -> None:
    assert os_error(FULL) == "the disk is full: free some space, and the same command goes on"
    of_file = OSError(errno.EDQUOT, "Disk quota exceeded", "runs/x")
    assert os_error(of_file).startswith("the disk quota is used up: free some space")
    assert os_error(of_file).endswith("(it could not write runs/x)")
