"""A trial as rows of Optuna's tables, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState

from betafront.study.storage.schema import INFINITE, PARAMS, READ, SYSTEM, USER, VALUES, WRITE

if TYPE_CHECKING:
    from sqlalchemy import Connection


class TrialReader:
    """Reads what belongs to some trials from all tables, and puts the trials together.

    Args:
        to: the database.
        rows: of the table of trials.
        known: by the identifiers of the trials: the trial as it was read before, of which the
            parameters and system attributes are kept; None where they are to be read.
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
        """The trial of one of the rows."""
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


def _read(to: "Connection", table: sa.Table, keys: list[int]) -> dict[int, list[Any]]:
    """The rows of a table that belong to these trials, without the trial's identifier."""
    found: dict[int, list[Any]] = {}
    if keys:
        for key, *row in to.execute(READ[table], {"trials": keys}).all():
            found.setdefault(key, []).append(row)
    return found


def _read_attrs(to: "Connection", table: sa.Table, keys: list[int]) -> dict[int, dict[str, Any]]:
    """The attributes of these trials."""
    found: dict[int, dict[str, Any]] = {}
    rows = to.execute(READ[table], {"trials": keys}).all() if keys else []
    # All in one call: a parser keeps one copy of each name that it meets. With a call per trial the
    # names of thousands of trials would take more memory than their values.
    values = json.loads(f"[{','.join(written for _, _, written in rows)}]")
    for (key, name, _), value in zip(rows, values, strict=True):
        found.setdefault(key, {})[intern(name)] = value
    return found


def insert(to: "Connection", table: sa.Table, trial: int, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows that belong to a trial.

    Args:
        to: the database.
        table: one of those in WRITE.
        trial: its identifier.
        rows: without the identifier.
    """
    rows = [{"trial_id": trial} | row for row in rows]
    if rows:
        to.execute(WRITE[table], rows)


@lru_cache(maxsize=1000)
def _distributions(*written: tuple[str, str]) -> dict[str, BaseDistribution]:
    """The distributions of a trial's parameters; the same objects for all trials with the same
    distributions."""
    return {intern(name): json_to_distribution(as_json) for name, as_json in written}


def param_rows(trial: FrozenTrial) -> Iterable[dict[str, Any]]:
    """Of a trial's parameters."""
    for name, value in trial.params.items():
        d = trial.distributions[name]
        yield {
            "param_name": name,
            "param_value": d.to_internal_repr(value),
            "distribution_json": distribution_to_json(d),
        }


def value_rows(values: Sequence[float] | None) -> Iterable[dict[str, Any]]:
    """Of a trial's objectives."""
    names = {value: name for name, value in INFINITE.items()}
    for objective, value in enumerate(values or ()):
        kind = names.get(value, "FINITE")
        kept = value if kind == "FINITE" else None
        yield {"objective": objective, "value": kept, "value_type": kind}


def attribute_rows(attrs: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Of a trial's attributes."""
    return ({"key": key, "value_json": json.dumps(value)} for key, value in attrs.items())


def utc(local: datetime | None) -> datetime | None:
    """A time as Optuna stores it: in UTC, without a time zone."""
    return None if local is None else local.astimezone(UTC).replace(tzinfo=None)


def _local(utc: datetime | None) -> datetime | None:
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
