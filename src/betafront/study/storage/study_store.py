"""One study in a storage: few transactions per trial, and patience while the database is away."""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import text

from betafront.errors import UserError, one_line
from betafront.study.storage.errors import is_of_settings, of_driver
from betafront.study.storage.opening import Storage, load_study
from betafront.study.storage.optuna_calls import Calls
from betafront.study.storage.sql import SCHEMA, Rows

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, TrialState
    from sqlalchemy import Engine

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 600.0  # for a database that is away, before a worker gives up
LONGEST_PAUSE = 2.0

NOTHING: Mapping[str, Any] = {}

T = TypeVar("T")


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database cannot be reached now, rather than that what was
    asked of it is wrong."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, UserError) and error.__cause__ is not None:  # it was being opened
        error = error.__cause__
    name = getattr(of_driver(error), "sqlite_errorname", None)
    if name is not None:  # waiting mends no full disk and no broken file
        return str(name).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    away = isinstance(error, StorageInternalError | OperationalError | InterfaceError)
    return away and not is_of_settings(error)


def again(call: Callable[[], T]) -> T:
    """What `call` returns, called again for ten minutes while the database is away."""
    started, pause = time.monotonic(), 0.1
    while True:
        try:
            return call()
        except Exception as error:
            if not is_away(error) or time.monotonic() - started > PATIENCE_SECONDS:
                raise
            if pause == 0.1:
                log.warning("the storage does not answer, waiting for it: %s",
                            one_line(error.__cause__ or error)[:200])  # fmt: skip
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, LONGEST_PAUSE)


class Store:
    """A study as workers see it.

    A trial costs two transactions: one makes it with all its parameters and its lease, one ends it
    with its values and its record.

    Args:
        storage: where the study is.
        name: of the study.

    Raises:
        UserError: there is no such study.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self.study = load_study(storage, name)
        self._writes = storage.writes
        self._id = self._writes.get_study_id_from_name(name)
        self._rows: Rows | Calls
        if schema(storage.reads.engine) == SCHEMA:
            self._rows = Rows(storage.reads.engine, storage.writes.engine, self._id)
        else:
            self._rows = Calls(self.study, self._writes, self._id)

    def trials(self) -> "list[FrozenTrial]":
        """All trials, in order of their numbers; finished ones are kept in memory."""
        return again(self._rows.trials)

    def settings(self) -> dict[str, Any]:
        """What is kept of the study itself."""
        return again(self._rows.settings)

    def set(self, key: str, value: Any) -> None:
        """Keep something of the study itself."""
        again(lambda: self._writes.set_study_user_attr(self._id, key, value))

    def make(self, trial: "FrozenTrial") -> None:
        """Add a trial, whole or not at all.

        It is not tried again where the database went away: it may have been added and the answer
        lost. Read the trials to know.
        """
        self._rows.make(trial)

    def note(self, number: int, key: str, value: Any) -> None:
        """Write an attribute of an unfinished trial.

        It is not tried again where the database is away: what says when it was written, as a lease
        does, would be out of date.

        Raises:
            UpdateFinishedTrialError: it has ended.
        """
        self._rows.note(number, key, value)

    def end(
        self,
        number: int,
        state: "TrialState",
        values: Sequence[float] | None = None,
        notes: Mapping[str, Any] = NOTHING,
    ) -> None:
        """End an unfinished trial.

        Args:
            number: of the trial.
            state: that it ends in.
            values: of the objectives, if it is complete.
            notes: attributes that are written with its end.

        Raises:
            UpdateFinishedTrialError: it has ended before.
        """
        again(lambda: self._rows.end(number, state, values, notes))


def schema(engine: "Engine") -> int | None:
    """The version of Optuna's tables."""
    with engine.begin() as to:
        return to.execute(text("SELECT schema_version FROM version_info")).scalar()
