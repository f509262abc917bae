"""Where a trained model stands on the one scale, and whether it came to what it was held to."""

import math
from typing import Any

import numpy as np

from betafront.metrics.stationary_beta import stationary_beta
from betafront.models import Model
from betafront.objective import Objective, beta_norm
from betafront.training.module import TRACE, Trace, TrainingModule


def trace_of(module: TrainingModule) -> Trace:
    """What was in force at every optimiser step, and what came of it."""
    objective, steps = module.objective, np.arange(module.steps, dtype=float)
    trace = dict(zip(TRACE, module.trace.double().cpu().numpy().T, strict=True))
    trace["step"] = steps
    if objective.holds != "mse":
        del trace["mse"]
    if objective.holds:
        trace["target"] = np.array([objective.held_to(step / module.steps) for step in steps])
    if objective.holds == "distortion":  # the multiplier of that constraint
        trace["lambda"] = 1 / trace["beta"]
    return trace


def standing(objective: Objective, trace: Trace, vae: Model, x: Any, seed: int) -> dict[str, Any]:
    """The β of a run and what belongs to it, as `Result.scale` describes it.

    Args:
        objective: of the run.
        trace: of the run.
        vae: trained.
        x: (n, C, H, W) what it was trained on.
        seed: of the draws, where β must be read from the model.
    """
    beta, spread = _beta(objective, trace, vae, x, seed)
    return {
        "weight": objective.weight,
        "normalisation": objective.normalisation.name,
        "beta": beta,
        "beta_spread": spread,
        "beta_norm": beta_norm(beta, objective.pixels, objective.latents),
        "sigma": vae.likelihood.sigma,
        "pixels": objective.pixels,
        "latents": objective.latents,
        "holds": objective.holds,
        **_held(objective, trace, beta),
    }


def _beta(
    objective: Objective, trace: Trace, vae: Model, x: Any, seed: int
) -> tuple[float, float | None]:
    """The β as it was given; under a controller, the mean and standard deviation of what was in
    force over the last tenth of the steps; where the weight hides it, that of the model and its
    standard error."""
    if objective.controller.closed:
        settled = _last_tenth(trace["beta"])
        return float(settled.mean()), float(settled.std())
    if objective.shaping.hides_beta:
        penalty = objective.penalty if objective.penalties else None
        found, error = stationary_beta(vae, x, penalty=penalty, seed=seed)
        if math.isfinite(found):
            return found, error
    return objective.beta, None


def _held(objective: Objective, trace: Trace, beta: float) -> dict[str, Any]:
    """The target, what was come to over the last tenth of the steps, and whether that is it: to a
    fiftieth, or to what one batch differs from another, with a β that holds it there."""
    if objective.holds not in trace:
        target = None if math.isnan(objective.held_to(1.0)) else objective.held_to(1.0)
        return {"target": target, "came_to": None, "reached": None}
    seen, target = _last_tenth(trace[objective.holds]), objective.held_to(1.0)
    off = abs(seen.mean() - target)
    close = off <= max(0.02 * abs(target), seen.std())
    reached = close and beta > 0 and not objective.controller.at_an_end(beta)
    return {"target": target, "came_to": float(seen.mean()), "reached": bool(reached)}


def _last_tenth(values: Any) -> Any:
    return values[-max(1, len(values) // 10) :]
