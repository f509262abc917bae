"""The one scale: every way to write a VAE loss as a pair of weights, and so as one β.

The trained loss is `w_D · D + w_R · R`, with the distortion D and the rate R in nats per example.
Only the ratio `β = w_R / w_D` decides where the optimum lies (Higgins et al. 2017, section 2), so a
convention is nothing but a pair of weights, and two losses agree when their β agree.
"""

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
        name: the word for it, as in `conf/normalisation`.
        formula: the loss as its users write it, for tables and pages.
        scale: maps the number of data dimensions N and of latents M to the weights at `w = 1`.
    """

    name: str
    formula: str
    scale: Callable[[int, int], Weights]

    def weights(self, weight: float, pixels: int, latents: int) -> Weights:
        """The weights of D and R that the written `weight` stands for, with N `pixels` (channels x
        height x width) and M `latents`."""
        unit = self.scale(pixels, latents)
        return Weights(unit.distortion, weight * unit.rate)

    def beta(self, weight: float, pixels: int, latents: int) -> float:
        """The canonical β of the written `weight`."""
        return self.weights(weight, pixels, latents).beta

    def weight(self, beta: float, pixels: int, latents: int) -> float:
        """What one must write in this convention to train at the canonical `beta`."""
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
        UserError: there is none.
    """
    if name not in NORMALISATIONS:
        raise UserError(f"unknown normalisation '{name}': {near_miss(name, NORMALISATIONS)}")
    return NORMALISATIONS[name]


def in_every_convention(beta: float, pixels: int, latents: int) -> dict[str, float]:
    """The weight to write in each normalisation for the canonical `beta`."""
    return {name: n.weight(beta, pixels, latents) for name, n in NORMALISATIONS.items()}


def beta_norm(beta: float, pixels: int, latents: int) -> float:
    """The normalised β, `β·M/N` (Higgins et al. 2017)."""
    return beta * latents / pixels


def squared_error_weight(beta: float, sigma: float, half: bool = False) -> float:
    """The weight w for which `SSE + w·KL` (or `½·SSE + w·KL`) is the β-VAE at this β and σ.

    Squared error is a Gaussian whose variance nobody wrote down: `a·SSE + w·KL` has
    `β·σ² = w / (2a)`, so such a loss sets only the product β·σ².
    """
    return (1.0 if half else 2.0) * beta * sigma**2
