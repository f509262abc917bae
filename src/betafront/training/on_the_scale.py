"""Where a trained model stands on the one scale, and whether it reached its target."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from betafront.scale import beta_norm
from betafront.training.trace import Trace

if TYPE_CHECKING:
    from betafront.models import Model
    from betafront.objective import Objective


@dataclass(frozen=True)
class OnTheScale:
    """Where a run stands on the one scale.

    Attributes:
        weight: the number that the user wrote in front of the KL.
        normalisation: the convention in which it is read.
        beta: the canonical β. Under a controller it is the mean over the last tenth of the steps;
            under a capacity or free bits it is read from the trained model
            (`metrics.stationary_beta`).
        beta_spread: the standard deviation over those steps, or the standard error of the β that
            was read from the model; None where β is as written.
        beta_norm: β·M/N.
        sigma: σ of a Gaussian; None for other likelihoods.
        pixels: N, the number of data dimensions.
        latents: M, the number of latent dimensions.
        holds: what was held to `target`: `rate`, `distortion`, `mse`, `part` (of the rate) or ''.
        target: the value that it was held to.
        came_to: its mean over the last tenth of the steps.
        reached: whether `came_to` is the target, up to a fiftieth or the standard deviation between
            batches, with a β inside the controller's range.
    """

    weight: float
    normalisation: str
    beta: float
    beta_spread: float | None
    beta_norm: float
    sigma: float | None
    pixels: int
    latents: int
    holds: str | None = None
    target: float | None = None
    came_to: float | None = None
    reached: bool | None = None

    def written(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> "OnTheScale":
        """What `written` returned, in this version or another: what is missing is None."""
        values: dict[str, Any] = {field.name: written.get(field.name) for field in fields(cls)}
        return cls(**values)


def on_the_scale(
    objective: "Objective", trace: Trace, vae: "Model", x: Any, seed: int
) -> OnTheScale:
    """Where a trained run stands.

    Args:
        objective: of the run.
        trace: of the run.
        vae: trained.
        x: (n, C, H, W) what it was trained on.
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
        **_held(objective, trace, beta),
    )


def _beta(
    objective: "Objective", trace: Trace, vae: "Model", x: Any, seed: int
) -> tuple[float, float | None]:
    """β and its spread, as `OnTheScale` describes them."""
    if objective.controller.closed:
        settled = _last_tenth(trace["beta"])
        return float(settled.mean()), float(settled.std())
    if objective.shaping.hides_beta:
        from betafront.metrics.stationary_beta import stationary_beta

        penalty = objective.penalty if objective.penalties else None
        found, error = stationary_beta(vae, x, penalty=penalty, seed=seed)
        if math.isfinite(found):
            return found, error
    return objective.beta, None


def _held(objective: "Objective", trace: Trace, beta: float) -> dict[str, Any]:
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
