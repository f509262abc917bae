"""The confirmation of a study's decision, as the study keeps it, and how far it is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from betafront.front.decision.confirmation.confirmed import Confirmation
from betafront.study.trials.confirming import ended, planned_runs

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

CONFIRMATION = "confirmation"
"""The study's user attribute that holds its confirmation."""


def confirmation(settings: Mapping[str, Any]) -> Confirmation | None:
    """The confirmation of a study; None where it has none.

    Args:
        settings: the user attributes of the study.
    """
    kept = settings.get(CONFIRMATION)
    if not isinstance(kept, Mapping) or "verdicts" not in kept:  # another program may use the name
        return None
    return Confirmation.read(kept)


def confirming(settings: Mapping[str, Any], trials: "Sequence[FrozenTrial]") -> tuple[int, int]:
    """How many of the runs that are to confirm the decision have ended, and how many there are; 0
    and 0 where none are planned.

    Args:
        settings: the user attributes of the study.
        trials: all of the study.
    """
    planned = planned_runs(settings)
    return len(ended(planned, trials)), len(planned)
