"""The rows of trials, written and read in few statements.

Optuna's own calls ask the database anew for every parameter and attribute: 71 statements for a
trial of eight parameters, all of it time on the processor. A worker makes do with 20, reading
included, and two transactions that write (both as `benchmarks/storage/store.py` counts them). They
know one schema, that of Optuna 3 to 5; for any other, `betafront.study.storage.optuna_calls` does
the same through Optuna.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from betafront.study.trials.lease import LEASE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")

SCHEMA = 12
MOST_KEYS = 500  # of one query; SQLite's limit was 999 once

_states = sa.Enum(*(state.name for state in TrialState), name="trialstate")
_kinds = sa.Enum("FINITE", "INF_POS", "INF_NEG", name="trialvaluetype")
_all = sa.MetaData()
STUDIES = sa.Table("studies", _all, sa.Column("study_id", sa.Integer, primary_key=True))
TRIALS = sa.Table(
    "trials",
    _all,
    sa.Column("trial_id", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer),
    sa.Column("study_id", sa.Integer),
    sa.Column("state", _states),
    sa.Column("datetime_start", sa.DateTime),
    sa.Column("datetime_complete", sa.DateTime),
)
PARAMS = sa.Table(
    "trial_params",
    _all,
    sa.Column("param_id", sa.Integer, primary_key=True),
    sa.Column("trial_id", sa.Integer),
    sa.Column("param_name", sa.String),
    sa.Column("param_value", sa.Float(precision=53)),
    sa.Column("distribution_json", sa.Text),
)
VALUES = sa.Table(
    "trial_values",
    _all,
    sa.Column("trial_value_id", sa.Integer, primary_key=True),
    sa.Column("trial_id", sa.Integer),
    sa.Column("objective", sa.Integer),
    sa.Column("value", sa.Float(precision=53)),
    sa.Column("value_type", _kinds),
)


def _attributes(kind: str, owner: str) -> sa.Table:
    return sa.Table(
        f"{kind}_attributes",
        _all,
        sa.Column(f"{kind}_attribute_id", sa.Integer, primary_key=True),
        sa.Column(owner, sa.Integer),
        sa.Column("key", sa.String),
        sa.Column("value_json", sa.Text),
    )


SETTINGS = _attributes("study_user", "study_id")
USER, SYSTEM = _attributes("trial_user", "trial_id"), _attributes("trial_system", "trial_id")
INFINITE = {"INF_POS": float("inf"), "INF_NEG": float("-inf")}


def _of(table: sa.Table) -> sa.Select[Any]:
    """The rows of a table that belong to some trials, in the order in which they were written."""
    key, *columns = table.c
    mine = table.c.trial_id.in_(sa.bindparam("trials", expanding=True))
    return sa.select(*columns).where(mine).order_by(key)


# Made once: to put a statement together takes as long as to execute it.
_STUDY: sa.BindParameter[int] = sa.bindparam("study")
_ALL_SETTINGS = sa.select(SETTINGS.c.key, SETTINGS.c.value_json).where(
    SETTINGS.c.study_id == _STUDY
)
_NEWS = (
    sa.select(TRIALS)
    .where(
        TRIALS.c.study_id == _STUDY,
        (TRIALS.c.trial_id > sa.bindparam("last"))
        | TRIALS.c.trial_id.in_(sa.bindparam("unfinished", expanding=True)),
    )
    .order_by(TRIALS.c.trial_id)
)
_NUMBERED = sa.select(TRIALS.c.trial_id).where(
    TRIALS.c.study_id == _STUDY, TRIALS.c.number == sa.bindparam("number")
)
_LOCK = sa.select(STUDIES.c.study_id).where(STUDIES.c.study_id == _STUDY).with_for_update()
# Of the trials since the last that was seen: to count all of them takes as long as there are many,
# and every worker waits.
_NEWEST = (
    sa.select(TRIALS.c.number)
    .where(TRIALS.c.study_id == _STUDY, TRIALS.c.trial_id >= sa.bindparam("last"))
    .order_by(TRIALS.c.trial_id.desc())
    .limit(1)
)
_MAKE = sa.insert(TRIALS)
_IS_OPEN = (TRIALS.c.trial_id == sa.bindparam("trial")) & TRIALS.c.state.in_(["RUNNING", "WAITING"])
_END = sa.update(TRIALS).where(_IS_OPEN)
_RENEW = sa.update(USER).where(
    USER.c.trial_id == sa.bindparam("trial"),
    USER.c.key == sa.bindparam("name"),
    sa.exists().where(_IS_OPEN),
)
_ADD = (
    sa.insert(USER)
    .from_select(
        ["trial_id", "key", "value_json"],
        sa.select(
            TRIALS.c.trial_id,
            sa.bindparam("name", type_=sa.String),
            sa.bindparam("value_json", type_=sa.Text),
        ).where(_IS_OPEN),
    )
    .execution_options(preserve_rowcount=True)  # which is unknown after an INSERT otherwise
)
_FORGET = sa.delete(USER).where(
    USER.c.trial_id == sa.bindparam("trial"),
    USER.c.key.in_(sa.bindparam("keys", expanding=True)),
)
_READ = {table: _of(table) for table in (PARAMS, VALUES, USER, SYSTEM)}
_WRITE = {table: sa.insert(table) for table in (PARAMS, VALUES, USER, SYSTEM)}


class Rows:
    """The trials of one study.

    Args:
        reads, writes: two ways to the database; see `betafront.study.storage.opening.Storage`.
        study: its identifier there.
    """

    def __init__(self, reads: "Engine", writes: "Engine", study: int) -> None:
        self.reads = reads
        self.writes = writes
        self._mine = {"study": study}
        self._trials: list[FrozenTrial] = []  # as they were made
        self._unfinished: dict[int, int] = {}  # identifiers to their places above
        self._last = -1
        self._ids: dict[int, int] = {}  # by number

    def settings(self) -> dict[str, Any]:
        """The attributes of the study."""
        with self.reads.begin() as to:
            rows = to.execute(_ALL_SETTINGS, self._mine).all()
        return {row.key: json.loads(row.value_json) for row in rows}

    def make(self, trial: FrozenTrial) -> None:
        """Add a trial, in one transaction."""
        with self.writes.begin() as to:
            # Numbers are given out one at a time; SQLite's transaction has the lock already.
            to.execute(_LOCK, self._mine)
            newest = to.execute(_NEWEST, self._mine | {"last": self._last}).scalar()
            row = {
                "number": 0 if newest is None else newest + 1,
                "study_id": self._mine["study"],
                "state": trial.state.name,
                "datetime_start": _utc(trial.datetime_start),
                "datetime_complete": _utc(trial.datetime_complete),
            }
            key = to.execute(_MAKE, row).inserted_primary_key[0]  # type: ignore[index]
            _insert(to, PARAMS, [{"trial_id": key} | p for p in _params(trial)])
            _insert(to, VALUES, [{"trial_id": key} | v for v in _values(trial.values)])
            for table, attrs in ((USER, trial.user_attrs), (SYSTEM, trial.system_attrs)):
                _insert(to, table, [{"trial_id": key} | a for a in _attrs(attrs)])

    def end(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float] | None,
        notes: Mapping[str, Any],
    ) -> None:
        """End an unfinished trial with its values and attributes, in one transaction.

        Raises:
            UpdateFinishedTrialError: it has ended before; nothing was written.
        """
        key = self._id(number)
        with self.writes.begin() as to:
            now = {"state": state.name, "datetime_complete": _utc(datetime.now())}
            ended = to.execute(_END, now | {"trial": key})
            if ended.rowcount == 0:
                raise UpdateFinishedTrialError(f"trial {number} has ended before")
            _insert(to, VALUES, [{"trial_id": key} | v for v in _values(values)])
            if notes:
                to.execute(_FORGET, {"trial": key, "keys": list(notes)})
                _insert(to, USER, [{"trial_id": key} | a for a in _attrs(notes)])

    def note(self, number: int, name: str, value: Any) -> None:
        """Write an attribute of an unfinished trial.

        Raises:
            UpdateFinishedTrialError: it has ended.
        """
        row = {"trial": self._id(number), "name": name, "value_json": json.dumps(value)}
        with self.writes.begin() as to:
            # A lease is there from the beginning, so the first statement is mostly all.
            if not (to.execute(_RENEW, row).rowcount or to.execute(_ADD, row).rowcount):
                raise UpdateFinishedTrialError(f"trial {number} has ended")

    def trials(self) -> list[FrozenTrial]:
        """All trials in order of their numbers; what has ended is read once."""
        looked_for = {"last": self._last, "unfinished": list(self._unfinished)}
        with self.reads.begin() as to:
            rows = to.execute(_NEWS, self._mine | looked_for).all()
            found = [trial for some in _portions(rows) for trial in self._read(to, some)]
        for row, trial in zip(rows, found, strict=True):
            place = self._unfinished.pop(row.trial_id, len(self._trials))
            self._trials[place : place + 1] = [trial]
            self._ids[trial.number] = row.trial_id
            if not trial.state.is_finished():
                self._unfinished[row.trial_id] = place
            self._last = max(self._last, row.trial_id)
        return list(self._trials)

    def _read(self, to: "Connection", rows: Sequence[Any]) -> list[FrozenTrial]:
        known = {row.trial_id: self._whole(row.trial_id) for row in rows}
        parts = _Parts(to, rows, known)
        return [parts.trial(row) for row in rows]

    def _whole(self, key: int) -> FrozenTrial | None:
        """An unfinished trial as it was read before, unless it may lack parameters still: those of
        ours are made at once, and with their lease; other programs add one after the other."""
        place = self._unfinished.get(key)
        trial = None if place is None else self._trials[place]
        return trial if trial is not None and LEASE in trial.user_attrs else None

    def _id(self, number: int) -> int:
        if number not in self._ids:
            with self.reads.begin() as to:
                found = to.execute(_NUMBERED, self._mine | {"number": number})
                self._ids[number] = found.scalar_one()
        return self._ids[number]


class _Parts:
    """What belongs to some trials, by their identifiers.

    Args:
        to: the database.
        rows: of the trials.
        known: those of them whose parameters and system attributes were read before.
    """

    def __init__(
        self, to: "Connection", rows: Sequence[Any], known: Mapping[int, FrozenTrial | None]
    ) -> None:
        keys = [row.trial_id for row in rows]
        new = [key for key in keys if known[key] is None]
        self.known = known
        self.params = _read(to, PARAMS, new)
        self.values = _read(to, VALUES, [row.trial_id for row in rows if row.state == "COMPLETE"])
        self.user = _read_attrs(to, USER, keys)
        self.system = _read_attrs(to, SYSTEM, new)

    def trial(self, row: Any) -> FrozenTrial:
        key = row.trial_id
        known = self.known[key]
        if known is None:
            stored = self.params.get(key, [])
            of = _distributions(*((name, written) for name, _, written in stored))
            pairs = zip(of.items(), stored, strict=True)
            params = {name: d.to_external_repr(value) for (name, d), (_, value, _) in pairs}
        else:
            params, of = known.params, known.distributions
        return FrozenTrial(
            number=row.number,
            state=TrialState[row.state],
            value=None,
            values=[INFINITE.get(kind, v) for _, v, kind in sorted(self.values.get(key, []))]
            or None,
            datetime_start=_local(row.datetime_start),
            datetime_complete=_local(row.datetime_complete),
            params=params,
            distributions=of,
            user_attrs=self.user.get(key, {}),
            system_attrs=known.system_attrs if known else self.system.get(key, {}),
            intermediate_values={},
            trial_id=key,
        )


def _portions(all_: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(all_), MOST_KEYS):
        yield all_[first : first + MOST_KEYS]


def _read(to: "Connection", table: sa.Table, keys: list[int]) -> dict[int, list[Any]]:
    """The rows of a table that belong to these trials, without the trial's identifier."""
    found: dict[int, list[Any]] = {}
    if keys:
        for key, *row in to.execute(_READ[table], {"trials": keys}).all():
            found.setdefault(key, []).append(row)
    return found


