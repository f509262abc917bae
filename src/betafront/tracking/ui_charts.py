"""How a study looks in MLflow's UI: the colours of its front, and its charts (the planes of its
objectives, its parameters, and D + R over two of them)."""

from typing import Any

from optuna.distributions import BaseDistribution

from betafront.front.front import planes
from betafront.front.table import ACTIVE, ELBO
from betafront.study.search.distributions import values
from betafront.study.search.space import Space
from betafront.study.spec import Spec
from betafront.tracking.store import key_of

Chart = dict[str, Any]
SECTION: Chart = {
    "uuid": "pareto", "name": "Pareto", "display": True, "isReordered": True,
    "columns": 2, "cardHeight": 420,
}  # fmt: skip
BETA = "scale/log10_beta"  # since MLflow has no logarithmic axes here
WEIGHT = "objective.weight"  # not drawn: the same weight is another β under each normalisation
PARETO = "pareto"  # the tag that tells whether a trial is on the front
COLOUR = "mlflow.runColor"  # not documented: the colour in which MLflow draws a run
RED, GREY = "#d62728", "#c0c0c0"


def front_tags(on_front: bool) -> dict[str, str]:
    """The tags of a trial's run by which the front is told from the other trials: a word for
    searches, and a colour."""
    return {PARETO: str(on_front).lower(), COLOUR: RED if on_front else GREY}


def charts(spec: Spec) -> list[Chart]:
    """The charts in the form in which MLflow keeps them.

    Raises:
        UserError: the study's space cannot be read.
    """
    found: list[Chart] = [
        *(
            {"type": "SCATTER", "xaxis": _metric(x), "yaxis": _metric(y)}
            for x, y in planes(spec.objectives)
        ),
        {
            "type": "PARALLEL",
            "selectedParams": [key_of(key) for key in _always_there(spec)],
            "selectedMetrics": [BETA, *spec.objectives],
            "showAllRuns": False,
        },
        _contour(spec),
    ]
    place = {"metricSectionId": SECTION["uuid"], "deleted": False, "isGenerated": False}
    return [{"uuid": f"pareto-{i}", **place, **chart} for i, chart in enumerate(found)]


def _contour(spec: Spec) -> Chart:
    """D + R over β and another number that was searched, or the number of active latents."""
    space = Space.parse(f"{key}={sweep}" for key, sweep in spec.space.items()).distributions
    numbers = [key for key in _always_there(spec) if _is_number(space[key])]
    y = _param(numbers[0]) if numbers else _metric(ACTIVE)
    return {"type": "CONTOUR", "xaxis": _metric(BETA), "yaxis": y, "zaxis": _metric(ELBO)}


def _always_there(spec: Spec) -> list[str]:
    """The searched parameters that every trial has: MLflow's parallel coordinates leave out a run
    that lacks one."""
    return [key for key in spec.space if key != WEIGHT and not spec.conditions.get(key)]


def _is_number(distribution: BaseDistribution) -> bool:
    return not any(isinstance(value, str | bool) for value in values(distribution))


def _metric(name: str) -> dict[str, str]:
    return {"key": name, "type": "METRIC"}


def _param(name: str) -> dict[str, str]:
    return {"key": key_of(name), "type": "PARAM"}
