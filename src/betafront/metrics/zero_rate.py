"""The floor under every study: the best a decoder can do that is told nothing about x."""

import copy
import math
from typing import Any

import torch
from torch import Tensor

from betafront.objective import Likelihood

EXAMPLES = 2000
STEPS = 300


def zero_rate(likelihood: Likelihood, train: Tensor, val: Tensor) -> dict[str, float]:
    """The values of a fully collapsed VAE, whose decoder gives the same output for every z.

    Its constant output (and the likelihood's own parameters) are fitted by gradient on up to 2,000
    training images, so it answers for every likelihood alike, and is evaluated on `val`.

    Args:
        likelihood: p(x|z); left as it was.
        train, val: (n, C, H, W).
    """
    fresh, likelihood = likelihood, copy.deepcopy(likelihood)
    x = train[:EXAMPLES]
    params = torch.zeros_like(x[:1]).requires_grad_()
    # Only a Gaussian takes data beyond 1, and there the output is in the data's own units.
    units = max(1.0, float(x.abs().max()))
    groups: list[dict[str, Any]] = [
        {"params": [params], "lr": 0.1 * units},
        {"params": list(likelihood.parameters())},
    ]
    optimizer = torch.optim.Adam(groups, lr=0.1)
    likelihood.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        (-likelihood.log_prob(params.expand_as(x), x).mean()).backward()
        optimizer.step()
    with torch.no_grad():
        # What a likelihood remembers of training (an optimal σ) is to be that of the fitted output.
        for kept, start in zip(likelihood.buffers(), fresh.buffers(), strict=True):
            kept.copy_(start)
        likelihood.log_prob(params.expand_as(x), x)
        likelihood.eval()
        distortion = -float(likelihood.log_prob(params.expand_as(val), val).double().mean())
        mse = float(((likelihood.mean(params) - val) ** 2).double().mean())
    return {
        "distortion": distortion,
        "rate": 0.0,
        "negative_elbo": distortion,
        "mse": mse,
        "bits_per_dim": distortion / (val[0].numel() * math.log(2)),
    }
