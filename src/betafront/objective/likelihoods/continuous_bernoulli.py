"""The continuous Bernoulli: a density on [0, 1] (Loaiza-Ganem & Cunningham 2019).

Written as an exponential family in the logit η = log(λ / (1 - λ)), `p(x) = C(η) exp(ηx)` with
`C(η) = η / (e^η - 1)`. `torch.distributions.ContinuousBernoulli` works through λ, which rounds to
0 or 1 at large logits and loses the constant there; in η it is exact on the whole line.
"""

from collections.abc import Callable, Iterable
from typing import ClassVar

import torch
from torch import Tensor

from betafront.objective.likelihoods.base import (
    Likelihood,
    check_unit_interval,
    mean_over,
    raised,
)

# Below this |η| the closed forms lose digits to cancellation and their Taylor series, cut after the
# fourth order, is exact to float32 (the next term is under 1e-9).
SERIES_BELOW = 0.1

FARTHEST = 1e6
"""The greatest |η| that a mean is inverted to: it is that of a mean 10⁻⁶ from an end."""

HALVINGS = 60  # of an interval: float64 has 53 digits


class ContinuousBernoulli(Likelihood):
    """`p(x|z)` with logit `decoder(z)`, for grey values in [0, 1]. Its mean is not λ."""

    density: ClassVar[bool] = True

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        return params * x + log_constant(params)

    def mean_log_prob(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """As of any likelihood: log p is linear in x."""
        mean = raised(x).mean(0, keepdim=True)
        return lambda params: self.log_prob(params, mean).sum()

    def mean(self, params: Tensor) -> Tensor:
        params = raised(params)
        small = params.abs() < SERIES_BELOW
        eta = torch.where(small, torch.ones_like(params), params)
        closed = 0.5 + 0.5 / torch.tanh(0.5 * eta) - 1 / eta  # no exponential to overflow
        series = 0.5 + params / 12 - params**3 / 720
        return torch.where(small, series, closed)

    def sample(self, params: Tensor) -> Tensor:
        params = raised(params)
        u = torch.rand_like(params)
        small = params.abs() < 1e-4
        # The inverse of the distribution function, for η > 0 and mirrored for η < 0, where it has
        # no large exponential.
        eta = torch.where(small, torch.ones_like(params), params.abs())
        x = 1 + torch.log(u - (u - 1) * torch.exp(-eta)) / eta
        x = torch.where(params > 0, x, 1 - x)
        return torch.where(small, u, x).clamp(0, 1)

    def constant(self, batches: Iterable[Tensor]) -> Tensor:
        """The η of which the mean is that of the examples."""
        mean = mean_over(batches)
        low, high = torch.full_like(mean, -FARTHEST), torch.full_like(mean, FARTHEST)
        for _ in range(HALVINGS):  # the mean grows with η
            middle = 0.5 * (low + high)
            above = self.mean(middle) > mean
            low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        return (0.5 * (low + high)).float()

    def score(self, params: Tensor, x: Tensor) -> Tensor:
        return (x - self.mean(params)).flatten(1)[:, None]

    def information(self, params: Tensor, x: Tensor) -> Tensor:
        """The variance of x, the derivative of its mean by η."""
        eta = raised(params).double()
        small = eta.abs() < SERIES_BELOW
        away = torch.where(small, torch.ones_like(eta), eta)
        closed = 1 / away**2 - 0.25 / torch.sinh(0.5 * away) ** 2
        variance = torch.where(small, 1 / 12 - eta**2 / 240 + eta**4 / 6048, closed)
        return variance.to(raised(params).dtype).flatten(1)[:, None]

    def check(self, x: Tensor) -> None:
        check_unit_interval(x, "continuous_bernoulli")


def log_constant(eta: Tensor) -> Tensor:
    """Log C(η) = log(η / (e^η - 1)), element by element, with a finite gradient everywhere."""
    small = eta.abs() < SERIES_BELOW
    magnitude = torch.where(small, torch.ones_like(eta), eta.abs())
    # η / (e^η - 1) = |η| / (1 - e^-|η|) · e^-max(η, 0)
    closed = magnitude.log() - torch.log(-torch.expm1(-magnitude)) - eta.clamp(min=0)
    series = -eta / 2 - eta**2 / 24 + eta**4 / 2880
    return torch.where(small, series, closed)
