"""A metric as a smooth curve over ln β, and the scatter of trials about the curve.

The curve is a Gaussian process with a Matérn covariance (ν = 5/2) and an unknown constant mean, and
the scatter is independent noise (Rasmussen and Williams 2006, chapters 2 and 5). Neither the
smoothness nor the share of noise is chosen: every pair of a grid is weighed by its marginal
likelihood, so that few trials leave both open and give wide intervals. Trials far from the curve
weigh less, as under a Student distribution, so that a few worse runs do not bend it.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TRIALS = 5  # the fewest that a curve is fitted to
SMOOTH = np.geomspace(0.7, 8.0, 5)  # length scales in ln β: a factor of 2 in β, to a whole search
NOISY = 10.0 ** np.arange(-6.0, 2.5)  # variance of the noise over that of the curve
FREEDOM = 4.0  # degrees of freedom of the Student distribution
FENCE = 3.0  # interquartile ranges
ROUNDS = 3  # of finding the trials far from the curve
NEGLIGIBLE = 0.01  # a pair of the grid with so little of the greatest weight is left out


@dataclass(frozen=True)
class _Fit:
    """The curve for one pair of the grid.

    Attributes:
        smooth, noisy: the pair.
        share: of the weight of all pairs.
        inverse: (n, n) of the covariance of the trials, in units of the curve's variance.
        mean: the constant.
        variance: of the curve, as expected given the trials.
    """

    smooth: float
    noisy: float
    share: float
    inverse: Array
    mean: float
    variance: float


@dataclass(frozen=True)
class Curve:
    """A metric over ln β.

    Attributes:
        x: (n,) ln β of the trials.
        y: (n,) the metric.
        fits: one for each pair of the grid that is likely enough.
    """

    x: Array
    y: Array
    fits: tuple[_Fit, ...]

    @property
    def noise(self) -> float:
        """The standard deviation of trials about the curve, in the metric's unit: the median of
        what is likely, given the trials."""
        ordered = sorted((fit.noisy * fit.variance, fit.share) for fit in self.fits)
        below = np.cumsum([share for _, share in ordered])
        return float(np.sqrt(ordered[int(np.searchsorted(below, 0.5 * below[-1]))][0]))

    @cached_property
    def residuals(self) -> Array:
        """(n,) the trials' differences from the curve, scaled to the variance of the noise."""
        found = np.zeros_like(self.y)
        for fit in self.fits:
            pulled = fit.inverse @ (self.y - fit.mean)
            # y - curve is noisy · pulled, with the variance noisy² · variance · diag(inverse).
            found += fit.share * pulled * np.sqrt(fit.noisy / np.diag(fit.inverse))
        return found

    def least(self, at: Array, draws: int, seed: int = 0) -> Array:
        """(draws,) the places of `at` at which curves drawn from their distribution given the
        trials are least.

        Args:
            at: (k,) values of ln β.
            draws: how many curves are drawn.
            seed: of the draws.
        """
        random = np.random.default_rng(seed)
        counts = random.multinomial(draws, [fit.share for fit in self.fits])
        pairs = zip(self.fits, counts.tolist(), strict=True)
        found = [at[self._drawn(f, at, count, random).argmin(1)] for f, count in pairs if count]
        return np.concatenate(found)

    def _drawn(self, fit: _Fit, at: Array, count: int, random: np.random.Generator) -> Array:
        """(count, k) curves drawn from their distribution given the trials."""
        across, ones = _matern(at, self.x, fit.smooth), fit.inverse.sum(1)
        expected = fit.mean + across @ (fit.inverse @ (self.y - fit.mean))
        far = 1.0 - across @ ones  # what the unknown mean adds
        covariance = _matern(at, at, fit.smooth) - across @ fit.inverse @ across.T
        values, vectors = np.linalg.eigh(covariance + np.outer(far, far) / ones.sum())
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        freedom = len(self.x) - 1
        scale = np.sqrt(fit.variance * freedom / random.chisquare(freedom, (count, 1)))
        drawn: Array = expected + scale * (random.standard_normal((count, len(at))) @ root.T)
        return drawn


