"""The Bernoulli: a mass on {0, 1}."""

from collections.abc import Callable, Iterable
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli

from betafront.errors import UserError
from betafront.objective.likelihoods.base import (
    Likelihood,
    check_unit_interval,
    mean_over,
    raised,
)


class Bernoulli(Likelihood):
    """`p(x|z) = Bernoulli(x; sigmoid(decoder(z)))`, for binary data.

    Args:
        grey: accept grey values in [0, 1]. Then `log_prob` is minus the cross-entropy, which is no
            log-likelihood: its least value is the data's entropy, not 0, and its distortion must
            not be compared with that of another likelihood (Loaiza-Ganem & Cunningham 2019).
    """

    density: ClassVar[bool] = False

    def __init__(self, grey: bool = False) -> None:
        super().__init__()
        self.grey = grey

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        log_mass: Tensor = self._distribution(params).log_prob(x)
        return log_mass

    def mean_log_prob(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """As of any likelihood: log p is linear in x."""
        mean = raised(x).mean(0, keepdim=True)
        return lambda params: self.log_prob(params, mean).sum()

    def mean(self, params: Tensor) -> Tensor:
        return raised(params).sigmoid()

    def sample(self, params: Tensor) -> Tensor:
        drawn: Tensor = self._distribution(params).sample()
        return drawn

    def constant(self, batches: Iterable[Tensor]) -> Tensor:
        """The logit of the mean; finite where a pixel never changes."""
        return torch.logit(mean_over(batches), eps=1e-12).float()

    def score(self, params: Tensor, x: Tensor) -> Tensor:
        return (x - self.mean(params)).flatten(1)[:, None]

    def information(self, params: Tensor, x: Tensor) -> Tensor:
        p = self.mean(params)
        return (p * raised(-params).sigmoid()).flatten(1)[:, None]

    def check(self, x: Tensor) -> None:
        check_unit_interval(x, "bernoulli")
        if not self.grey and not bool(((x == 0) | (x == 1)).all()):
            raise UserError(
                "likelihood=bernoulli is for binary data, but the images have grey values: "
                "binarise them (data.binarize=0.5) and leave data.dequantize=false, use "
                "likelihood=continuous_bernoulli, gaussian or categorical, or say that you mean "
                "cross-entropy with likelihood.grey=true"
            )

    @staticmethod
    def _distribution(params: Tensor) -> TorchBernoulli:
        # Validation is off because the support is checked once per study, not per batch.
        return TorchBernoulli(logits=raised(params), validate_args=False)
