"""Whether a worker may keep a trial that it has made: the rule by which the budget is met exactly
(`betafront.study.trials.ledger` says why it is)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from betafront.study.search.drawing import digest
from betafront.study.spec import Spec
from betafront.study.trials.origin import origin
from betafront.study.trials.status import OVER_BUDGET, TAKEN, status
from betafront.study.trials.steps import has_steps
from betafront.study.trials.tally import Tally

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

REPEATS = "again"
"""The user attribute of a trial that may be at the point of another one: in a finite space of which
every point has a trial, and where another program asks for it."""


def why_not(trial: "FrozenTrial", spec: Spec, tally: Tally) -> str | None:
    """Why a worker may not keep the trial that it made; None if it may.

    Args:
        trial: that it made.
        spec: of the study.
        tally: of all trials, this one among them.
    """
    below = [t for t in tally.not_plain if t.number < trial.number]
    if is_taken(trial, below, tally):
        return TAKEN
    why = origin(trial)
    if why.adds_to is not None or why.confirms is not None:  # which take no budget
        return None
    # Lost trials keep their places against new trials, and those that wait theirs, but not against
    # the work of a lost trial, which had its place before.
    is_new = why.before is None
    held = tally.held_below(trial.number) if is_new else tally.begun_below(trial.number)
    full = held >= spec.trials or (is_new and not has_steps(spec, tally, trial.number))
    return OVER_BUDGET if full else None


def is_taken(trial: "FrozenTrial", below: "Sequence[FrozenTrial]", tally: Tally) -> bool:
    """Whether a trial with a lower number is for the same work.

    Args:
        trial: whose work is looked for.
        below: the trials with lower numbers, without plain ones.
        tally: of all trials.
    """
    why = origin(trial)
    others = [t for t in below if status(t).works]
    if why.before is not None:
        return any(origin(t).before == why.before for t in others)
    if why.adds_to is not None:
        same = [
            origin(t) for t in others if origin(t).adds_to == why.adds_to and not status(t).again
        ]
        return any((o.replicates or 0) >= (why.replicates or 0) for o in same)
    for key in ("confirms", "source", "point"):
        if (own := getattr(why, key)) is not None:
            return any(getattr(origin(t), key) == own for t in others if not status(t).again)
    if trial.user_attrs.get(REPEATS):
        return False
    first = tally.first_at(digest(trial.params))
    return first is not None and first < trial.number
