"""Counts that are Poissons of their rates, or Poissons given their total."""

from collections.abc import Iterable

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import mean_over, raised
from betafront.objective.likelihoods.counts.count_likelihood import CountLikelihood


class OfRates(CountLikelihood):
    """Counts whose score is `x - rate`."""

    @torch.no_grad()
    def constant(self, batches: Iterable[Tensor]) -> Tensor:
        """The log of the mean count, against the mean over all data dimensions."""
        mean = mean_over(batches).float().clamp(min=torch.finfo(torch.float32).tiny)
        self.mean_count, self._unset = mean.mean(), False
        return (mean / self.mean_count).log()

    def score(self, params: Tensor, x: Tensor) -> Tensor:
        return (raised(x) - self.rates(raised(params), raised(x))).flatten(1)[:, None]

    def information(self, params: Tensor, x: Tensor) -> Tensor:
        """The rate. Of rates with a given total n there is a part - n p pᵀ beside it, which is 0 on
        scores, whose sum is 0."""
        rates = self.rates(raised(params), raised(x))
        return rates.mean(0, keepdim=True).flatten(1)[:, None]
