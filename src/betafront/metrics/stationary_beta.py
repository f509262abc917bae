"""The β at which a trained posterior is stationary, measured on the model itself."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from betafront.metrics.eval_mode import in_eval_mode
from betafront.models import Model, Posterior
from betafront.objective import Code, require_factorised

EXAMPLES, BATCH = 1000, 250


@in_eval_mode
def stationary_beta(
    model: Model,
    x: Tensor,
    *,
    penalty: Callable[[Code], Tensor] | None = None,
    samples: int = 16,
    seed: int = 0,
) -> tuple[float, float]:
    """The β for which D + β·R does not change, to first order, when a latent's variance does.

    At an optimum of D + β·R no encoder can gain by widening q(z_j|x) for every x alike, so
    `∂D/∂s_j + β · ∂R/∂s_j = 0` for a common shift s_j of each latent's log variance. This is the
    least-squares β over the latents: the multiplier of a run whose rate was held to a capacity,
    where none was written.

    Args:
        model: factorised; in evaluation mode or not, left as it was.
        x: (n, …) what it was trained on; the first 1,000 are enough.
        penalty: what was added to D + β·R, on the scale on which D has weight 1.
        samples: draws of z per example, at least 2.
        seed: of the draws.

    Returns:
        β and its standard error over the draws; NaN for both where the error is above half of β, as
        in a model whose latents say nothing.

    Raises:
        UserError: the model is not factorised.
    """
    require_factorised(model.factorised, "the β of a trained model")
    x = x[:EXAMPLES]
    generator = torch.Generator(x.device).manual_seed(seed)
    shift = torch.zeros(model.latents, device=x.device, requires_grad=True)
    rate = torch.zeros_like(shift, dtype=torch.float64)
    rest = rate.repeat(samples, 1)
    for batch in x.split(BATCH):
        with torch.no_grad():
            mean, log_var = model.encode(batch)
        part = len(batch) / len(x)
        kl = Posterior(mean, log_var + shift).kl().sum(1).mean()
        rate += part * torch.autograd.grad(kl, shift)[0]
        for draw in range(samples):
            posterior = Posterior(mean, log_var + shift)
            z = posterior.sample(generator)
            loss = -model.log_px(z, batch).mean()
            if penalty is not None and len(batch) > 1:
                loss = loss + penalty(Code(z, *posterior))
            rest[draw] += part * torch.autograd.grad(loss, shift)[0]
    betas = -(rest @ rate) / (rate @ rate)
    beta, error = float(betas.mean()), float(betas.std() / math.sqrt(samples))
    return (beta, error) if error <= 0.5 * abs(beta) else (math.nan, math.nan)
