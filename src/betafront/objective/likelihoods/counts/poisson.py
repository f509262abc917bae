"""The Poisson: a mass on counts whose variance is their mean."""

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import raised
from betafront.objective.likelihoods.counts.log_mass import log_poisson
from betafront.objective.likelihoods.counts.of_rates import OfRates


class Poisson(OfRates):
    """`p(x|z) = rate^x e^-rate / x!` in every data dimension; the decoder gives the rate.

    Args:
        total: as in `CountLikelihood`. With `row`, D is that of a `Multinomial` and what its total
            n costs, `-log Poisson(n; n)`, about ½ ln 2πn nats: the same gradient.
    """

    name = "poisson"

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        return log_poisson(x, self.rates(params, x))

    def mean_at(self, params: Tensor, x: Tensor | None) -> Tensor:
        return self.rates(params, x)

    def sample(self, params: Tensor) -> Tensor:
        return torch.poisson(self.rates(raised(params), None))
