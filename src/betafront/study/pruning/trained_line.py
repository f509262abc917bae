"""The line D + βR that a run trains: whether it has one, and whether β has only risen so far."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from betafront.objective.shaping import Plain

if TYPE_CHECKING:
    from betafront.objective import Objective

POINTS = 200  # of the way so far at which a schedule is looked at
ROUNDING = 1e-9


def why_none(objective: "Objective") -> str:
    """Why a run trains no line D + βR whose β is known; empty where it does."""
    if objective.controller.closed:
        return "a controller sets β"
    if not isinstance(objective.shaping, Plain):
        return "shaping puts another function of the KL in place of R"
    if objective.penalties:
        return "a penalty is trained beside D and R"
    if objective.draws > 1:
        return "several draws of z train another bound than D + βR (objective.draws)"
    return "a model conditioned on β trains many lines at once" if objective.family else ""


def only_risen(schedule: Callable[[float], float], progress: float) -> bool:
    """Whether a schedule has not fallen before `progress`, in [0, 1].

    After β has fallen, as where a cycle begins again, the point (R, D) of a run is still that of
    the β before, and its regret on the line in force says nothing of how well it is trained.
    """
    values = [schedule(progress * i / POINTS) for i in range(POINTS + 1)]
    return all(b >= a - ROUNDING for a, b in pairwise(values))
