"""The trials of a study, read and written in few statements.

Optuna's own calls ask the database anew for every parameter and attribute: 71 statements for a
trial of eight parameters, all of it time on the processor. A worker needs 20, reading included, and
two transactions that write (both as `benchmarks/storage/store.py` counts them). The statements fit
one version of Optuna's tables (`betafront.study.storage.schema`); for any other,
`betafront.study.storage.optuna_calls` does the same through Optuna.
"""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from betafront.study.storage.rows import (
    TrialReader,
    attribute_rows,
    insert,
    param_rows,
    utc,
    value_rows,
)
from betafront.study.storage.schema import (
    ADD_ATTRIBUTE,
    ALL_SETTINGS,
    CHANGE_ATTRIBUTE,
    DELETE_ATTRIBUTES,
    DELETE_PARAMS,
    DELETE_SYSTEM,
    END_TRIAL,
    HIGHEST_NUMBER,
    KEY_OF_NUMBER,
    LOCK_STUDY,
    MAKE_TRIAL,
    NEW_OR_UNFINISHED,
    PARAMS,
    RENUMBER,
    SYSTEM,
    TAKE_TRIAL,
    USER,
    VALUES,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

NUMBER = attrgetter("number")
MOST_KEYS = 500  # identifiers in one query; SQLite's limit was 999 once

IsWhole = Callable[[FrozenTrial], bool]


class SqlTrials:
    """The trials of one study.

    Args:
        reads, writes: two ways to the database; see `betafront.study.storage.opening.Storage`.
        study: its identifier there.
        is_whole: whether an unfinished trial has all of its parameters and system attributes, so
            that they need not be read again.
    """

    def __init__(self, reads: "Engine", writes: "Engine", study: int, is_whole: "IsWhole") -> None:
        self.reads = reads
        self.writes = writes
        self.is_whole = is_whole
        self._mine = {"study": study}
        self._trials: list[FrozenTrial] = []  # in the order in which they were made
        self._highest = -1  # of their numbers
        self._in_order = True  # whether that is the order of their numbers, too
        self._unfinished: dict[int, int] = {}  # identifiers of trials to their places above
        self._last = -1  # the highest identifier that was read
        self._ids: dict[int, int] = {}  # identifiers by the numbers of the trials

    def settings(self) -> dict[str, Any]:
        """The attributes of the study."""
        with self.reads.begin() as to:
            rows = to.execute(ALL_SETTINGS, self._mine).all()
        return {row.key: json.loads(row.value_json) for row in rows}

    def make(self, trial: FrozenTrial) -> None:
        """Add a trial, in one transaction."""
        with self.writes.begin() as to:
            # Numbers are given out one at a time. SQLite's transaction holds a lock already.
            to.execute(LOCK_STUDY, self._mine)
            row = {
                "number": self._next_number(to),
                "study_id": self._mine["study"],
                "state": trial.state.name,
                "datetime_start": utc(trial.datetime_start),
                "datetime_complete": utc(trial.datetime_complete),
            }
            key = to.execute(MAKE_TRIAL, row).inserted_primary_key[0]  # type: ignore[index]
            insert(to, PARAMS, key, param_rows(trial))
            insert(to, VALUES, key, value_rows(trial.values))
            for table, attrs in ((USER, trial.user_attrs), (SYSTEM, trial.system_attrs)):
                insert(to, table, key, attribute_rows(attrs))

    def _next_number(self, to: "Connection") -> int:
        found = to.execute(HIGHEST_NUMBER, self._mine | {"last": self._last}).scalar()
        return max(self._highest, -1 if found is None else found) + 1

    def renumber(self, number: int) -> None:
        """Give a trial that waits in Optuna's queue a number of its own. Optuna's numbers count the
        rows, so that after a deletion a new trial may get the number of another one."""
        with self.writes.begin() as to:
            to.execute(LOCK_STUDY, self._mine)
            to.execute(RENUMBER, self._mine | {"old": number, "number": self._next_number(to)})

    def take(self, number: int, trial: FrozenTrial) -> bool:
        """Begin a trial that waits in Optuna's queue, in one transaction.

        Args:
            number: of the trial.
            trial: what it becomes: its parameters, and attributes beside those that it has.

        Returns:
            whether it waited still.
        """
        key = self._id(number)
        start = {"state": trial.state.name, "datetime_start": utc(trial.datetime_start)}
        with self.writes.begin() as to:
            if to.execute(TAKE_TRIAL, start | {"trial": key}).rowcount == 0:
                return False
            to.execute(DELETE_PARAMS, {"trial": key})
            insert(to, PARAMS, key, param_rows(trial))
            for table, delete, attrs in (
                (USER, DELETE_ATTRIBUTES, trial.user_attrs),
                (SYSTEM, DELETE_SYSTEM, trial.system_attrs),
            ):
                to.execute(delete, {"trial": key, "keys": list(attrs)})
                insert(to, table, key, attribute_rows(attrs))
        return True

    def end(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float] | None,
        notes: Mapping[str, Any],
    ) -> None:
        """End an unfinished trial with its values and attributes, in one transaction.

        Raises:
            UpdateFinishedTrialError: it has ended before, or was deleted; nothing was written.
        """
        key = self._id(number)
        with self.writes.begin() as to:
            now = {"state": state.name, "datetime_complete": utc(datetime.now())}
            ended = to.execute(END_TRIAL, now | {"trial": key})
            if ended.rowcount == 0:
                raise UpdateFinishedTrialError(f"trial {number} has ended before")
            insert(to, VALUES, key, value_rows(values))
            if notes:
                to.execute(DELETE_ATTRIBUTES, {"trial": key, "keys": list(notes)})
                insert(to, USER, key, attribute_rows(notes))

    def note(self, number: int, name: str, value: Any) -> None:
        """Write an attribute of an unfinished trial.

        Raises:
            UpdateFinishedTrialError: it has ended, or was deleted.
        """
        row = {"trial": self._id(number), "name": name, "value_json": json.dumps(value)}
        with self.writes.begin() as to:
            # Mostly a lease, which every trial is made with: then the first statement does it.
            written = to.execute(CHANGE_ATTRIBUTE, row).rowcount
            if not (written or to.execute(ADD_ATTRIBUTE, row).rowcount):
                raise UpdateFinishedTrialError(f"trial {number} has ended")

    def trials(self) -> list[FrozenTrial]:
        """All trials in the order of their numbers. A trial that has ended is read once."""
        looked_for = {"last": self._last, "unfinished": list(self._unfinished)}
        with self.reads.begin() as to:
            rows = to.execute(NEW_OR_UNFINISHED, self._mine | looked_for).all()
            parts = [rows[at : at + MOST_KEYS] for at in range(0, len(rows), MOST_KEYS)]
            found = [trial for part in parts for trial in self._read(to, part)]
        if gone := self._unfinished.keys() - {row.trial_id for row in rows}:
            self._forget(gone)
        for row, trial in zip(rows, found, strict=True):
            place = self._unfinished.pop(row.trial_id, len(self._trials))
            before = self._trials[place : place + 1]
            if [t.number for t in before] != [trial.number]:
                self._in_order &= not before and trial.number > self._highest
                self._highest = max(self._highest, trial.number)
            self._trials[place : place + 1] = [trial]
            self._ids.setdefault(trial.number, row.trial_id)  # ours was the first of its number
            if not trial.state.is_finished():
                self._unfinished[row.trial_id] = place
            self._last = max(self._last, row.trial_id)
        return list(self._trials) if self._in_order else sorted(self._trials, key=NUMBER)

    def _forget(self, gone: Set[int]) -> None:
        """Leave out unfinished trials that were deleted from the storage, by their identifiers.
        SQLite may give the last of these to another trial."""
        places = {self._unfinished.pop(key) for key in gone}
        kept = [place for place in range(len(self._trials)) if place not in places]
        now = {place: at for at, place in enumerate(kept)}
        self._trials = [self._trials[place] for place in kept]
        self._unfinished = {key: now[place] for key, place in self._unfinished.items()}
        self._ids = {number: key for number, key in self._ids.items() if key not in gone}
        self._last = max(self._ids.values(), default=-1)

    def _read(self, to: "Connection", rows: Sequence[Any]) -> list[FrozenTrial]:
        known = {row.trial_id: self._known(row.trial_id) for row in rows}
        reader = TrialReader(to, rows, known)
        return [reader.trial(row) for row in rows]

    def _known(self, key: int) -> FrozenTrial | None:
        """An unfinished trial as it was read before, if it is whole."""
        place = self._unfinished.get(key)
        trial = None if place is None else self._trials[place]
        return trial if trial is not None and self.is_whole(trial) else None

    def _id(self, number: int) -> int:
        if number not in self._ids:
            with self.reads.begin() as to:
                found = to.execute(KEY_OF_NUMBER, self._mine | {"number": number}).scalar()
            if found is None:
                raise UpdateFinishedTrialError(f"trial {number} was deleted from the storage")
            self._ids[number] = found
        return self._ids[number]
