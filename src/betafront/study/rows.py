"""The rows of trials, written and read in few statements.

Optuna's own calls ask the database anew for every parameter and attribute: 71 statements for a
trial of eight parameters, all of it time on the processor. A worker makes do with 20, reading
included, and two transactions that write (both as `benchmarks/store.py` counts them). They know one
schema, that of Optuna 3 to 5; for any other, `betafront.study.calls` does the same through Optuna.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

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
    mine = table.c.trial_id.in_(sa.bindparam("trials", expanding=True))
    return sa.select(table).where(mine).order_by(table.primary_key.columns[0])


# Made once: to put a statement together takes as long as to execute it.
_STUDY: sa.BindParameter[int] = sa.bindparam("study")
_ALL_SETTINGS = sa.select(SETTINGS.c.key, SETTINGS.c.value_json).where(
    SETTINGS.c.study_id == _STUDY
)
_NEWS = sa.select(TRIALS).where(
    TRIALS.c.study_id == _STUDY,
    (TRIALS.c.trial_id > sa.bindparam("last"))
    | TRIALS.c.trial_id.in_(sa.bindparam("unfinished", expanding=True)),
)
_NUMBERED = sa.select(TRIALS.c.trial_id).where(
    TRIALS.c.study_id == _STUDY, TRIALS.c.number == sa.bindparam("number")
)
_LOCK = sa.select(STUDIES.c.study_id).where(STUDIES.c.study_id == _STUDY).with_for_update()
_COUNT = sa.select(sa.func.count()).where(TRIALS.c.study_id == _STUDY)
_MAKE = sa.insert(TRIALS)
_END = sa.update(TRIALS).where(
    TRIALS.c.trial_id == sa.bindparam("trial"), TRIALS.c.state.in_(["RUNNING", "WAITING"])
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
        reads, writes: two ways to the database; see `betafront.study.storage.Storage`.
        study: its identifier there.
    """

    def __init__(self, reads: "Engine", writes: "Engine", study: int) -> None:
        self.reads = reads
        self.writes = writes
        self._mine = {"study": study}
        self._known: dict[int, FrozenTrial] = {}  # by identifier
        self._unfinished: set[int] = set()
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
            row = {
                "number": to.execute(_COUNT, self._mine).scalar_one(),
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

    def trials(self) -> list[FrozenTrial]:
        """All trials in order of their numbers; what has ended is read once."""
        looked_for = {"last": self._last, "unfinished": sorted(self._unfinished)}
        with self.reads.begin() as to:
            rows = to.execute(_NEWS, self._mine | looked_for).all()
            parts = _Parts(to, rows)
        for row, trial in [(row, parts.trial(row)) for row in rows]:
            self._known[row.trial_id] = trial
            self._ids[trial.number] = row.trial_id
            if trial.state.is_finished():
                self._unfinished.discard(row.trial_id)
            else:
                self._unfinished.add(row.trial_id)
            self._last = max(self._last, row.trial_id)
        return [self._known[key] for key in sorted(self._known)]

    def _id(self, number: int) -> int:
        if number not in self._ids:
            with self.reads.begin() as to:
                found = to.execute(_NUMBERED, self._mine | {"number": number})
                self._ids[number] = found.scalar_one()
        return self._ids[number]


class _Parts:
    """What belongs to some trials, by their identifiers."""

    def __init__(self, to: "Connection", rows: Sequence[Any]) -> None:
        keys = [row.trial_id for row in rows]
        self.params = _read(to, PARAMS, keys)
        self.values = _read(to, VALUES, [row.trial_id for row in rows if row.state == "COMPLETE"])
        self.user = _read(to, USER, keys)
        self.system = _read(to, SYSTEM, keys)

    def trial(self, row: Any) -> FrozenTrial:
        key = row.trial_id
        of = {
            p.param_name: (_distribution(p.distribution_json), p.param_value)
            for p in self.params.get(key, [])
        }
        stored = sorted(self.values.get(key, []), key=lambda v: v.objective)
        return FrozenTrial(
            number=row.number,
            state=TrialState[row.state],
            value=None,
            values=[INFINITE.get(v.value_type, v.value) for v in stored] or None,
            datetime_start=_local(row.datetime_start),
            datetime_complete=_local(row.datetime_complete),
            params={name: d.to_external_repr(value) for name, (d, value) in of.items()},
            distributions={name: d for name, (d, _) in of.items()},
            user_attrs={a.key: json.loads(a.value_json) for a in self.user.get(key, [])},
            system_attrs={a.key: json.loads(a.value_json) for a in self.system.get(key, [])},
            intermediate_values={},
            trial_id=key,
        )


def _read(to: "Connection", table: sa.Table, keys: list[int]) -> dict[int, list[Any]]:
    """The rows of a table that belong to these trials."""
    found: dict[int, list[Any]] = {}
    for first in range(0, len(keys), MOST_KEYS):
        for row in to.execute(_READ[table], {"trials": keys[first : first + MOST_KEYS]}):
            found.setdefault(row.trial_id, []).append(row)
    return found


def _insert(to: "Connection", table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        to.execute(_WRITE[table], rows)


@lru_cache(maxsize=1000)
def _distribution(written: str) -> BaseDistribution:
    return json_to_distribution(written)


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
