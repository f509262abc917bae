"""Inflated zeros: counts of which a part is 0 whatever the rate is."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from betafront.objective.likelihoods.base import Likelihood, raised
from betafront.objective.likelihoods.counts.count_likelihood import (
    CountLikelihood,
    Total,
    check_counts,
)
from betafront.objective.likelihoods.counts.dispersion import Mode
from betafront.objective.likelihoods.counts.negative_binomial import NegativeBinomial
from betafront.objective.likelihoods.counts.poisson import Poisson


class ZeroInflated(Likelihood):
    """`p(0|z) = π + (1 - π) P(0)` and `p(x|z) = (1 - π) P(x)`: the last output of the decoder is
    the logit of π, in every data dimension.

    Args:
        counts: P, a mass that factorises over the data dimensions.
        name: what the configuration calls this.
    """

    density = False
    in_data_units = False

    def __init__(self, counts: CountLikelihood, name: str) -> None:
        super().__init__()
        self.counts = counts
        self.name = name
        self.outputs = counts.outputs + 1
        self.lr_factor = counts.lr_factor

    def suit(self, shape: tuple[int, ...]) -> Self:
        self.counts.suit(shape)
        return self

    def input_layers(self) -> list[nn.Module]:
        return self.counts.input_layers()

    @property
    def unset(self) -> bool:
        return self.counts.unset

    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        return self.counts.statistic(params, x)

    def remember(self, statistic: Tensor | None) -> None:
        self.counts.remember(statistic)

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        of_counts, logit = self._apart(params)
        counted = logsigmoid(-logit) + self.counts.log_prob_each(of_counts, x)
        # As `logaddexp`, whose second derivative is NaN where its terms are 710 apart.
        inflated = logsigmoid(logit)
        zero = inflated + softplus(counted - inflated, threshold=30)
        return torch.where(x == 0, zero, counted)

    def mean(self, params: Tensor) -> Tensor:
        of_counts, logit = self._apart(params)
        return torch.sigmoid(-logit) * self.counts.mean(of_counts)

    def mean_given(self, params: Tensor, x: Tensor) -> Tensor:
        of_counts, logit = self._apart(params)
        return torch.sigmoid(-logit) * self.counts.mean_given(of_counts, x)

    def sample(self, params: Tensor) -> Tensor:
        of_counts, logit = self._apart(params)
        return torch.bernoulli(torch.sigmoid(-logit)) * self.counts.sample(of_counts)

    def check(self, x: Tensor) -> None:
        check_counts(x, f"likelihood={self.name}")

    def _apart(self, params: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs of P, (B, (outputs - 1)·C, …), and the logits of π, (B, C, …)."""
        apart = self.unpack(raised(params))
        return apart[:, :-1].flatten(1, 2), apart[:, -1]


class ZeroInflatedPoisson(ZeroInflated):
    """A Poisson with inflated zeros (Lambert 1992).

    Args:
        total: as in `Poisson`.
    """

    def __init__(self, total: Total | None = None) -> None:
        super().__init__(Poisson(total), "zero_inflated_poisson")


class ZeroInflatedNegativeBinomial(ZeroInflated):
    """A negative binomial with inflated zeros, as single-cell models have it (Lopez et al. 2018).

    Args:
        total, mode, dispersion, lr_factor: as in `NegativeBinomial`.
    """

    def __init__(
        self,
        total: Total | None = None,
        mode: Mode = "per_dimension",
        dispersion: float = 1.0,
        lr_factor: float = 1.0,
    ) -> None:
        counts = NegativeBinomial(total, mode, dispersion, lr_factor)
        super().__init__(counts, "zero_inflated_negative_binomial")
