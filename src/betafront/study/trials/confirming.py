"""The runs that confirm a decision as work to be done: which are planned, which are left, and who
may train them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from betafront.study.spec import Spec
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import Confirms, Origin, origin
from betafront.study.trials.queue import (
    Suits,
    Work,
    anything,
    not_plain,
    not_taken_up,
    work_again,
)
from betafront.study.trials.status import Status, status
from betafront.study.trials.tally import Tally

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FIELDS = len(Confirms._fields)
PLAN = "confirm"
"""The study's user attribute that holds the runs which are to confirm the decision."""


def planned_runs(settings: Mapping[str, Any]) -> list[Confirms]:
    """The runs that are to confirm the decision, in order; none where nothing was planned.

    Args:
        settings: the user attributes of the study.
    """
    kept = settings.get(PLAN)
    runs = kept if isinstance(kept, list) else []  # another program may use the name
    return [Confirms(*run) for run in runs if isinstance(run, list) and len(run) == FIELDS]


def confirming_work(planned: Sequence[Confirms], trials: "Iterable[FrozenTrial]") -> Work | None:
    """The first of the planned runs that no trial has, with that of a lost trial before the others.

    Args:
        planned: the runs that are to confirm the decision, in order.
        trials: of the study; the plain ones may be left out.
    """
    trials = not_plain(trials)
    for trial in not_taken_up(trials):
        if origin(trial).confirms in planned:
            return work_again(trial)
    had = {origin(t).confirms for t in trials if status(t).works}
    left = next((run for run in planned if run not in had), None)
    return None if left is None else Work(Origin(confirms=left), {})


def ended(planned: Sequence[Confirms], trials: "Iterable[FrozenTrial]") -> set[Confirms]:
    """Those of the planned runs that have ended, with a result or as failed for good."""
    over = (Status.CONFIRMS, Status.NOT_CONFIRMS)
    had = {origin(t).confirms for t in not_plain(trials) if status(t) in over}
    return {run for run in planned if run in had}


class ConfirmingLedger(Ledger):
    """The claims of a worker that trains the runs which are to confirm the decision, and nothing
    else. Which those are stands in the study's settings."""

    def _is_met(self, spec: Spec, tally: Tally) -> bool:
        planned = planned_runs(self._settings)
        return len(ended(planned, tally.not_plain)) == len(planned)

    def _next(self, spec: Spec, tally: Tally, suits: Suits = anything) -> Work | None:
        return confirming_work(planned_runs(self._settings), tally.not_plain)
