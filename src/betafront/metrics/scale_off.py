"""How far the scale of a Gaussian or a Laplace is from the error of its model."""

import torch
from torch import Tensor

from betafront.data.data import Examples
from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.score import EVALUATION_BATCH
from betafront.models import Model
from betafront.objective.likelihoods.one_scale import OneScale

EXAMPLES = 2000

TOLERANCE = 0.05
"""A scale that is further off is said to be: a σ that is off by δ costs about N·δ² nats."""


def scale_off(model: Model, x: Tensor, *, seed: int = 0) -> float | None:
    """σ over the root mean squared error, or b over the mean absolute error, less 1.

    The error is that of E[x|z] at one draw of z from q(z|x) per example, as training sees it, and
    is held above the scale's floor, below which no scale can follow it. The best scale equals the
    error. An optimal one is a running mean over the last steps, and lies above an error that still
    falls.

    Args:
        model: trained; in evaluation mode or not, left as it was.
        x: (n, …) examples of the training split, on the device of the model; the first 2,000 count.
        seed: of the draws.

    Returns:
        None for a likelihood that is no Gaussian or Laplace with one scale, for a scale that is the
        user's choice (fixed) or the error on other examples (calibrated), and for a model that
        gives no E[x|z].
    """
    likelihood = model.likelihood
    if not isinstance(likelihood, OneScale) or likelihood.fixed or likelihood.calibrate:
        return None
    error = deviation(model, x[:EXAMPLES], seed=seed)
    if error is None:
        return None
    return likelihood.scale / float(likelihood.spread.optimum(error).exp()) - 1


def too_far(off: float | None) -> str:
    """In words, what `scale_off` found; empty where a scale is not off by more than 5 %."""
    if off is None or not abs(off) > TOLERANCE:
        return ""
    side = "above" if off > 0 else "below"
    return f"the likelihood's scale is {abs(off):.0%} {side} the error on the training split"


@in_eval_mode
@torch.no_grad()
def deviation(
    model: Model, x: Tensor | Examples, *, draws: int = 1, seed: int = 0
) -> Tensor | None:
    """() float64 the mean of `OneScale.deviation` over the examples and over draws of z; None where
    the model gives no E[x|z].

    Args:
        model: of a Gaussian or a Laplace with one scale; left in the mode it was in.
        x: (n, …) on the device of the model.
        draws: of z per example.
        seed: of the draws.
    """
    assert isinstance(model.likelihood, OneScale)
    noise = torch.Generator(x.device).manual_seed(seed)
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for batch in x.split(EVALUATION_BATCH):
        encoded = model.encode(batch)
        for _ in range(draws):
            seen = model.observe(model.draw(encoded, noise).z, batch, mean=True)
            if seen.mean is None:
                return None
            part = model.likelihood.deviation(seen.mean, batch).double()
            total += part * len(batch) / (draws * len(x))
    return total
