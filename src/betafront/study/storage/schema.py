"""The tables that Optuna 3 to 5 make, and the statements with which trials are read and written.

Each statement is put together once, here: to do so takes as long as to execute it.
"""

from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState

SCHEMA = 12
"""The version of Optuna's tables that is known here."""

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


# Parameters: `study`, and those of each statement.
_STUDY: sa.BindParameter[int] = sa.bindparam("study")
ALL_SETTINGS = sa.select(SETTINGS.c.key, SETTINGS.c.value_json).where(SETTINGS.c.study_id == _STUDY)
NEW_OR_UNFINISHED = (
    sa.select(TRIALS)
    .where(
        TRIALS.c.study_id == _STUDY,
        (TRIALS.c.trial_id > sa.bindparam("last"))
        | TRIALS.c.trial_id.in_(sa.bindparam("unfinished", expanding=True)),
    )
    .order_by(TRIALS.c.trial_id)
)
KEY_OF_NUMBER = (
    sa.select(TRIALS.c.trial_id)
    .where(TRIALS.c.study_id == _STUDY, TRIALS.c.number == sa.bindparam("number"))
    .order_by(TRIALS.c.trial_id)
    .limit(1)
)
LOCK_STUDY = sa.select(STUDIES.c.study_id).where(STUDIES.c.study_id == _STUDY).with_for_update()
# It looks only at trials from the last known one on: to look at all would hold the lock for longer
# the more there are.
HIGHEST_NUMBER = sa.select(sa.func.max(TRIALS.c.number)).where(
    TRIALS.c.study_id == _STUDY, TRIALS.c.trial_id >= sa.bindparam("last")
)
MAKE_TRIAL = sa.insert(TRIALS)
_IS_OPEN = (TRIALS.c.trial_id == sa.bindparam("trial")) & TRIALS.c.state.in_(["RUNNING", "WAITING"])
END_TRIAL = sa.update(TRIALS).where(_IS_OPEN)
TAKE_TRIAL = sa.update(TRIALS).where(
    TRIALS.c.trial_id == sa.bindparam("trial"), TRIALS.c.state == "WAITING"
)
RENUMBER = sa.update(TRIALS).where(
    TRIALS.c.study_id == _STUDY,
    TRIALS.c.number == sa.bindparam("old"),
    TRIALS.c.state == "WAITING",
)
CHANGE_ATTRIBUTE = sa.update(USER).where(
    USER.c.trial_id == sa.bindparam("trial"),
    USER.c.key == sa.bindparam("name"),
    sa.exists().where(_IS_OPEN),
)
ADD_ATTRIBUTE = (
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
DELETE_PARAMS = sa.delete(PARAMS).where(PARAMS.c.trial_id == sa.bindparam("trial"))
DELETE_ATTRIBUTES, DELETE_SYSTEM = (
    sa.delete(table).where(
        table.c.trial_id == sa.bindparam("trial"),
        table.c.key.in_(sa.bindparam("keys", expanding=True)),
    )
    for table in (USER, SYSTEM)
)
READ = {table: _of(table) for table in (PARAMS, VALUES, USER, SYSTEM)}
WRITE = {table: sa.insert(table) for table in (PARAMS, VALUES, USER, SYSTEM)}
