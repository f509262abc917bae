"""How many data dimensions an example has: its numbers, or its symbols without the padding."""

import math

from torch import Tensor

from betafront.data.data import Examples
from betafront.metrics.score import EVALUATION_BATCH
from betafront.objective.likelihoods.words import PADDING

LARGEST = 700.0  # nats whose exponential is a number


def of_symbols(x: Tensor | Examples) -> bool:
    """Whether examples are sequences of symbols (`betafront.data.Data.symbols`)."""
    return not x[:1].is_floating_point()


def mean_dims(x: Tensor | Examples) -> float:
    """N, the numbers of an example; of sequences of symbols the mean number over all of `x`, each
    with its end and without its padding.

    Args:
        x: (n, …) in memory or read part by part.
    """
    if not of_symbols(x):
        return float(math.prod(x.shape[1:]))
    return sum(int((part != PADDING).sum()) for part in x.split(EVALUATION_BATCH)) / len(x)


def per_token(nats: float, dims: float) -> dict[str, float]:
    """`nll_per_token` in nats and the perplexity, of a bound on -log p(x).

    Args:
        nats: per sentence.
        dims: the mean number of tokens, with the end of each sentence.
    """
    each = nats / dims
    return {"nll_per_token": each, "perplexity": math.exp(min(each, LARGEST))}
