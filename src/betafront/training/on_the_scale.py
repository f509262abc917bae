"""Where a trained model stands on the one scale, and whether it reached its target."""

import math
from typing import Any

from numpy.typing import NDArray

from betafront.metrics.stationary_beta import stationary_beta
from betafront.models import Model
from betafront.objective import Objective
from betafront.scale import beta_norm
from betafront.training.result import OnTheScale
from betafront.training.trace import Trace


def on_the_scale(objective: Objective, trace: Trace, vae: Model, x: Any, seed: int) -> OnTheScale:
    """Where a trained run stands.

    Args:
        objective: of the run.
        trace: of the run.
        vae: trained.
        x: (n, …) what it was trained on.
        seed: of the draws, where β must be read from the model.
    """
    beta, spread = _beta(objective, trace, vae, x, seed)
    return OnTheScale(
        weight=objective.weight,
        normalisation=objective.normalisation.name,
        beta=beta,
        beta_spread=spread,
        beta_norm=beta_norm(beta, objective.pixels, objective.latents),
        sigma=vae.likelihood.sigma,
        pixels=objective.pixels,
        latents=objective.latents,
        holds=objective.holds,
        draws=objective.draws,
        **_held(objective, trace, beta),
    )


def _beta(
    objective: Objective, trace: Trace, vae: Model, x: Any, seed: int
) -> tuple[float, float | None]:
    """β and its spread, as `OnTheScale` describes them."""
    if objective.controller.closed:
        settled = _last_tenth(trace["beta"])
        return float(settled.mean()), float(settled.std())
    if objective.shaping.hides_beta and vae.factorised:
        penalty = objective.penalty if objective.penalties else None
        found, error = stationary_beta(vae, x, penalty=penalty, seed=seed)
        if math.isfinite(found):
            return found, error
    return objective.beta, None


def _held(objective: Objective, trace: Trace, beta: float) -> dict[str, Any]:
    """`target`, `came_to` and `reached`."""
    target = objective.held_to(1.0)
    if objective.holds not in trace:
        known = None if math.isnan(target) else target
        return {"target": known, "came_to": None, "reached": None}
    seen = _last_tenth(trace[objective.holds])
    close = abs(seen.mean() - target) <= max(0.02 * abs(target), seen.std())
    reached = close and beta > 0 and not objective.controller.at_an_end(beta)
    return {"target": target, "came_to": float(seen.mean()), "reached": bool(reached)}


def _last_tenth(values: NDArray[Any]) -> NDArray[Any]:
    return values[-max(1, len(values) // 10) :]
