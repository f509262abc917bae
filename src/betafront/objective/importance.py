"""Several draws of z per example: the importance-weighted objective (Burda et al. 2016).

Of k draws from q(z|x), each weighed by `w = p(x|z) · (p(z)/q(z|x))^β`, the loss of an example is
`-log 1/k Σ_i w_i`. With one draw its expectation is D + βR, and more draws only lower it. What it
bounds depends on β. Write `B = β · log E_p(z)[p(x|z)^(1/β)]`, which is log p(x) at β = 1, and q*
for the density proportional to `p(z) · p(x|z)^(1/β)`, the posterior p(z|x) at β = 1. Then

- of one draw the expectation of log w is `B - β · KL(q || q*)`: the optimum of D + βR is q*;
- of ever more draws it comes to `log E_q[w] = B - (1 - β) · D_β(q* || q)`, D_β being the Rényi
  divergence of order β.

So for β up to 1 the loss is an upper bound on -B whatever k is, and its optimum is that of D + βR:
more draws cost less where q is not q*. At β = 1 the limit is -log p(x) for any q. For β above 1
the limit lies beyond B, by more the further q is from q*, and from β = k/(k - 1) on q* is not even
a local optimum (a second-order expansion about q*): such β are refused.

The gradient is that of the reparametrised draws. Its signal for the encoder falls with k as 1/√k
beside its noise, while that for the decoder rises as √k (Rainforth et al. 2018): many draws want
large batches, and the doubly reparametrised gradient, which would mend it, asks more of a model
than `Draw.log_ratio`.

Source: Burda et al. 2016, equation 8; at another β, the limits above by Hölder's inequality.
"""

import math
from typing import Any

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.controllers import Controller
from betafront.objective.likelihoods import Likelihood
from betafront.objective.likelihoods.spread import Spread
from betafront.objective.shaping import Plain, Shaping

MOST_BETA = 1.0
"""The greatest β at which the mean weight of several draws bounds anything."""

ROUNDING = 1e-9
"""Relative: a β of 1 that was written in another convention is 1 up to this."""


def log_weights(log_px: Tensor, log_ratio: Tensor, beta: float | Tensor, draws: int) -> Tensor:
    """(B, k) log p(x|z) + β · (log p(z) - log q(z|x)) of each draw.

    Args:
        log_px: (B·k,) log p(x|z), the draws of an example side by side.
        log_ratio: (B·k,) log p(z) - log q(z|x), in float64 as `Draw` has it: so are the weights.
        beta: the canonical β in force.
        draws: k.
    """
    each: Tensor = (log_px + beta * log_ratio).unflatten(0, (-1, draws))
    return each


def bound(log_w: Tensor) -> Tensor:
    """(B, …) -log 1/k Σ_i w_i in nats, from (B, …, k) log weights."""
    return math.log(log_w.shape[-1]) - torch.logsumexp(log_w, -1)


def check_number(draws: Any) -> None:
    """Refuse a number of draws that is none.

    Raises:
        UserError: it is no whole number above 0.
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise UserError(f"objective.draws must be a whole number of at least 1, not {draws}")


def check_several(
    draws: int, beta: float, most_weight: float, shaping: Shaping, controller: Controller
) -> None:
    """Refuse what cannot stand beside several draws.

    Args:
        draws: k, above 1.
        beta: the canonical β as written.
        most_weight: the weight at which it is 1, in the convention of the user.
        shaping, controller: of the objective.

    Raises:
        UserError: naming the way out.
    """
    if controller.closed:
        raise UserError(
            f"objective.draws={draws} bounds nothing for β above {MOST_BETA:g}, and a controller "
            "may set any: use controller=none, or objective.draws=1"
        )
    if not isinstance(shaping, Plain):
        raise UserError(
            f"objective.draws={draws} has R in the weights of its draws alone, and no R apart that "
            f"could be shaped ({type(shaping).__name__}): use shaping=plain, or objective.draws=1"
        )
    if beta > MOST_BETA * (1 + ROUNDING):
        raise UserError(
            f"objective.draws={draws} bounds nothing for a canonical β above {MOST_BETA:g}, and "
            f"this one is {beta:.4g}: use objective.weight={most_weight:.4g} or less, or "
            "objective.draws=1"
        )


def check_likelihood(draws: int, likelihood: Likelihood) -> None:
    """Refuse a scale that is fitted to the batch, which is the best one for a single draw alone: of
    several, the error of each counts by its weight, and the weights depend on the scale.

    Args:
        draws: k.
        likelihood: of the model.

    Raises:
        UserError: naming the way out.
    """
    if draws > 1 and fitted_to_batch(likelihood):
        raise UserError(
            f"objective.draws={draws} weighs its draws by p(x|z), and likelihood.mode=optimal sets "
            "its scale to the error of all draws alike: use likelihood.mode=learned, or "
            "objective.draws=1"
        )


def fitted_to_batch(likelihood: Likelihood) -> bool:
    """Whether the scale of a likelihood is, in training, that of each batch."""
    spread = getattr(likelihood, "spread", None)
    return isinstance(spread, Spread) and spread.mode == "optimal"
