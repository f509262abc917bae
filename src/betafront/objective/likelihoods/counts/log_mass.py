"""Log masses of counts in nats with every constant, in float32 at counts of any size.

The textbook forms subtract numbers that grow with the count: at x = 10⁶ ln x! is 1.3·10⁷, of which
float32 keeps steps of 1 nat. These are written around the mean (Loader 2000, "Fast and accurate
computation of binomial probabilities"), with `lgamma` as Stirling's formula and its remainder.
"""

import math

import torch
from torch import Tensor

from betafront.objective.likelihoods.beta import stirling_remainder


def log_poisson(x: Tensor, rate: Tensor) -> Tensor:
    """Log of the mass of `x` under Poissons.

    Args:
        x: whole numbers of at least 0.
        rate: above 0.
    """
    gap = x - rate
    count = at_least_one(x)
    positive = gap - x * log_ratio(count, rate, gap) - log_of_peak(count)
    return torch.where(x > 0, positive, -rate)


def log_of_peak(x: Tensor) -> Tensor:
    """Minus the log of the mass of `x` under the Poisson whose rate is `x`, at least 1."""
    return 0.5 * (2 * math.pi * x).log() + stirling_remainder(x)


def log_negative_binomial(x: Tensor, mean: Tensor, theta: Tensor) -> Tensor:
    """Log of the mass of `x` under negative binomials of the variance `mean + mean² / theta`.

    Args:
        x: whole numbers of at least 0.
        mean: above 0.
        theta: the inverse dispersion θ, above 0; the Poisson is its limit.
    """
    gap, count = x - mean, at_least_one(x)
    among, of_mean = theta + x, theta + mean  # θ + x, and what it is in the mean
    spread = log_ratio(among, of_mean, gap)
    # x log(x / μ) - (θ + x) log((θ + x) / (θ + μ)), in two ways: the first is rounded by a part of
    # the gap, the second by a part of θ.
    near = x * log_ratio(count, mean, gap) - among * spread
    apart = x * (torch.log1p(theta / mean) - torch.log1p(theta / count)) - theta * spread
    from_mean = torch.where(gap.abs() <= theta, near, apart)
    peak = torch.where(x > 0, log_of_peak(count), 0.0)
    heavier = stirling_remainder(among) - stirling_remainder(theta) - 0.5 * torch.log1p(x / theta)
    return heavier - from_mean - peak


def log_ratio(x: Tensor, mean: Tensor, gap: Tensor) -> Tensor:
    """`log(x / mean)` of numbers above 0, from their difference `gap` where they are close."""
    close = gap.abs() < 0.5 * mean
    near = torch.log1p(torch.where(close, gap / mean, 0.0))
    return torch.where(close, near, (x / mean).log())


def at_least_one(x: Tensor) -> Tensor:
    """`x` with 1 in place of 0, whose logarithm nobody reads."""
    return x.clamp(min=1.0)
