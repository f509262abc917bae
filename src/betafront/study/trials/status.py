"""What has become of a trial: one enum, and one function that every reader of a study uses, so that
the counts, the budget and the front cannot contradict one another.

Optuna's storage knows whether a trial is waiting, running, complete or failed. What that means for
the study follows from the trial's user attributes: whether it is ours, its origin, the reason of
its failure, whether its worker let go of it, and whether an earlier version had copied it from
another study (a trial that is taken from another study now is complete like any other).
"""

import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from betafront.study.trials.lease import is_lost
from betafront.study.trials.origin import origin
from betafront.study.trials.ours import ORIGIN, has_record, is_imported, is_ours

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# User attributes of a trial.
REASON = "reason"  # why it failed; a lost trial has none
RELEASED = "released"  # its worker let go of it, so that another worker goes on with it

OVER_BUDGET = "given back: the budget was full"
TAKEN = "given back: another worker had it"
GIVEN_BACK = {OVER_BUDGET, TAKEN}
STALE = "stale: its worker was lost"
BY_ANOTHER = "pruned: by another program"
REFUSED = "refused"  # the kind of the reason why a point of another program was not trained

WORDS = ("complete", "failed", "running", "lost")
"""How tables and `betafront status` call the trials that they count, in this order."""
IF_ANY = ("pruned",)
"""How they call those that they count and name where there are any."""
OF_OTHERS = ("waiting", "refused", "foreign")
"""How they call what other programs have put into the study, which is named where there is any."""


class Status(Enum):
    """What has become of a trial. A trial is an attempt at a point of the space, or adds replicates
    to a trial that is complete already, or is a run that confirms the decision; the latter two take
    no budget and no row of their own.

    Attributes:
        word: one of WORDS, IF_ANY or OF_OTHERS; empty where tables leave the trial out.
        counts: whether the trial takes a place of the budget. Once a trial does not count, it never
            counts again.
        again: whether the work of the trial is to be done again by another trial.
    """

    #               what it means                                      word        counts  again
    WAITING = ("put into Optuna's queue by another program, to be run", "waiting", True, False)
    REFUSED = ("was put into that queue, and is no point of the space", "refused", False, False)
    FOREIGN = ("run or told by another program", "foreign", False, False)
    RUNNING = ("being trained, or its worker is not known to be lost", "running", True, False)
    ABANDONED = ("running in the storage, but its worker is lost", "lost", True, False)
    COMPLETE = ("has a record of its runs", "complete", True, False)
    FAILED = ("ended without a result, for good", "failed", True, False)
    PRUNED = ("stopped for good before its last step", "pruned", True, False)
    LOST = ("ended because its worker was lost or let go of it", "lost", False, True)
    GIVEN_BACK = ("ended before its training began", "", False, False)
    IMPORTED = ("copied from another study by an earlier version", "", False, False)
    ADDING = ("running, adds replicates", "running", False, False)
    ADDED = ("has added replicates", "", False, False)
    NOT_ADDED = ("failed to add replicates, for good", "", False, False)
    LOST_ADDING = ("lost while it added replicates", "", False, True)
    CONFIRMING = ("running, to confirm the decision", "running", False, False)
    CONFIRMS = ("has a result that confirms the decision, or does not", "", False, False)
    NOT_CONFIRMS = ("failed to confirm the decision, for good", "", False, False)
    LOST_CONFIRMING = ("lost while it was to confirm the decision", "", False, True)

    def __init__(self, meaning: str, word: str, counts: bool, again: bool) -> None:
        self.meaning = meaning
        self.word = word
        self.counts = counts
        self.again = again

    @property
    def runs(self) -> bool:
        """Whether a worker trains it."""
        return self in (Status.RUNNING, Status.ADDING, Status.CONFIRMING)

    @property
    def failed(self) -> bool:
        """Whether it ended without a result, for good."""
        return self in (Status.FAILED, Status.NOT_ADDED, Status.NOT_CONFIRMS)

    @property
    def works(self) -> bool:
        """Whether the trial does, or has done, what its origin says."""
        return self not in (Status.GIVEN_BACK, Status.REFUSED, Status.FOREIGN)

    @property
    def is_news(self) -> bool:
        """Whether the user of a running sweep is told: the trial has been trained, and has ended or
        lost its worker, or it was refused."""
        ended = (Status.COMPLETE, Status.PRUNED, Status.ADDED, Status.CONFIRMS, Status.REFUSED)
        return self.failed or self.again or self in ended

    @property
    def of_confirmation(self) -> bool:
        """Whether it is a run that confirms the decision."""
        return self in OF_CONFIRMATION.values()