def _read_attrs(to: "Connection", table: sa.Table, keys: list[int]) -> dict[int, dict[str, Any]]:
    """The attributes of these trials."""
    found: dict[int, dict[str, Any]] = {}
    rows = to.execute(_READ[table], {"trials": keys}).all() if keys else []
    # All at once: a parser keeps each name that it meets once, and of thousands of trials the
    # names would take more memory than what they name.
    values = json.loads(f"[{','.join(written for _, _, written in rows)}]")
    for (key, name, _), value in zip(rows, values, strict=True):
        found.setdefault(key, {})[intern(name)] = value
    return found


def _insert(to: "Connection", table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        to.execute(_WRITE[table], rows)


@lru_cache(maxsize=1000)
def _distributions(*written: tuple[str, str]) -> dict[str, BaseDistribution]:
    """Of the parameters of a trial; one for all trials that have the same."""
    return {intern(name): json_to_distribution(as_json) for name, as_json in written}


def _params(trial: FrozenTrial) -> Iterable[dict[str, Any]]:
    for name, value in trial.params.items():
        d = trial.distributions[name]
        yield {
            "param_name": name,
            "param_value": d.to_internal_repr(value),
            "distribution_json": distribution_to_json(d),
        }


def _values(values: Sequence[float] | None) -> Iterable[dict[str, Any]]:
    names = {value: name for name, value in INFINITE.items()}
    for objective, value in enumerate(values or ()):
        kind = names.get(value, "FINITE")
        kept = value if kind == "FINITE" else None
        yield {"objective": objective, "value": kept, "value_type": kind}


def _attrs(attrs: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return ({"key": key, "value_json": json.dumps(value)} for key, value in attrs.items())


def _utc(local: datetime | None) -> datetime | None:
    """As Optuna stores a time: in UTC, without saying so."""
    return None if local is None else local.astimezone(UTC).replace(tzinfo=None)


def _local(utc: datetime | None) -> datetime | None:
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
