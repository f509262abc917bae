"""What a Gaussian and a Laplace share: one scale for all examples and data dimensions."""

import math
from abc import abstractmethod

import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective.likelihoods.base import Likelihood, raised
from betafront.objective.likelihoods.spread import Spread, mean_power


class OneScale(Likelihood):
    """A density whose decoder gives a mean m, and whose scale is one number, at its optimum the
    p-th root of the mean of |x - m|^p.

    Args:
        spread: the scale, as σ of a Gaussian (p = 2) or b of a Laplace (p = 1).
        lr_factor: as in `Likelihood`.
        calibrate: whether the scale is set to the error on the validation split, once the model is
            trained (`betafront.training.spread.calibration`).

    Raises:
        UserError: the factor is negative or not finite, or the scale is fixed and to be calibrated.
    """

    def __init__(self, spread: Spread, lr_factor: float, calibrate: bool) -> None:
        super().__init__()
        if not isinstance(lr_factor, int | float) or not 0 <= lr_factor < math.inf:
            raise UserError(
                f"likelihood.lr_factor must be finite and not negative, not {lr_factor}"
            )
        if calibrate and spread.mode == "fixed":
            raise UserError(
                "likelihood.calibrate=true sets the scale, and likelihood.mode=fixed holds it: "
                "choose one of them"
            )
        self.spread = spread
        self.calibrate = calibrate
        self.lr_factor = lr_factor

    @abstractmethod
    def powers(self, mean: Tensor, x: Tensor) -> Tensor:
        """(B, C, ...) |x - m|^p."""

    @abstractmethod
    def log_prob_of(self, powers: Tensor, log_scale: Tensor) -> Tensor:
        """(B, C, ...) log p(x_d|z) of each data dimension, from |x - m|^p and the scale."""

    def log_prob_each(self, params: Tensor, x: Tensor) -> Tensor:
        powers = self.powers(params, x)
        return self.log_prob_of(powers, self.spread.log(powers))

    def log_prob_and_statistic(self, params: Tensor, x: Tensor) -> tuple[Tensor, Tensor | None]:
        if not self.spread.learns_from_batches:
            return super().log_prob_and_statistic(params, x)
        powers = self.powers(raised(params), raised(x))  # once for both, and so is its mean
        mean = mean_power(powers)
        log_scale = self.spread.optimum(mean) if self.spread.adapts else self.spread.log(powers)
        return self.log_prob_of(powers, log_scale).flatten(1).sum(1), mean.detach()

    @property
    def scale(self) -> float:
        """The scale in the data's units, as evaluation uses it."""
        return math.exp(self.spread.log().item())

    @property
    def fixed(self) -> bool:
        """Whether the scale is the user's choice."""
        return self.spread.mode == "fixed"

    @property
    def unset(self) -> bool:
        return self.spread.unset

    @torch.no_grad()
    def deviation(self, mean: Tensor, x: Tensor) -> Tensor:
        """() the mean of |x - m|^p over a batch, above 0.

        Args:
            mean: (B, C, ...) m.
            x: (B, C, ...).
        """
        return mean_power(self.powers(raised(mean), raised(x)))

    def statistic(self, params: Tensor, x: Tensor) -> Tensor | None:
        return self.deviation(params, x) if self.spread.learns_from_batches else None

    def remember(self, statistic: Tensor | None) -> None:
        self.spread.remember(statistic)

    def mean(self, params: Tensor) -> Tensor:
        return raised(params)
