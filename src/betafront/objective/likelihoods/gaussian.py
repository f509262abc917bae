"""The Gaussian with one σ for all data dimensions: fixed, learned, or optimal."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.objective.likelihoods.base import Likelihood

# σ below e^-6 (a quarter of a percent of the data's range) is below one grey level of 8-bit images:
# there the density has no bound, and a soft floor keeps the loss finite (Rybkin et al. 2021).
LOG_SIGMA_FLOOR = -6.0


class Gaussian(Likelihood):
    """`p(x|z) = N(x; decoder(z), σ²)`, one σ shared by all examples and data dimensions.

    Args:
        sigma: σ itself where it is fixed; where it is learned, where learning starts.
        mode: `fixed`; `learned`, by gradient, as a parameter of the model; or `optimal`, the
            analytic optimum σ² = mean squared error of the batch (Rybkin et al. 2021, equation 5,
            where the text prints σ for σ²). Evaluation uses the σ of training, kept as a running
            mean of the squared error, never one refitted to the evaluated batch.
        momentum: of that running mean, per optimiser step.
    """

    support: ClassVar[str] = "all real numbers (a density)"

    def __init__(
        self,
        sigma: float = 1.0,
        mode: Literal["fixed", "learned", "optimal"] = "optimal",
        momentum: float = 0.99,
    ) -> None:
        super().__init__()
        if not 0 < sigma < math.inf:
            raise UserError(f"likelihood.sigma must be above 0, not {sigma}")
        if mode not in ("fixed", "learned", "optimal"):
            raise UserError(f"likelihood.mode is fixed, learned or optimal, not '{mode}'")
        self.mode = mode
        self.momentum = momentum
        self.raw_log_sigma: Tensor
        start = torch.tensor(math.log(sigma) if mode == "fixed" else inverse_soft_floor(sigma))
        if mode == "learned":
            self.raw_log_sigma = nn.Parameter(start)
        else:
            self.register_buffer("raw_log_sigma", start)
        self.square: Tensor
        self.seen: Tensor
        self.register_buffer("square", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        squares = (x - params) ** 2
        log_sigma = self._log_sigma(squares)
        density = -0.5 * (squares * torch.exp(-2 * log_sigma) + math.log(2 * math.pi)) - log_sigma
        return density.flatten(1).sum(1)

    def mean(self, params: Tensor) -> Tensor:
        return params

    def sample(self, params: Tensor) -> Tensor:
        return params + torch.exp(self._log_sigma()) * torch.randn_like(params)

    @property
    def sigma(self) -> float:
        return math.exp(self._log_sigma().item())

    def _log_sigma(self, squares: Tensor | None = None) -> Tensor:
        if self.mode == "fixed":
            return self.raw_log_sigma
        if self.mode == "learned":
            return soft_floor(self.raw_log_sigma)
        if self.training and squares is not None:
            # A perfect reconstruction has no logarithm.
            mse = squares.mean().clamp(min=torch.finfo(squares.dtype).tiny)
            self._remember(mse.detach())
            return soft_floor(0.5 * torch.log(mse))
        if self.seen == 0:
            return soft_floor(self.raw_log_sigma)  # nothing trained yet
        return soft_floor(0.5 * torch.log(self.square / self.seen))

    def _remember(self, mse: Tensor) -> None:
        self.square = self.momentum * self.square + (1 - self.momentum) * mse
        self.seen = self.momentum * self.seen + (1 - self.momentum)


def soft_floor(log_sigma: Tensor) -> Tensor:
    """`log_sigma` kept above LOG_SIGMA_FLOOR, smoothly: the floor's variance is added to σ².

    A floor added to σ itself would still be 2.5 % of it at σ = 0.1, far from the optimum there.
    """
    return LOG_SIGMA_FLOOR + nn.functional.softplus(log_sigma - LOG_SIGMA_FLOOR, beta=2)


def inverse_soft_floor(sigma: float) -> float:
    """The raw value at which `soft_floor` gives log σ.

    Raises:
        UserError: σ is at or below the floor.
    """
    above = math.log(sigma) - LOG_SIGMA_FLOOR
    if above <= 0:
        raise UserError(
            f"likelihood.sigma must be above {math.exp(LOG_SIGMA_FLOOR):.2g}, not {sigma}"
        )
    return LOG_SIGMA_FLOOR + above + 0.5 * math.log(-math.expm1(-2 * above))
