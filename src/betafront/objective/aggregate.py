"""The aggregate posterior q(z) = E_x[q(z|x)], estimated from a batch.

The weights of the examples are applied before the sum over the latents, and to every pair of
examples. Well-known implementations apply them once per latent, or put the weight of the diagonal
into the first column, and then the three parts are those of no distribution.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from betafront.objective.likelihoods.gaussian import log_normal
from betafront.objective.terms import Code


class Decomposition(NamedTuple):
    """The rate in three parts (Hoffman & Johnson 2016; Chen et al. 2018, equation 2), each () nats.

    Their sum is the mean of log q(z|x) - log p(z) over the batch, whatever the weights.

    Attributes:
        mutual_information: of x and z under q.
        total_correlation: KL(q(z) || Π_j q(z_j)).
        dimension_wise: Σ_j KL(q(z_j) || p(z_j)).
    """

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor


def decompose(code: Code, examples: int) -> Decomposition:
    """The parts of the rate, estimated from a batch out of `examples` (Chen et al. 2018, C.2).

    Args:
        code: of B examples drawn without replacement, at least 2.
        examples: n, how many there are in all; at least B.
    """
    z = code.z
    squares = (z.unsqueeze(1) - code.mean) ** 2
    each = log_normal(squares, 0.5 * code.log_var)  # (B, B, M): z of the row, q of the column
    weights = log_weights(len(z), examples, each)
    log_qz = torch.logsumexp(weights + each.sum(-1), 1)
    log_qz_each = torch.logsumexp(weights.unsqueeze(-1) + each, 1)
    log_qz_x = each.diagonal(dim1=0, dim2=1).sum(0)
    log_pz_each = log_normal(z**2, torch.zeros_like(z))
    return Decomposition(
        (log_qz_x - log_qz).mean(),
        (log_qz - log_qz_each.sum(-1)).mean(),
        (log_qz_each - log_pz_each).sum(-1).mean(),
    )


def log_weights(batch: int, examples: int, like: Tensor) -> Tensor:
    """(B, B) log weights under which Σ_j w_ij q(z_i|x_j) is an unbiased estimate of q(z_i).

    The example that z was drawn from has the weight 1/n, and each other example of the batch the
    weight (n - 1) / (n · (B - 1)), which stands for the examples outside the batch too. This is the
    stratified estimate of Chen et al. 2018 averaged over which example of the batch is the stratum:
    its expectation is the same, its variance smaller, and with the whole data in one batch it is
    exact.
    """
    if not 2 <= batch <= examples:
        raise ValueError(f"q(z) cannot be estimated from {batch} of {examples} examples")
    own = -math.log(examples)
    other = math.log((examples - 1) / (examples * (batch - 1)))
    weights = torch.full((batch, batch), other, dtype=like.dtype, device=like.device)
    return weights.fill_diagonal_(own)