def status(trial: "FrozenTrial", now: float | None = None) -> Status:
    """What has become of a trial.

    Args:
        trial: as the storage has it.
        now: Unix time, by which a running trial is ABANDONED if its lease has run out or its
            process has ended. Without it only the storage is looked at, so that the status of a
            trial that has ended is final.
    """
    found = _without_origin(trial, now)
    if ORIGIN not in trial.user_attrs:
        return found
    why = origin(trial)
    if why.confirms is not None:
        return OF_CONFIRMATION.get(found, found)
    return found if why.adds_to is None else OF_ADDITION.get(found, found)


OF_STATE = {
    TrialState.WAITING: Status.WAITING,
    TrialState.RUNNING: Status.RUNNING,
    TrialState.COMPLETE: Status.COMPLETE,
    TrialState.FAIL: Status.FAILED,
    TrialState.PRUNED: Status.FAILED,
}
OF_ADDITION = {
    Status.RUNNING: Status.ADDING,
    Status.COMPLETE: Status.ADDED,
    Status.FAILED: Status.NOT_ADDED,
    Status.LOST: Status.LOST_ADDING,
}
OF_CONFIRMATION = {
    Status.RUNNING: Status.CONFIRMING,
    Status.COMPLETE: Status.CONFIRMS,
    Status.FAILED: Status.NOT_CONFIRMS,
    Status.LOST: Status.LOST_CONFIRMING,
}


def _without_origin(trial: "FrozenTrial", now: float | None) -> Status:
    found = OF_STATE[trial.state]
    if found is Status.WAITING:
        return found
    if is_imported(trial):
        return Status.IMPORTED
    told = found is Status.COMPLETE and not has_record(trial)  # by another program
    if told or not is_ours(trial):
        return Status.FOREIGN
    if found is Status.FAILED:
        return _of_failed(trial)
    lost = found is Status.RUNNING and now is not None and is_lost(trial, now)
    return Status.ABANDONED if lost else found


def _of_failed(trial: "FrozenTrial") -> Status:
    if trial.state is TrialState.PRUNED:
        return Status.PRUNED if REASON in trial.user_attrs else Status.FAILED
    if REASON not in trial.user_attrs:
        return Status.LOST
    if kind_of_failure(trial) == REFUSED:
        return Status.REFUSED
    return Status.GIVEN_BACK if reason(trial) in GIVEN_BACK else Status.FAILED


def finished(trials: "Iterable[FrozenTrial]") -> int:
    """How many trials have ended and count against the budget."""
    return sum(t.state.is_finished() and status(t).counts for t in trials)


def numbers_by_word(trials: "Iterable[FrozenTrial]", now: float) -> dict[str, int]:
    """How many trials tables call complete, failed, running, lost and pruned, and of other programs
    waiting, refused and foreign.

    Args:
        trials: of the study.
        now: Unix time.
    """
    found = Counter(status(t, now).word for t in trials)
    return {word: found.get(word, 0) for word in (*WORDS, *IF_ANY, *OF_OTHERS)}


def reason(trial: "FrozenTrial") -> str:
    """Why a trial failed or was pruned, as `KIND: …`."""
    default = BY_ANOTHER if trial.state is TrialState.PRUNED else STALE
    return str(trial.user_attrs.get(REASON, default))


def kind_of_failure(trial: "FrozenTrial") -> str:
    """The kind of a failure: failed, diverged, timed out, out of memory or stale."""
    return reason(trial).partition(":")[0]


def reason_without_numbers(trial: "FrozenTrial") -> str:
    """Why a trial failed, with every number as #: equal for trials that fail in the same way."""
    return re.sub(r"\d+", "#", reason(trial))
