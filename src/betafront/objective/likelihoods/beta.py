"""The Beta: a density on the open interval (0, 1) that may have a peak, a slope, or two ends.

Written around its mean, since the textbook form subtracts numbers that grow with the concentration:
at a = b = 10⁴ its lgamma is near 2·10⁵, of which float32 keeps steps of 0.016 nats per pixel.
"""

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Beta as TorchBeta

from betafront.errors import UserError
from betafront.objective.likelihoods.base import Likelihood, check_unit_interval, raised
from betafront.objective.likelihoods.spread import between

# A concentration of 10⁴ on both sides is a peak of one 8-bit grey level, and one of 0.01 has all
# but its ends emptied.
LOG_LEAST, LOG_MOST = math.log(0.01), math.log(1e4)

# From here on Stirling's series, cut after the third term, is exact to float64's 3e-10.
SERIES_FROM = 8.0


class Beta(Likelihood):
    """`p(x|z) = Beta(x; a, b)` for grey values in (0, 1), ends excluded.

    The decoder gives log a and log b of each data dimension, kept softly between 0.01 and 10⁴; an
    output of 0 is the uniform density. Images that reach black or white have no finite density:
    dequantised ones do.
    """

    outputs = 2
    density: ClassVar[bool] = True

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        log_a, log_b = self._log_concentrations(params)
        a, b = log_a.exp(), log_b.exp()
        n = a + b
        mean, rest = a / n, b / n
        # x - mean, taken from the nearer end of the interval, where it keeps its digits.
        gap = torch.where(a < b, x - mean, rest - (1 - x))
        from_mean = a * log_ratio(x, mean, gap) + b * log_ratio(1 - x, rest, -gap)
        stirling = 0.5 * (log_a + log_b - n.log() - math.log(2 * math.pi))
        remainder = stirling_remainder(n) - stirling_remainder(a) - stirling_remainder(b)
        return from_mean - x.log() - torch.log1p(-x) + stirling + remainder

    def mean_log_prob(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """As of any likelihood: log p is linear in log x and log(1 - x). In float64, where the
        textbook form keeps its digits."""
        x = raised(x)
        log_x, log_rest = (
            part.mean(0, keepdim=True, dtype=torch.float64) for part in (x.log(), torch.log1p(-x))
        )

        def of(params: Tensor) -> Tensor:
            a, b = (part.double().exp() for part in self._log_concentrations(params))
            log_total = torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
            return ((a - 1) * log_x + (b - 1) * log_rest - log_total).sum()

        return of

    def mean(self, params: Tensor) -> Tensor:
        log_a, log_b = self._log_concentrations(params)
        return (log_a - log_b).sigmoid()

    def sample(self, params: Tensor) -> Tensor:
        log_a, log_b = self._log_concentrations(params)
        drawn: Tensor = TorchBeta(log_a.exp(), log_b.exp(), validate_args=False).sample()
        # A draw nearer to an end than the numbers go is rounded to that end.
        limits = torch.finfo(drawn.dtype)
        return drawn.clamp(limits.tiny, 1 - limits.eps / 2)

    def check(self, x: Tensor) -> None:
        check_unit_interval(x, "beta")
        least, most = torch.aminmax(x)
        if least <= 0 or most >= 1:
            raise UserError(
                "likelihood=beta is for data in (0, 1) without its ends, but the data runs from "
                f"{least:.4g} to {most:.4g}: dequantise it with data.dequantize=true, or use "
                "likelihood=continuous_bernoulli"
            )

    def _log_concentrations(self, params: Tensor) -> tuple[Tensor, Tensor]:
        log_a, log_b = between(self.unpack(params), LOG_LEAST, LOG_MOST).unbind(1)
        return log_a, log_b


def log_ratio(x: Tensor, mean: Tensor, gap: Tensor) -> Tensor:
    """`log(x / mean)`, from their difference `gap` where they are close."""
    close = gap.abs() < 0.5 * mean
    near = torch.log1p(torch.where(close, gap / mean, 0.0))
    return torch.where(close, near, x.log() - mean.log())


def stirling_remainder(z: Tensor) -> Tensor:
    """`lgamma(z) - ((z - ½) log z - z + ½ log 2π)` for z > 0, without their large terms."""
    large = z >= SERIES_FROM
    high, low = torch.where(large, z, SERIES_FROM), torch.where(large, 1.0, z)
    series = (1 / 12 - (1 / 360 - 1 / (1260 * high**2)) / high**2) / high
    formula = (low - 0.5) * low.log() - low + 0.5 * math.log(2 * math.pi)
    return torch.where(large, series, torch.lgamma(low) - formula)
