"""Errors that are no log-likelihood of betafront's: Huber and its relatives, which are a squared
error near 0, and the cosine."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.sandbox import CannotTell, LossRaised
from betafront.weights.audit.terms.known_terms import (
    ABSOLUTE,
    SQUARED,
    Constants,
    Reconstruction,
    Term,
    slope_of,
)

FAR = 1e4
"""A size of error at which Huber and its relatives are absolute errors."""


def huber(x: Tensor, r: Tensor, delta: float) -> Tensor:
    """½e² below δ, and δ(|e| − ½δ) above."""
    error = (x - r).abs()
    return torch.where(error < delta, error**2 / 2, delta * (error - delta / 2))


def log_cosh(x: Tensor, r: Tensor, delta: float) -> Tensor:
    """δ² ln cosh(e/δ)."""
    error = (x - r).abs() / delta
    return delta**2 * (error + torch.log1p((-2 * error).exp()) - torch.log(torch.tensor(2.0)))


def charbonnier(x: Tensor, r: Tensor, delta: float) -> Tensor:
    """δ²(√(1 + (e/δ)²) − 1)."""
    return delta**2 * ((1 + ((x - r) / delta) ** 2).sqrt() - 1)


RELATIVES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "Huber (smooth L1)": huber,
    "log-cosh": log_cosh,
    "Charbonnier": charbonnier,
}


def recognise_robust(prober: Prober) -> Reconstruction | None:
    """Huber, log-cosh or Charbonnier by its curvature at 0 and its slope far off; None where the
    term is neither squared near 0 nor absolute far off."""
    near = 1e-8 if prober.dtype == torch.float64 else 1e-3
    try:
        (curvature, uneven), (slope, other) = (
            fit(prober, SQUARED, near),
            fit(prober, ABSOLUTE, FAR),
        )
    except (CannotTell, LossRaised):
        return None
    if max(uneven, other) > 1e-2 or curvature == 0 or slope / curvature <= 0:
        return None
    delta = slope / curvature
    for name, core in RELATIVES.items():
        term = robust_term(name, core, delta)
        fits = [fit(prober, term, error) for error in (0.3 * delta, delta, 3 * delta)]
        if all(left < 1e-3 for _, left in fits):
            return Reconstruction(fits[0][0], term, prober)
    return None


def fit(prober: Prober, term: Term, error: float) -> tuple[float, float]:
    """The factor on a term at errors of this size, and the relative size of the residual."""
    point = prober.point(error=error)
    return factor(prober.slopes(point).reconstruction, slope_of(term, point))


def robust_term(name: str, core: Callable[[Tensor, Tensor, float], Tensor], delta: float) -> Term:
    """The term with this δ, whose core has the curvature 1 at 0."""
    inside = (
        f" (for x in (0, 1): only for reconstructions in ({1 - delta:.4g}, {delta:.4g}))"
        if delta > 0.5 and core is huber
        else ""
    )
    near = "below" if core is huber else "well below"
    above: Constants = (("", lambda x: x.numel() * delta**2),) if core is charbonnier else ()
    return Term(
        f"{name} error, δ = {delta:.6g}",
        lambda x, r: core(x, r, delta),
        None,
        scale="σ",
        constants=above,
        warning=(
            f"it is no log-likelihood of betafront's: a squared error for errors {near} δ = "
            f"{delta:.4g} only{inside}, an absolute error far above; β, σ and β·σ² are those of "
            f"its curvature at 0, and far above it is a Laplace with b = σ²/{delta:.4g}"
        ),
    )


def cosine_terms(shape: tuple[int, ...]) -> Iterator[Term]:
    """1 − cosine over all values of an example, and over each axis."""
    axes = (None, *range(len(shape))) if len(shape) > 1 else (None,)
    for axis in axes:
        where = "all values of an example" if axis is None else f"axis {1 + axis}"
        yield Term(
            f"cosine error, over {where}",
            partial(cosine, axis=axis),
            None,
            axis=0 if axis is None else axis,
            caveat=(
                f"it is none of the log-likelihoods, but a cosine error over {where}: it does not "
                "see the length of the reconstruction, so it has no density and no nats. Its "
                "curvature at 0 is 1/|x|² across x and 0 along x, which is no σ"
            ),
        )


def cosine(x: Tensor, r: Tensor, axis: int | None) -> Tensor:
    """1 − cosine, spread evenly over the values that it is taken of."""
    if axis is None:
        each = 1 - torch.cosine_similarity(x.flatten(1), r.flatten(1), 1)
        return (each / x[0].numel()).view(-1, *[1] * (x.dim() - 1)).expand(x.shape)
    each = 1 - torch.cosine_similarity(x, r, 1 + axis)
    return (each / x.shape[1 + axis]).unsqueeze(1 + axis).expand(x.shape)


def recognise_cosine(prober: Prober) -> Reconstruction | None:
    """A cosine error; None where the term is none."""
    points = [prober.point() for _ in range(3)]
    slopes = [prober.slopes(point) for point in points]
    gradient = torch.cat([s.reconstruction for s in slopes])
    for term in cosine_terms(prober.sizes.shape):
        pattern = torch.cat([slope_of(term, point) for point in points])
        c, left = factor(gradient, pattern)
        if left <= slopes[0].tolerance:
            return Reconstruction(c, term, prober)
    return None
