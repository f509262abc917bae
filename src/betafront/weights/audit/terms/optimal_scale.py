"""Recognising a likelihood whose σ (or b) follows the error: its gradient is that of the error with
a factor that falls as the error grows."""

import torch
from torch import Tensor

from betafront.weights.audit.inputs.points import Point, Slopes
from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.sandbox import CannotTell, LossRaised
from betafront.weights.audit.terms.kl import all_equal
from betafront.weights.audit.terms.known_terms import (
    ABSOLUTE,
    OPTIMAL,
    OPTIMAL_LAPLACE,
    OPTIMAL_PER_IMAGE,
    OWN_SCALE,
    SQUARED,
    Reconstruction,
    Term,
    slope_of,
)

ERRORS = (0.3, 1.0, 300.0, 3000.0)
"""Sizes of error at which the factor on the squared error is measured; a floor under σ shows at the
small ones alone."""
FLOOR = 0.02  # the relative change of the factor at the small errors that a floor may make


def recognise_optimal(prober: Prober) -> Reconstruction | None:
    """A Gaussian or a Laplace at its optimal scale; None where the term is neither.

    Raises:
        CannotTell: the term is the root of a squared error.
    """
    points = [prober.point(error=error) for error in ERRORS]
    try:
        slopes = [prober.slopes(point) for point in points]
    except (CannotTell, LossRaised):
        return None  # it is not finite at such errors
    tolerance = slopes[0].tolerance
    for base in (SQUARED, ABSOLUTE):
        rows = [per_image(base, p, s) for p, s in zip(points, slopes, strict=True)]
        if all(left <= tolerance for _, left in rows):
            factors = torch.stack([row for row, _ in rows])  # (errors, B)
            return with_optimal_scale(prober, base, points, factors, tolerance)
    return None


def per_image(base: Term, point: Point, slopes: Slopes) -> tuple[Tensor, float]:
    """(B,) the factor on the core of every image, and the relative size of the residual."""
    pattern = slope_of(base, point)
    fits = [factor(g, p) for g, p in zip(slopes.reconstruction, pattern, strict=True)]
    return torch.tensor([c for c, _ in fits], dtype=torch.float64), max(left for _, left in fits)


def with_optimal_scale(
    prober: Prober, base: Term, points: list[Point], factors: Tensor, tolerance: float
) -> Reconstruction | None:
    """The likelihood whose optimal scale makes the factors fall with the error as they do; None
    where there is none.

    Raises:
        CannotTell: they fall as those of the root of a squared error.
    """
    power = 2 if base is SQUARED else 1
    errors = torch.stack([((p.x - p.reconstruction).abs() ** power).sum(1) for p in points])
    B, N = points[0].x.shape
    if all(all_equal(row, tolerance) for row in factors):
        term = OPTIMAL if base is SQUARED else OPTIMAL_LAPLACE
        weights = factors[:, 0] * errors.sum(1) / (B * N)
        fits = True
    else:
        term = OPTIMAL_PER_IMAGE
        weights = (factors * errors / N).mean(1)
        fits = base is SQUARED and all(all_equal(row, tolerance) for row in factors * errors)
    if base is SQUARED:
        check_no_root(errors, factors, tolerance)
    if not fits or not all_equal(weights[-2:], tolerance) or not all_equal(weights.flip(0), FLOOR):
        return None
    return Reconstruction(
        weights[-1].item(),
        term,
        prober,
        error=ERRORS[-1],
        remarks=() if all_equal(weights.flip(0), tolerance) else ("its scale has a soft floor",),
        warnings=(OWN_SCALE,) if term is OPTIMAL_PER_IMAGE else (),
    )


def check_no_root(squares: Tensor, factors: Tensor, tolerance: float) -> None:
    """Refuse the root of a squared error, over the batch or over every image.

    Raises:
        CannotTell: the term is one.
    """
    per_image = factors * squares.sqrt()
    over_batch = factors[:, 0] * squares.sum(1).sqrt()
    if all_equal(per_image.flatten(), tolerance) or all_equal(over_batch, tolerance):
        raise CannotTell(
            "it is the root of a squared error, which is no log-likelihood: the weight of the KL "
            "grows with the error"
        )
