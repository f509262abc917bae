"""What the rate is made of: mutual information, total correlation, dimension-wise KL."""

import math

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.score import EVALUATION_BATCH, Score
from betafront.models import Model, Posterior, standard_normal
from betafront.objective import require_factorised
from betafront.objective.likelihoods.gaussian import log_normal

AT_ONCE = 2**19  # numbers of one (rows, n, M) array: 4 MB, which a cache holds


@in_eval_mode
@torch.no_grad()
def decomposition(model: Model, x: Tensor, *, examples: int = 2000, seed: int = 0) -> Score:
    """The parts of the rate over n examples, all pairs of them, in nats (see `decomposed`).

    Args:
        model: factorised; in evaluation mode or not, left as it was.
        x: (N, …) on the device of the model.
        examples: n, the first of them that are used; the time grows with n².
        seed: of one draw of z per example.

    Raises:
        UserError: the model is not factorised, or there are fewer than 2 examples.
    """
    require_factorised(model.factorised, "the decomposition of the rate")
    posteriors = [model.encode(batch) for batch in x[:examples].split(EVALUATION_BATCH)]
    mean, log_var = (torch.cat(parts).double() for parts in zip(*posteriors, strict=True))
    return decomposed(Posterior(mean, log_var), seed=seed)


def decomposed(posterior: Posterior, *, seed: int = 0) -> Score:
    """`mutual_information` I(x; z), `total_correlation` KL(q(z) || Π_j q(z_j)) and `dimension_wise`
    Σ_j KL(q(z_j) || p(z_j)) of n posteriors, in nats; q(z) is their mean, exactly.

    Their sum is the sampled rate, the mean of log q(z|x) - log p(z) over one draw per example
    (`sampled_rate`); it differs from the analytic rate by the noise of the draws alone.
    `aggregate_kl` is KL(q(z) || p(z)), the sum of the last two. I(x; z) cannot exceed ln n, the
    entropy of which example it is: near that `cap`, more examples would show more.

    Args:
        posterior: (n, M) means and log variances, float64.
        seed: of the draws.

    Raises:
        UserError: there are fewer than 2 examples.

    Source: Hoffman & Johnson 2016; Chen et al. 2018, equation 2.
    """
    mean, log_var = posterior
    n = len(mean)
    if n < 2:
        raise UserError(f"the parts of the rate need 2 examples or more, not {n}")
    generator = torch.Generator().manual_seed(seed)
    noise = standard_normal(mean.shape, generator, mean.float()).to(mean)
    z = posterior.at(noise)
    log_qz_x = log_normal(noise**2, torch.zeros_like(mean)) - 0.5 * log_var
    log_pz = log_normal(z**2, torch.zeros_like(z))
    log_qz, log_qz_each = _aggregate(z, posterior)
    parts = {
        "mutual_information": (log_qz_x.sum(1) - log_qz).mean(),
        "total_correlation": (log_qz - log_qz_each.sum(1)).mean(),
        "dimension_wise": (log_qz_each - log_pz).sum(1).mean(),
        "aggregate_kl": (log_qz - log_pz.sum(1)).mean(),
        "sampled_rate": (log_qz_x - log_pz).sum(1).mean(),
    }
    values = {name: float(value) for name, value in parts.items()}
    settings: dict[str, float | str] = {"examples": n, "cap": math.log(n), "seed": seed}
    each = (log_qz_each - log_pz).mean(0).cpu().numpy()
    return Score(values, settings, {"dimension_wise_each": each})


def _aggregate(z: Tensor, posterior: Posterior) -> tuple[Tensor, Tensor]:
    """(n,) log q(z) and (n, M) log q(z_j) of each draw, q the mean of all posteriors."""
    mean, log_var = posterior
    n, latents = mean.shape
    # Made before the large arrays: small ones between them would keep their memory from reuse.
    joint, each = z.new_empty(n), torch.empty_like(z)
    for rows in torch.arange(n, device=z.device).split(max(1, AT_ONCE // (n * latents))):
        pairs = log_normal((z[rows].unsqueeze(1) - mean) ** 2, 0.5 * log_var)  # (rows, n, M)
        joint[rows] = torch.logsumexp(pairs.sum(2), 1)
        each[rows] = torch.logsumexp(pairs, 1)
    return joint - math.log(n), each - math.log(n)
