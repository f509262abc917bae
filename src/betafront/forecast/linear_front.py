"""The front of the linear-Gaussian VAE, in closed form: reverse water-filling.

A VAE with one linear layer on either side and a Gaussian likelihood has its optimum at the level
`θ = β·σ²` of the eigenvalues λ of the data's covariance: a latent is live where λ > θ, has a rate
of ½ ln(λ/θ), and leaves a squared error of θ; what no latent tells leaves all of λ (Tipping &
Bishop 1999; Lucas et al. 2019).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDED = 1 + 5e-4
"""How far above its level an eigenvalue must be: data is float32, and a σ has a soft floor."""

STEP = 0.9
"""From a β of a traced front to the next one."""

LEAST_PART = 1e-8  # of β at its beginning, where the trace ends in any case

NO_VARIANCE = 1e-6
"""The part of the greatest eigenvalue below which another is 0, in float32."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A point of the front, in nats per example.

    Attributes:
        beta: the canonical β.
        sigma: σ, in the data's units.
        distortion, rate: D, with every constant and in the data set's units, and R.
        live: latents with a rate.
        val_distortion, val_rate: of the same model on the validation split.
    """

    beta: float
    sigma: float
    distortion: float
    rate: float
    live: int
    val_distortion: float
    val_rate: float


@dataclass(frozen=True)
class LinearFront:
    """The optimum of the linear-Gaussian VAE at every β.

    Attributes:
        values: (k,) the largest eigenvalues of the training split's covariance, in order; at least
            as many as there are latents, or all.
        total: the sum of all its eigenvalues.
        latents: M.
        pixels: N, dimensions that never change among them.
        variance: σ² where it is fixed; None where it is learned or optimal.
        least_variance: below which a σ² that is not fixed does not go.
        val_values: (k,) mean squares of the validation examples along the eigenvectors, about the
            mean of the training split.
        val_total: mean squared distance of them from that mean.
        log_volume: nats that D owes to the data's scale (`Data.log_volume`).
    """

    values: Values
    total: float
    latents: int
    pixels: int
    variance: float | None
    least_variance: float
    val_values: Values
    val_total: float
    log_volume: float = 0.0

    @property
    def used(self) -> Values:
        """The eigenvalues that the latents can tell of."""
        found: Values = self.values[: self.latents]
        return found

    @property
    def rank(self) -> int:
        """Latents that can be alive: those with an eigenvalue above 0."""
        return int((self.used > NO_VARIANCE * self.values[0]).sum())

    @property
    def collapsed_variance(self) -> float:
        """σ² of the model without a live latent."""
        if self.variance is not None:
            return self.variance
        return max(self.total / self.pixels, self.least_variance)

    def at(self, beta: float) -> Point:
        """The optimum at a canonical `beta` above 0."""
        variance = self._variance(beta)
        theta = beta * variance
        lam, seen = self.used, self.val_values[: self.latents]
        live = lam > theta * ROUNDED
        lam, seen = lam[live], seen[live]
        # q(z|x) has the mean √(λ - θ)/λ · y and the variance θ/λ, for the part y of x along the
        # eigenvector, whose mean square is λ in training and `seen` in validation.
        spread = theta / lam
        squares = (spread**2 * seen + (1 - spread) * theta).sum()
        val_rate = 0.5 * ((1 - spread) * seen / lam + spread - 1 - np.log(spread)).sum()
        return Point(
            beta=beta,
            sigma=math.sqrt(variance),
            distortion=self._distortion(self._squared_error(theta), variance),
            rate=self._rate(theta),
            live=int(live.sum()),
            val_distortion=self._distortion(
                float(squares) + max(0.0, self.val_total - float(seen.sum())), variance
            ),
            val_rate=float(val_rate),
        )

    def _variance(self, beta: float) -> float:
        """σ² at the optimum. Where it is free, `σ² = MSE(β·σ²)/N`, which has one solution: the β
        that belongs to a level θ, `Nθ / MSE(θ)`, grows with θ."""
        if self.variance is not None:
            return self.variance
        lam = self.used
        tails = np.maximum(self.total - np.concatenate([[0.0], lam.cumsum()]), 0.0)
        for live, tail in enumerate(tails):
            if live * beta >= self.pixels:
                break
            variance = float(tail / (self.pixels - live * beta))  # N σ² = live · β σ² + tail
            if live == len(lam) or lam[live] <= beta * variance * ROUNDED:
                return max(variance, self.least_variance)
        return self.least_variance

    def _squared_error(self, theta: float) -> float:
        lam = self.used
        return float(np.minimum(lam, theta).sum() + max(0.0, self.total - lam.sum()))

    def _rate(self, theta: float) -> float:
        lam = self.used
        return float(0.5 * np.log(lam[lam > theta * ROUNDED] / theta).sum())

    def _distortion(self, squared_error: float, variance: float) -> float:
        constant = self.pixels * math.log(2 * math.pi * variance)
        return 0.5 * (constant + squared_error / variance) + self.log_volume

    def down_to(self, most_rate: float, beta: float) -> list[Point]:
        """The front from `beta` down to where the rate is `most_rate`, in even steps of log β."""
        low = beta
        while self.at(low).rate < most_rate and low > beta * LEAST_PART:
            low *= STEP
        count = 1 + math.ceil(math.log(low / beta) / math.log(STEP) - 1e-9)
        return [self.at(beta * STEP**i) for i in range(count)]


def knee(points: list[Point]) -> Point | None:
    """The knee of a front as `betafront.front.front.knee` has it: with D and R scaled to [0, 1],
    the point farthest below the line between both ends. None where no point lies below it."""
    plane = np.array([[point.rate, point.distortion] for point in points])
    low, high = plane.min(0), plane.max(0)
    if len(points) < 3 or np.any(high <= low):
        return None
    below = 1.0 - ((plane - low) / (high - low)).sum(1)
    best = int(below.argmax())
    return points[best] if below[best] > 0 else None
