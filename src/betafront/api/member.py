"""The members of a trained family: the ordinary model at one β, and what is known of it."""

import math
from dataclasses import replace

from omegaconf import DictConfig

from betafront.api.place import SAME
from betafront.models import Family, Model
from betafront.training import Result, Run
from betafront.training.curve_of_family import point_at


def member(
    result: Result, made: Run, model: Model, beta: float | None = None
) -> tuple[Model, Result]:
    """The member of a trained family at a β, and its result; of a model that is no family, both as
    they are.

    The metrics are those that the run was told at this β, at its own or at a point of its curve;
    elsewhere the member is evaluated, on the whole validation and test splits.

    Args:
        result: of the run.
        made: the parts of the run.
        model: trained.
        beta: within the range of the family; None for the β of the run itself.

    Raises:
        UserError: it is outside of the range.
    """
    if not isinstance(model, Family):
        return model, result
    own = result.scale.beta
    wanted = own if beta is None else model.inside(beta)
    vae = model.at(wanted).eval()
    if math.isclose(wanted, own, rel_tol=SAME):
        return vae, replace(result, curve=[])
    point = next((p for p in result.curve if math.isclose(p["beta"], wanted, rel_tol=SAME)), None)
    if point is None:
        point = point_at(wanted, model, made, made.objective_of(model), made.data)
    scale = {key: point[key] for key in ("beta", "beta_norm", "weight", "sigma")}
    return vae, replace(
        result, metrics=point["metrics"], scale=replace(result.scale, **scale), curve=[]
    )


def member_config(config: DictConfig) -> DictConfig:
    """The configuration of a member, of that of the run of its family: with the model that was
    conditioned on β."""
    found = config.copy()
    found.model = config.model.of
    return found
