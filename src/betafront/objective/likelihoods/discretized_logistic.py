"""The discretised logistic: the mass that a logistic density has in the cell of each grey level."""

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from betafront.errors import UserError
from betafront.objective.likelihoods.base import Likelihood
from betafront.objective.likelihoods.grid import grid
from betafront.objective.likelihoods.spread import LOG_CEILING, Spread, between

# At a twentieth of a cell all but 10⁻⁴ of the mass is in the cell of the mean: a smaller scale has
# nothing to win.
LEAST_CELLS = math.log(1 / 20)


class DiscretizedLogistic(Likelihood):
    """`p(level i|z) = σ((e_i+1 - m) / s) - σ((e_i - m) / s)`, with e_i the edges of the cells; the
    first and the last cell are open, so the k masses sum to 1 (Kingma et al. 2016; Salimans et al.
    2017). The decoder gives m.

    Args:
        levels: k.
        dequantized: whether the data is, as in `Grid`; the mass is that of the level in either
            case.
        scale: s itself where it is fixed; where it is learned, where learning starts.
        mode: `fixed`; `learned`, one s for all examples and data dimensions, as a parameter of the
            model; or `pixel`, one that the decoder gives for each data dimension.

    Raises:
        UserError: the number of levels is not known or cannot be, or the scale or mode cannot be.
    """

    density: ClassVar[bool] = False

    def __init__(
        self,
        levels: int | None,
        dequantized: bool = False,
        scale: float = 0.1,
        mode: Literal["fixed", "learned", "pixel"] = "learned",
    ) -> None:
        super().__init__()
        if mode not in ("fixed", "learned", "pixel"):
            raise UserError(f"likelihood.mode is fixed, learned or pixel, not '{mode}'")
        self.grid = grid("discretized_logistic", levels, dequantized)
        self.outputs = 2 if mode == "pixel" else 1
        floor = math.log(self.grid.width) + LEAST_CELLS
        shared: Literal["fixed", "learned"] = "learned" if mode == "learned" else "fixed"
        self.spread = Spread("scale", scale, shared, floor=floor)

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        mean, log_scale = self._mean_and_log_scale(params)
        level = self.grid.level(x)
        precision = torch.exp(-log_scale)
        gap, half = self.grid.value(level.to(x.dtype)) - mean, 0.5 * self.grid.width
        upper, lower = (gap + half) * precision, (gap - half) * precision
        first, last = level == 0, level == self.grid.levels - 1
        # log(σ(u) - σ(l)) = log σ(u) + log σ(-l) + log(1 - e^(l - u)), exactly.
        inner = torch.log(-torch.expm1(-self.grid.width * precision))
        return (
            torch.where(last, 0.0, logsigmoid(upper))
            + torch.where(first, 0.0, logsigmoid(-lower))
            + torch.where(first | last, 0.0, inner)
        )

    def mean_log_prob(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """As of any likelihood: the mean over the levels, each as often as it is there."""
        shares = self.grid.shares(x)
        there = shares.flatten(1).any(1).nonzero()[:, 0]
        values = self.grid.value(there.to(x.dtype)).view(-1, *[1] * (x.ndim - 1))
        shares = shares[there]
        return lambda params: (shares * self.log_prob_each(params, values)).sum()

    def mean(self, params: Tensor) -> Tensor:
        mean, log_scale = self._mean_and_log_scale(params)
        precision = torch.exp(-log_scale)
        levels = torch.arange(1, self.grid.levels, dtype=mean.dtype, device=mean.device)
        # E[level] is the sum over j > 0 of P(level ≥ j): no more memory than one image.
        expected = torch.zeros_like(mean)
        for edge in self.grid.value(levels - 0.5):
            expected += torch.sigmoid((mean - edge) * precision)
        return self.grid.value(expected)

    def sample(self, params: Tensor) -> Tensor:
        mean, log_scale = self._mean_and_log_scale(params)
        u = torch.rand_like(mean).clamp(min=torch.finfo(mean.dtype).tiny)
        x = mean + torch.exp(log_scale) * torch.logit(u)
        first = self.grid.value(torch.zeros_like(x))
        level = ((x - first) / self.grid.width).round().clamp(0, self.grid.levels - 1)
        return self.grid.value(level)

    def check(self, x: Tensor) -> None:
        self.grid.check(x, "discretized_logistic")

    def _mean_and_log_scale(self, params: Tensor) -> tuple[Tensor, Tensor]:
        unpacked = self.unpack(params)
        shared = self.spread.log()
        if self.outputs == 1:
            return unpacked[:, 0], shared
        return unpacked[:, 0], between(unpacked[:, 1] + shared, self.spread.floor, LOG_CEILING)
