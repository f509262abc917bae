"""Which trials of a study are ours: plain Optuna, its dashboard and its command line write into the
same study.

A trial of ours is made with a lease by the worker that trains it, and is complete with a record of
its runs. Other programs may keep anything under these names, so that their shape is looked at, too.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from betafront.study.trials.lease import has_lease

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# User attributes of a trial.
RECORD = "record"  # of its runs (`betafront.study.trials.replicates.Record`)
IMPORTED = "imported"  # copied by an earlier version, for the sampler to learn from
ORIGIN = "origin"  # why it was made (`betafront.study.trials.origin.Origin`); a plain draw has none

OF_OTHER_RUNS = ("before", "tops")
"""What an origin holds where the record may name the folder of another trial's run: of an earlier
attempt, or of the trial to which replicates were added."""


def is_ours(trial: "FrozenTrial") -> bool:
    """Whether a worker of ours has made a trial, or has taken it from Optuna's queue."""
    return has_lease(trial) or has_record(trial) or is_imported(trial)


def has_record(trial: "FrozenTrial") -> bool:
    """Whether a trial has a record of its own. One that another program has told has none, and one
    that was copied from another study has a record of that study's runs: the folder which it names
    is another trial's here."""
    record = _mapping(trial, RECORD)
    if record is None or not {"metrics", "scale", "folder"} <= record.keys():
        return False
    why = _mapping(trial, ORIGIN) or {}
    own = record["folder"] == trial_folder(trial.number)
    return own or any(key in why for key in OF_OTHER_RUNS)


def is_imported(trial: "FrozenTrial") -> bool:
    """Whether an earlier version has copied a trial from another study."""
    return "study" in (_mapping(trial, IMPORTED) or {})


def _mapping(trial: "FrozenTrial", key: str) -> Mapping[str, Any] | None:
    found = trial.user_attrs.get(key)
    return found if isinstance(found, Mapping) else None


def trial_folder(number: int) -> str:
    """The name of a trial's folder."""
    return f"trial-{number:04d}"
