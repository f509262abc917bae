"""What a fully collapsed VAE reaches: the worst values that a study is compared with."""

import math

import torch
from torch import Tensor

from betafront.data.data import Examples
from betafront.metrics.constant_output import fitted_constant
from betafront.metrics.lengths import mean_dims, of_symbols, per_token
from betafront.metrics.score import EVALUATION_BATCH
from betafront.objective import Likelihood
from betafront.objective.likelihoods.words import PADDING

EXAMPLES = 2000


def zero_rate(
    likelihood: Likelihood, train: Tensor, val: Tensor | Examples, log_volume: float = 0.0
) -> dict[str, float]:
    """The values of a VAE at rate 0, whose decoder gives the same output for every z. Of sequences
    of symbols they are those of `unigram`, whatever the likelihood.

    The constant output and the likelihood's own parameters are fitted by gradient on up to 2,000
    training examples, which works for every likelihood, and are evaluated on `val`.

    Args:
        likelihood: p(x|z); left as it was.
        train, val: (n, …); `val` in memory or read part by part.
        log_volume: nats per example that a density owes to the data's scale (`Data.log_volume`).
    """
    if of_symbols(train):
        return unigram(train, val)
    likelihood, params = fitted_constant(likelihood, train[:EXAMPLES])
    with torch.no_grad():
        squares, log_px = torch.zeros((), dtype=torch.float64, device=params.device), list[Tensor]()
        for part in (val,) if isinstance(val, Tensor) else val.split(EVALUATION_BATCH):
            log_px.append(likelihood.log_prob(params, part))
            squares += ((likelihood.mean_given(params, part) - part) ** 2).double().sum()
        distortion = -float(torch.cat(log_px).double().mean())
        mse = float(squares / math.prod(val.shape))
    if likelihood.density:
        distortion += log_volume
    return {
        "distortion": distortion,
        "rate": 0.0,
        "negative_elbo": distortion,
        "mse": mse,
        "bits_per_dim": distortion / (val[0].numel() * math.log(2)),
    }


def unigram(train: Tensor, val: Tensor | Examples) -> dict[str, float]:
    """The values of sentences whose words, and whose end, are independent draws: as often as they
    are in `train`, and once more.

    Args:
        train, val: (n, l) symbols.
    """
    symbols = 1 + max(int(part.max()) for part in (train, *val.split(EVALUATION_BATCH)))
    counts = 1 + torch.bincount(train.flatten(), minlength=symbols).double()
    counts[PADDING] = 0
    log_p = (counts / counts.sum()).log()
    log_p[PADDING] = 0  # it counts nowhere
    total = sum(float(log_p[part].sum()) for part in val.split(EVALUATION_BATCH))
    distortion, dims = -total / len(val), mean_dims(val)
    return {
        "distortion": distortion,
        "rate": 0.0,
        "negative_elbo": distortion,
        "bits_per_dim": distortion / (dims * math.log(2)),
        **per_token(distortion, dims),
    }
