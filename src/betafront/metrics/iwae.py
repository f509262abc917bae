"""The importance-weighted bound on log p(x), tighter the more draws it takes."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.lengths import mean_dims, of_symbols, per_token
from betafront.metrics.score import Score
from betafront.models import Model
from betafront.objective.importance import bound, log_weights

DECODED = 2**20  # numbers of one decoder's output: 4 MB stay in a cache, and take half the time


@in_eval_mode
@torch.no_grad()
def iwae(
    model: Model, x: Tensor, *, draws: Sequence[int] = (1, 10, 100, 1000), seed: int = 0
) -> Score:
    """`-E_x[log 1/k Σ_i p(x|z_i) p(z_i) / q(z_i|x)]` in nats per example, for each k.

    The bound at one k is the mean over as many groups of k draws of z from q(z|x) as the largest k
    has. So all use the same draws, and since each k divides the next, the bounds never rise with k,
    whatever the draws (Jensen's inequality, from one size of the groups to the next). At k = 1 it
    is the negative ELBO with the sampled rate. Of sequences of symbols there is
    `iwae_perplexity_k` too, exp(bound / N), N the mean number of symbols in `x`.

    The sums over the draws are in float64, and the noise is drawn on the CPU, the same for every
    device.

    Args:
        model: in evaluation mode or not; left as it was.
        x: (n, …) on the device of the model.
        draws: each k, rising; each divides the next.
        seed: of the draws.

    Raises:
        UserError: a k does not divide the next.

    Source: Burda et al. 2016, equation 8.
    """
    _check(draws)
    generator = torch.Generator().manual_seed(seed)
    bounds = torch.zeros(len(draws), len(x), dtype=torch.float64)
    each = max(1, _at_once(model, x) // draws[-1])
    for first in range(0, len(x), each):
        log_w = weigh(model, x[first : first + each], draws[-1], generator)
        bounds[:, first : first + each] = torch.stack([_bound(log_w, k) for k in draws]).cpu()
    means, errors = -bounds.mean(1), bounds.std(1) / math.sqrt(len(x))
    values = {f"iwae_{k}": float(mean) for k, mean in zip(draws, means, strict=True)}
    if of_symbols(x):
        dims = mean_dims(x)
        values |= {
            f"iwae_perplexity_{k}": per_token(float(mean), dims)["perplexity"]
            for k, mean in zip(draws, means, strict=True)
        }
    settings: dict[str, float | str] = {"examples": len(x), "seed": seed}
    return Score(values, settings, {"standard_error": errors.numpy()})


def weigh(model: Model, x: Tensor, draws: int, noise: torch.Generator, beta: float = 1.0) -> Tensor:
    """(B, k) float64 log p(x|z) + β · (log p(z) - log q(z|x)) of k draws of each example, of which
    so many are decoded at once as stay in a cache.

    Args:
        model: in evaluation mode.
        x: (B, …) on the device of the model.
        draws: k.
        noise: of z.
        beta: β.

    Raises:
        UserError: the model gives no log ratio.
    """
    encoded, parts = model.encode(x), []
    part = max(1, _at_once(model, x) // len(x))
    for first in range(0, draws, part):
        k = min(part, draws - first)
        z, _, log_ratio, _ = model.draw(encoded, noise, draws=k, log_ratio=True)
        if log_ratio is None:
            raise UserError(f"draw of {type(model).__name__} gives no log_ratio, which iwae needs")
        log_px = model.log_px(z, x.repeat_interleave(k, 0))
        parts.append(log_weights(log_px.double(), log_ratio, beta, k))
    return torch.cat(parts, 1)


def _at_once(model: Model, x: Tensor) -> int:
    """How many examples like those of `x` are decoded at once."""
    output = model.likelihood.output_shape(tuple(x.shape[1:]))
    return max(1, DECODED // math.prod(output))


def _bound(log_w: Tensor, k: int) -> Tensor:
    """(B,) the mean over groups of k draws of the logarithm of their mean weight."""
    return -bound(log_w.unflatten(1, (-1, k))).mean(1)


def _check(draws: Sequence[int]) -> None:
    if not draws or draws[0] < 1:
        raise UserError(f"iwae.draws must be numbers of at least 1, not {list(draws)}")
    for k, after in pairwise(draws):
        if after <= k or after % k:
            raise UserError(
                f"iwae.draws must rise, each dividing the next, as in [1, 10, 100]: {k} and {after}"
                " do not"
            )
