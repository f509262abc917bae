"""The multinomial: how the total count of an example falls on its data dimensions."""

import torch
from torch import Tensor
from torch.distributions import Multinomial as TorchMultinomial

from betafront.objective.likelihoods.base import raised
from betafront.objective.likelihoods.counts.log_mass import (
    at_least_one,
    log_of_peak,
    log_poisson,
)
from betafront.objective.likelihoods.counts.of_rates import OfRates


class Multinomial(OfRates):
    """`p(x|z) = n! / Π x_d! · Π p_d^x_d` with `p = softmax(decoder)` over all data dimensions, for
    the total count n of the example itself (recommenders: Liang et al. 2018, who leave the
    coefficient out).

    It is written as independent Poissons of the rates `n p_d`, given that their total is n: then an
    error of the softmax's sum, which n would multiply, cancels. An example without any count has
    D = 0. Where z alone is known, n is the mean total of the training data.
    """

    name = "multinomial"

    def __init__(self) -> None:
        super().__init__("row")

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        """Of the total, which belongs to no data dimension, each has an equal part."""
        total = x.flatten(1).sum(1)
        of_total = torch.where(total > 0, log_of_peak(at_least_one(total)), 0.0) / x[0].numel()
        each = log_poisson(x, self.rates(params, x))
        return each + of_total.view(-1, *[1] * (x.ndim - 1))

    def mean_at(self, params: Tensor, x: Tensor | None) -> Tensor:
        return self.rates(params, x)

    def sample(self, params: Tensor) -> Tensor:
        logits = raised(params)
        n = int(self.mean_total(logits).round())
        if n == 0:
            return torch.zeros_like(logits)
        drawn: Tensor = TorchMultinomial(n, logits=logits.flatten(1), validate_args=False).sample()
        return drawn.view_as(logits)
