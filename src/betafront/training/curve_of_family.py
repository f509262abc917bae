"""The curve of a trained family: its members at a grid of β, each evaluated as any model is."""

from typing import Any

from betafront.data import Data
from betafront.metrics import by_split
from betafront.models import Model
from betafront.models.family import Family
from betafront.objective import Objective
from betafront.scale import beta_norm
from betafront.training.result import finite
from betafront.training.run import Run

Point = dict[str, Any]


def curve_of(run: Run, model: Model, objective: Objective, data: Data) -> list[Point]:
    """What each member of a family is worth on the validation and on the test split, without
    further metrics; nothing for a model that is no family.

    Args:
        run: its parts.
        model: trained.
        objective: of the run.
        data: on the device of the model.

    Returns:
        in rising order of β: `beta`, `beta_norm`, `weight` (β in the convention of the run),
        `sigma` and `metrics`. A member whose values are not finite is left out.
    """
    if not isinstance(model, Family):
        return []
    points = [point_at(beta, model, run, objective, data) for beta in model.grid]
    return [point for point in points if finite(point["metrics"])]


def point_at(beta: float, family: Family, run: Run, objective: Objective, data: Data) -> Point:
    """What the member of a family at a β is worth, as in `curve_of`."""
    member = family.at(beta)
    metrics, _, _ = by_split(run.evaluations(member, data, further=False))
    pixels, latents = objective.pixels, objective.latents
    return {
        "beta": beta,
        "beta_norm": beta_norm(beta, pixels, latents),
        "weight": objective.normalisation.weight(beta, pixels, latents),
        "sigma": member.likelihood.sigma,
        "metrics": metrics,
    }
