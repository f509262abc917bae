"""How far the aggregate posterior is from the prior: a kernel's mean discrepancy."""

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.score import EVALUATION_BATCH, Score
from betafront.models import Model, standard_normal

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@in_eval_mode
@torch.no_grad()
def prior_gap(model: Model, x: Tensor, *, examples: int = 2000, seed: int = 0) -> Score:
    """`mmd`, the squared maximum mean discrepancy between q(z) and p(z) (see
    `two_sample_mmd`).

    Args:
        model: in evaluation mode or not; left as it was.
        x: (N, …) on the device of the model.
        examples: the first of them that are used, one draw of z each; as many draws of the prior.
        seed: of both.

    Raises:
        UserError: there are fewer than 2 examples, of which there are no pairs.
    """
    generator = torch.Generator().manual_seed(seed)
    batches = x[:examples].split(EVALUATION_BATCH)
    z = torch.cat([_posterior_draws(model, batch, generator) for batch in batches])
    if len(z) < 2:
        raise UserError(f"the distance of q(z) to the prior needs 2 examples or more, not {len(z)}")
    prior = _prior_draws(model, z, generator)
    settings: dict[str, float | str] = {
        "examples": len(z), "kernel": f"inverse multiquadratic, scales {SCALES}", "seed": seed
    }  # fmt: skip
    return Score({"mmd": float(two_sample_mmd(z, prior))}, settings)


def _posterior_draws(model: Model, x: Tensor, generator: torch.Generator) -> Tensor:
    """(B, M) a draw from q(z|x) of each example, in float64 on the CPU; of a Gaussian posterior it
    is also drawn in float64."""
    encoded = model.encode(x)
    if model.factorised:
        encoded = encoded.double()
    return model.draw(encoded, generator).z.double().cpu()


def _prior_draws(model: Model, z: Tensor, generator: torch.Generator) -> Tensor:
    """(n, M) as many draws from p(z) as `z` has rows, alike in type and device."""
    if model.factorised:
        return standard_normal(z.shape, generator, z)
    return model.prior(len(z), generator).to(z)


def two_sample_mmd(one: Tensor, other: Tensor) -> Tensor:
    """() the unbiased estimate of the squared maximum mean discrepancy of two samples; 0 within its
    error where they come from one distribution, when it is as often below 0 as above.

    The kernel is `Σ_s c_s / (c_s + |a - b|²)` with c_s = 2·M·s over seven scales s, M the number of
    dimensions: its tails are heavy, so that it also sees what is far away.

    Args:
        one, other: (n, M) and (m, M) draws, at least two each.

    Source: Gretton et al. 2012, lemma 6; Tolstikhin et al. 2018 (WAE), section 4, for the kernel.
    """
    n, m = len(one), len(other)
    within_one = _kernel(one, one).fill_diagonal_(0).sum() / (n * (n - 1))
    within_other = _kernel(other, other).fill_diagonal_(0).sum() / (m * (m - 1))
    return within_one + within_other - 2 * _kernel(one, other).mean()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    squares = torch.cdist(a, b) ** 2
    total = torch.zeros_like(squares)
    for scale in SCALES:
        c = 2 * a.shape[1] * scale
        total += c / (c + squares)
    return total
