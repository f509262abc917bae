"""A study in its storage: few transactions per trial, and patience while the database is away."""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import text

from betafront.errors import UserError, one_line
from betafront.study.storage.errors import is_of_settings, of_driver
from betafront.study.storage.opening import Storage, load_study
from betafront.study.storage.optuna_calls import OptunaTrials
from betafront.study.storage.schema import SCHEMA
from betafront.study.storage.sql import IsWhole, SqlTrials

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, TrialState
    from sqlalchemy import Engine

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 600.0  # for a database that is away, before a worker gives up
LONGEST_PAUSE = 2.0

NOTHING: Mapping[str, Any] = {}

T = TypeVar("T")


def is_away(error: BaseException) -> bool:
    """Whether an error means that the database cannot be reached now, so that the same call may
    succeed later."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, UserError) and error.__cause__ is not None:  # raised by `open_storage`
        error = error.__cause__
    name = getattr(of_driver(error), "sqlite_errorname", None)
    if name is not None:  # of SQLite: waiting mends neither a full disk nor a damaged file
        return str(name).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    away = isinstance(error, StorageInternalError | OperationalError | InterfaceError)
    return away and not is_of_settings(error)


def with_patience(call: Callable[[], T]) -> T:
    """What `call` returns; while the database is away it is called again, for at most
    PATIENCE_SECONDS."""
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

    A trial costs two transactions: one makes the trial with its parameters and its lease, one ends
    it with its values and its record.

    Args:
        storage: where the study is.
        name: of the study.
        is_whole: whether an unfinished trial has all of its parameters and system attributes
            already, so that they need not be read again; by default they are read again.

    Raises:
        UserError: there is no such study.
    """

    def __init__(
        self, storage: Storage, name: str, is_whole: IsWhole = lambda trial: False
    ) -> None:
        self.study = load_study(storage, name)
        self._writes = storage.writes
        self._id = self._writes.get_study_id_from_name(name)
        self._trials: SqlTrials | OptunaTrials
        if schema(storage.reads.engine) == SCHEMA:
            self._trials = SqlTrials(
                storage.reads.engine, storage.writes.engine, self._id, is_whole
            )
        else:
            self._trials = OptunaTrials(self.study, self._writes, self._id)

    def trials(self) -> "list[FrozenTrial]":
        """All trials, in the order of their numbers. Trials that have ended are kept in memory."""
        return with_patience(self._trials.trials)

    def settings(self) -> dict[str, Any]:
        """The user attributes of the study."""
        return with_patience(self._trials.settings)

    def set(self, key: str, value: Any) -> None:
        """Write a user attribute of the study."""
        with_patience(lambda: self._writes.set_study_user_attr(self._id, key, value))

    def make(self, trial: "FrozenTrial") -> None:
        """Add a trial, in one transaction.

        It is not tried again where the database is away: the trial may have been added, and only
        the answer lost. Whether it was, the trials show.
        """
        self._trials.make(trial)

    def take(self, number: int, trial: "FrozenTrial") -> None:
        """Begin a trial that another program has put into Optuna's queue, unless another worker
        was first. As `make` it is not tried again, since the trials show what came of it.

        Args:
            number: of the trial.
            trial: what it becomes.
        """
        self._trials.take(number, trial)

    def renumber(self, number: int) -> None:
        """Give the trial of this number that waits in Optuna's queue a number of its own."""
        with_patience(lambda: self._trials.renumber(number))

    def note(self, number: int, key: str, value: Any) -> None:
        """Write a user attribute of an unfinished trial.

        It is not tried again where the database is away: a lease, which says until when it holds,
        would be out of date.

        Raises:
            UpdateFinishedTrialError: it has ended, or was deleted.
        """
        self._trials.note(number, key, value)

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
            state: in which it ends.
            values: of the objectives, if it is complete.
            notes: user attributes that are written in the same transaction.

        Raises:
            UpdateFinishedTrialError: it has ended before, or was deleted.
        """
        with_patience(lambda: self._trials.end(number, state, values, notes))


def schema(engine: "Engine") -> int | None:
    """The version of Optuna's tables."""
    with engine.begin() as to:
        return to.execute(text("SELECT schema_version FROM version_info")).scalar()
