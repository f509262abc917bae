"""One scale for all examples and data dimensions: fixed, learned, or optimal."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from betafront.errors import UserError

Mode = Literal["fixed", "learned", "optimal"]

# A scale below e^-6 (a quarter of a percent of the data's range) is below one grey level of 8-bit
# images: there a density has no bound, and a soft floor keeps the loss finite (Rybkin et al. 2021).
LOG_FLOOR = -6.0
# And where the decoder gives the scale, one that is far beyond any data's must stay finite.
LOG_CEILING = 12.0


class Spread(nn.Module):
    """The logarithm of one scale (σ of a Gaussian, b of a Laplace, s of a logistic).

    Args:
        key: what the configuration calls the scale, for errors.
        scale: the scale itself where it is fixed, 1 by default; where it is learned, where learning
            starts, by default the optimum of the first batch that `remember` is told of.
        mode: `fixed`; `learned`, by gradient, as a parameter of the model; or `optimal`, the
            analytic optimum `scale^p = mean |x - m|^p` of the batch (Rybkin et al. 2021, equation
            5, where the text prints σ for σ²). Evaluation uses the scale of training, kept as a
            running mean of |x - m|^p, never one refitted to the evaluated batch.
        power: that p: 2 for a Gaussian, 1 for a Laplace.
        momentum: of that running mean, per optimiser step.
        floor: the least log scale, where the scale is not fixed.

    Attributes:
        unset: whether a learned scale is still to be set to the optimum of a batch.

    Raises:
        UserError: the mode is none of these, or the scale cannot be.
    """

    def __init__(
        self,
        key: str,
        scale: float | None,
        mode: Mode,
        power: int = 2,
        momentum: float = 0.99,
        floor: float = LOG_FLOOR,
    ) -> None:
        super().__init__()
        self.unset = scale is None and mode == "learned"
        start = 1.0 if scale is None else scale
        if not isinstance(start, int | float) or not 0 < start < math.inf:
            raise UserError(f"likelihood.{key} must be above 0, not {start}")
        if mode not in ("fixed", "learned", "optimal"):
            raise UserError(f"likelihood.mode is fixed, learned or optimal, not '{mode}'")
        self.mode = mode
        self.power = power
        self.momentum = momentum
        self.floor = floor
        if mode != "fixed" and math.log(start) <= floor:
            raise UserError(f"likelihood.{key} must be above {math.exp(floor):.2g}, not {start}")
        self.raw_log: Tensor
        raw = math.log(start) if mode == "fixed" else inverse_soft_floor(math.log(start), floor)
        if mode == "learned":
            self.raw_log = nn.Parameter(torch.tensor(raw))
        else:
            self.register_buffer("raw_log", torch.tensor(raw))
        self.total: Tensor
        self.seen: Tensor
        self.register_buffer("total", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))

    @property
    def adapts(self) -> bool:
        """Whether the scale is that of each batch: in training, where it is optimal."""
        return self.mode == "optimal" and self.training

    @property
    def learns_from_batches(self) -> bool:
        """Whether `remember` is to be told the mean of |x - m|^p of a batch."""
        return self.adapts or (self.unset and self.training)

    def log(self, powers: Tensor | None = None) -> Tensor:
        """() the log scale, given |x - m|^p of the batch; without it, as in evaluation."""
        if self.mode == "fixed":
            return self.raw_log
        if self.mode == "learned":
            return soft_floor(self.raw_log, self.floor)
        if self.adapts and powers is not None:
            return self.optimum(mean_power(powers))
        remembered = torch.log(self.total / self.seen) / self.power
        untrained = self.seen == 0
        return soft_floor(torch.where(untrained, self.raw_log, remembered), self.floor)

    def optimum(self, mean: Tensor) -> Tensor:
        """() the log scale that is best for this mean of |x - m|^p, kept above the floor."""
        return soft_floor(torch.log(mean) / self.power, self.floor)

    @torch.no_grad()
    def remember(self, mean: Tensor | None) -> None:
        """Move the running mean of |x - m|^p by that of a batch, its `mean_power`; or set a learned
        scale that is unset.

        Raises:
            UserError: the scale is optimal, and the model lost the mean on the way.
        """
        if self.unset and mean is not None:
            self.set(mean)
        if self.mode != "optimal":
            return
        if mean is None:
            raise UserError(
                "likelihood.mode=optimal learns its scale from the statistic of each batch, and "
                "this model gives none: have its observe return likelihood.statistic, or use "
                "likelihood.mode=learned"
            )
        self.total.mul_(self.momentum).add_((1 - self.momentum) * mean)
        self.seen.mul_(self.momentum).add_(1 - self.momentum)

    @torch.no_grad()
    def set(self, mean: Tensor) -> None:
        """Make the scale the optimum for this mean of |x - m|^p."""
        self.unset = False
        if self.mode == "optimal":
            self.total.copy_(mean)
            self.seen.fill_(1.0)
        else:
            # Far below the floor a learned scale would have no gradient to come back by.
            self.raw_log.copy_((torch.log(mean) / self.power).clamp(min=self.floor))


def mean_power(powers: Tensor) -> Tensor:
    """() the mean of |x - m|^p, above 0: a perfect reconstruction has no logarithm."""
    return powers.mean().clamp(min=torch.finfo(powers.dtype).tiny)


def soft_floor(log_scale: Tensor, floor: float = LOG_FLOOR) -> Tensor:
    """`log_scale` kept above `floor`, smoothly: the floor's square is added to that of the scale.

    A floor added to the scale itself would still be 2.5 % of it at 0.1, far from the optimum there.
    """
    return floor + nn.functional.softplus(log_scale - floor, beta=2)


def between(raw: Tensor, floor: float, ceiling: float) -> Tensor:
    """`raw` kept between `floor` and `ceiling`, smoothly, with a finite gradient everywhere."""
    return soft_floor(ceiling - nn.functional.softplus(ceiling - raw, beta=2), floor)


def inverse_soft_floor(log_scale: float, floor: float = LOG_FLOOR) -> float:
    """The raw value at which `soft_floor` gives `log_scale`, which must be above the floor."""
    return log_scale + 0.5 * math.log(-math.expm1(-2 * (log_scale - floor)))
