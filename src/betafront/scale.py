"""The one scale: every way to write a VAE loss is a pair of weights, and so one β.

The trained loss is `w_D · D + w_R · R`, with the distortion D and the rate R in nats per example.
The ratio `β = w_R / w_D` alone decides where the optimum lies (Higgins et al. 2017, section 2), so
a convention is a pair of weights, and two losses have the same optimum when their β are equal.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from betafront.errors import UserError, near_miss


@dataclass(frozen=True)
class Weights:
    """The weights of D and of R (both sums, in nats per example) in a loss."""

    distortion: float
    rate: float

    @property
    def beta(self) -> float:
        """The canonical β: the weight of R when D has weight 1."""
        return self.rate / self.distortion


@dataclass(frozen=True)
class Normalisation:
    """A convention for reading the number `w` that a user writes in front of the KL term.

    Args:
        name: as in `conf/normalisation`.
        formula: the loss as its users write it, for tables and pages.
        scale: maps the number of data dimensions N and of latents M to the weights at `w = 1`.
    """

    name: str
    formula: str
    scale: Callable[[int, int], Weights]

    def weights(self, weight: float, pixels: int, latents: int) -> Weights:
        """The weights of D and R of the written `weight`, with N `pixels` (channels x height x
        width) and M `latents`."""
        unit = self.scale(pixels, latents)
        return Weights(unit.distortion, weight * unit.rate)

    def beta(self, weight: float, pixels: int, latents: int) -> float:
        """The canonical β of the written `weight`."""
        return self.weights(weight, pixels, latents).beta

    def weight(self, beta: float, pixels: int, latents: int) -> float:
        """The number to write in this convention for the canonical `beta`."""
        return beta / self.scale(pixels, latents).beta


NORMALISATIONS = {
    n.name: n
    for n in (
        Normalisation("sum", "sum_N + w · sum_M", lambda N, M: Weights(1.0, 1.0)),
        Normalisation("mean", "mean_N + w · mean_M", lambda N, M: Weights(1 / N, 1 / M)),
        Normalisation("pixel_mean", "mean_N + w · sum_M", lambda N, M: Weights(1 / N, 1.0)),
        # Higgins et al. 2017, section 2: β_norm = β·M/N.
        Normalisation("beta_norm", "sum_N + w·N/M · sum_M", lambda N, M: Weights(1.0, N / M)),
    )
}


def normalisation(name: str) -> Normalisation:
    """The normalisation of that name.

    Raises:
        UserError: there is no such normalisation.
    """
    if name not in NORMALISATIONS:
        raise UserError(f"unknown normalisation '{name}': {near_miss(name, NORMALISATIONS)}")
    return NORMALISATIONS[name]


SQUARED_ERRORS = {"full": 1.0, "half": 0.5}
"""The a of `a·SSE` by its name: 'full' is SSE, 'half' is ½·SSE."""


@dataclass(frozen=True)
class Convention:
    """A loss as it is written: a normalisation, and the kind of its first term.

    A squared error is the D of a Gaussian without its σ: `SSE = 2σ²·D + a constant`, so
    `w_D·a·SSE + w_R·KL` has `β·σ² = w_R / (2·a·w_D)`. Such a loss sets that product and not β.

    Args:
        normalisation: sums or means over N and over M.
        squared_error: 'full' or 'half' where the first term is a·SSE; None where it is a negative
            log-likelihood in nats.
        coefficient: a number written in front of the first term.

    Raises:
        UserError: `squared_error` is another word, or the coefficient is not above 0.
    """

    normalisation: Normalisation
    squared_error: str | None = None
    coefficient: float = 1.0

    def __post_init__(self) -> None:
        if self.squared_error is not None and self.squared_error not in SQUARED_ERRORS:
            raise UserError(
                f"unknown squared error '{self.squared_error}': "
                f"{near_miss(self.squared_error, SQUARED_ERRORS)}"
            )
        if not 0 < self.coefficient < math.inf:
            raise UserError(f"the coefficient must be above 0 and finite, not {self.coefficient}")

    @property
    def formula(self) -> str:
        """The loss as its users write it; beside a squared error, KL is the sum over M."""
        formula = self.normalisation.formula
        if self.squared_error is not None:
            formula = formula.replace("sum_N", "SSE").replace("mean_N", "MSE")
            formula = formula.replace(" · sum_M", "·KL").replace(" · mean_M", "·KL/M")
        half = "½·" if self.squared_error == "half" else ""
        number = "" if self.coefficient == 1 else f"{self.coefficient:g}·"
        return number + half + formula

    def weights(self, weight: float, pixels: int, latents: int, sigma: float = 1.0) -> Weights:
        """The weights of D and R of the written `weight`. `sigma` is the standard deviation of the
        squared error's Gaussian; a log-likelihood does not depend on it."""
        written = self.normalisation.weights(weight, pixels, latents)
        nats = self.coefficient  # of D per unit of the term as written, up to a constant
        if self.squared_error is not None:
            nats *= 2 * SQUARED_ERRORS[self.squared_error] * sigma**2
        return Weights(nats * written.distortion, written.rate)

    def beta(self, weight: float, pixels: int, latents: int, sigma: float = 1.0) -> float:
        """The canonical β of the written `weight`."""
        return self.weights(weight, pixels, latents, sigma).beta

    def weight(self, beta: float, pixels: int, latents: int, sigma: float = 1.0) -> float:
        """The number to write in this convention for the canonical `beta`."""
        return beta / self.beta(1.0, pixels, latents, sigma)


def in_every_convention(beta: float, pixels: int, latents: int) -> dict[str, float]:
    """The weight to write in each normalisation for the canonical `beta`."""
    return {name: n.weight(beta, pixels, latents) for name, n in NORMALISATIONS.items()}


def beta_norm(beta: float, pixels: int, latents: int) -> float:
    """The normalised β, `β·M/N` (Higgins et al. 2017)."""
    return beta * latents / pixels


def squared_error_weight(beta: float, sigma: float, half: bool = False) -> float:
    """The weight w for which `SSE + w·KL` (or `½·SSE + w·KL`) is the β-VAE at this β and σ.

    `a·SSE + w·KL` has `β·σ² = w / (2a)` (see `Convention`), so such a loss sets the product β·σ²
    alone.
    """
    return (1.0 if half else 2.0) * beta * sigma**2


def squared_error_weights(
    beta: float, pixels: int, latents: int, sigma: float
) -> dict[str, dict[str, float]]:
    """The weight to write beside a squared error, full and half, in each normalisation."""
    return {
        word: {
            name: Convention(n, word).weight(beta, pixels, latents, sigma)
            for name, n in NORMALISATIONS.items()
        }
        for word in SQUARED_ERRORS
    }