def curve(x: Array, y: Array, floor: float = 0.0, freedom: float = 0.0) -> Curve | None:
    """The curve of a metric over ln β; None where there are too few trials, or all have the same
    value.

    Args:
        x: (n,) ln β of the trials.
        y: (n,) the metric.
        floor: the standard deviation of the metric's noise as replicates show it. The scatter about
            the curve is at least that, and has other causes too.
        freedom: the degrees of freedom of `floor`; 0 where there are no replicates.
    """
    if len(x) < TRIALS or len(np.unique(x)) < 2 or np.ptp(y) <= 0:
        return None
    return _curve(x.tobytes(), y.tobytes(), floor, freedom)


@lru_cache(maxsize=64)  # terminal, page, picture and record ask for the same curves
def _curve(x_bytes: bytes, y_bytes: bytes, floor: float, freedom: float) -> Curve:
    x, y = np.frombuffer(x_bytes), _within_fences(np.frombuffer(y_bytes))
    weights = np.ones_like(y)
    for _ in range(ROUNDS):
        best = max(_fits(x, y, weights, floor, freedom), key=lambda fit: fit.share)
        pulled = best.inverse @ (y - best.mean)
        far = pulled**2 / (np.diag(best.inverse) * best.variance)  # each from the curve of the rest
        weights = np.minimum(1.0, (FREEDOM + 1) / (FREEDOM + far))
    return Curve(x, y, _fits(x, y, weights, floor, freedom))


def _within_fences(y: Array) -> Array:
    """Values beyond FENCE times the interquartile range from the quartiles brought to there (Tukey
    1977): one run that came to nothing must not make all others look alike."""
    lower, upper = np.quantile(y, [0.25, 0.75])
    apart = FENCE * (upper - lower)
    within: Array = np.clip(y, lower - apart, upper + apart) if apart > 0 else y
    return within


def _fits(x: Array, y: Array, weights: Array, floor: float, freedom: float) -> tuple[_Fit, ...]:
    """The curves of all pairs of the grid that are likely enough, by the likelihood of the trials
    with the variance and the mean integrated out."""
    smooth, noisy = (grid.ravel() for grid in np.meshgrid(SMOOTH, NOISY, indexing="ij"))
    total = np.stack([_matern(x, x, s) for s in SMOOTH])[:, None]
    total = total + (NOISY[:, None] / weights)[None, :, :, None] * np.eye(len(x))
    total = total.reshape(-1, len(x), len(x))
    inverse = np.linalg.inv(total)
    ones = inverse.sum(2)
    mean = ones @ y / ones.sum(1)
    apart = y - mean[:, None]
    variance = np.einsum("gi,gij,gj->g", apart, inverse, apart) / (len(x) - 1)
    log = -0.5 * (np.linalg.slogdet(total)[1] + np.log(ones.sum(1)))
    log -= 0.5 * (len(x) - 1) * np.log(variance) + _lost(noisy * variance, floor**2, freedom)
    shares = np.exp(log - log.max())
    shares[shares < NEGLIGIBLE] = 0.0
    shares /= shares.sum()
    kept = np.flatnonzero(shares)
    columns = (smooth, noisy, shares, inverse, mean, variance)
    return tuple(
        _Fit(float(s), float(g), float(share), inv, float(m), float(v))
        for s, g, share, inv, m, v in zip(*(column[kept] for column in columns), strict=True)
    )


def _lost(variance: Array, floor: float, freedom: float) -> Array:
    """The log likelihood that a scatter below that of replicates loses, by the χ² distribution of
    their variance."""
    ratio = np.maximum(floor / variance, 1.0) if floor > 0 else np.ones_like(variance)
    lost: Array = 0.5 * freedom * (ratio - 1.0 - np.log(ratio))
    return lost


def _matern(a: Array, b: Array, scale: float) -> Array:
    """(len(a), len(b)) covariances; 1 at the same place."""
    far = np.sqrt(5.0) * np.abs(a[:, None] - b[None, :]) / scale
    covariance: Array = (1.0 + far + far**2 / 3.0) * np.exp(-far)
    return covariance
