"""Likelihoods of counts: masses of the whole numbers themselves, one family per file."""

from betafront.objective.likelihoods.counts.multinomial import Multinomial
from betafront.objective.likelihoods.counts.negative_binomial import NegativeBinomial
from betafront.objective.likelihoods.counts.poisson import Poisson
from betafront.objective.likelihoods.counts.zero_inflated import (
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)

__all__ = [
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
]
