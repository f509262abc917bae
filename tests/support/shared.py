"""Folders that are expensive to make and that many tests need: each is made once in a test run, by
whichever test process needs it first."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

SAID = "said.json"
# Of SQLite and of file locks: they belong to the processes that have the original open.
TRANSIENT = shutil.ignore_patterns("*-shm", "*.lock", SAID)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class SharedFolders:
    """The folders of a test run.

    Attributes:
        root: where they are; the same for all test processes of the run.
    """

    root: Path

    def get(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of this name. Tests must not write into it.

        Args:
            make: fills the empty folder that it is given.
        """
        folder = self.root / name
        complete = self.root / f"{name}.complete"
        with FileLock(self.root / f"{name}.lock"):
            if not complete.exists():
                shutil.rmtree(folder, ignore_errors=True)  # `make` failed in another process
                folder.mkdir()
                make(folder)
                complete.touch()
        return folder

    def copy_sweep(
        self,
        sweep: Callable[..., Said],
        words: tuple[str, ...],
        files: Mapping[str, str],
        to: Path,
    ) -> Said:
        """Copy a sweep's runs folder, and the files that it was made from, into a test's folder.

        Args:
            sweep: `sweep(folder, *words)` runs the sweep in a folder.
            words: after `betafront sweep`.
            files: the text of each file that the sweep reads, by its path in the folder.
            to: an existing folder.

        Returns:
            What the sweep said when it was run. Paths in it are those of the shared folder.
        """

        def make(folder: Path) -> None:
            for path, text in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            (folder / SAID).write_text(json.dumps(asdict(sweep(folder, *words))))

        key = json.dumps([words, dict(files)])
        made = self.get(sha256(key.encode()).hexdigest()[:16], make)
        shutil.copytree(made, to, ignore=TRANSIENT, dirs_exist_ok=True)
        _move_artifacts(to / "runs" / "mlflow.db", str(made), str(to))
        return Said(**json.loads((made / SAID).read_text()))


def _move_artifacts(database: Path, old: str, new: str) -> None:
    """Have a copy of MLflow's database point to the copy of the artifacts.

    MLflow stores where artifacts are as absolute addresses.
    """
    if not database.is_file():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (old, new))
