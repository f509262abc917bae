"""The pruned trials of a study, for people and for programs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from betafront.study.trials.rungs import rungs_of
from betafront.study.trials.status import Status, reason, status

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def pruned_trials(trials: "Sequence[FrozenTrial]") -> "list[FrozenTrial]":
    """The trials that were stopped for good before their last step."""
    return [t for t in trials if status(t) is Status.PRUNED]


def pruned_in_words(trials: "Sequence[FrozenTrial]") -> str:
    """How many trials were pruned, and after which part of their steps, in a sentence; empty where
    none was.

    Args:
        trials: all of the study.
    """
    found = pruned_trials(trials)
    if not found:
        return ""
    parts = [rungs[-1].part for t in found if (rungs := rungs_of(t))]
    when = (
        f", after {100 * sum(parts) / len(parts):.0f} % of their steps in the mean" if parts else ""
    )
    which = "1 trial was" if len(found) == 1 else f"{len(found)} trials were"
    return (
        f"{which} pruned{when}: far behind on the line D + βR that each trained; they take no part "
        "in front and decision."
    )


def pruned_record(trials: "Sequence[FrozenTrial]") -> dict[str, Any]:
    """The pruned trials for programs, each with its last rung and why it was stopped; empty where
    none was.

    Args:
        trials: all of the study.
    """
    found = [
        {
            "trial": t.number,
            **({"step": rungs[-1].step, "part": rungs[-1].part} if (rungs := rungs_of(t)) else {}),
            "reason": reason(t),
        }
        for t in pruned_trials(trials)
    ]
    return {"pruned_trials": found} if found else {}
