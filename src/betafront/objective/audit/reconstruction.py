"""Recognising the reconstruction term by its gradient with respect to the reconstruction."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from betafront.objective.audit.call import CannotTell, LossRaised
from betafront.objective.audit.kl import same
from betafront.objective.audit.probes import Point, Prober, Slopes, factor
from betafront.objective.likelihoods.continuous_bernoulli import log_constant

Core = Callable[[Tensor, Tensor], Tensor]
"""(B, N) a distortion in nats, up to a constant, of x and the reconstruction (each (B, N))."""


@dataclass(frozen=True)
class Term:
    """A reconstruction term that can be recognised.

    Args:
        name: of it.
        core: its distortion, in nats, up to constants.
        likelihood: how betafront trains it; None where it has no such likelihood.
        unit: it is defined for reconstructions in (0, 1) only.
        scale: the letter of a standard deviation or width that the term hides (and `core` takes to
            be 1); None where it hides none.
        remark: what a user should know of it.
    """

    name: str
    core: Core
    likelihood: str | None
    unit: bool = False
    scale: str | None = None
    remark: str | None = None


GAUSSIAN = "likelihood=gaussian likelihood.mode=fixed"
LAPLACE = "likelihood=laplace likelihood.mode=fixed"
GREY = (
    "on grey values this cross-entropy is no log-likelihood (betafront asks for binary images, or "
    "likelihood.grey=true)"
)
SQUARED = Term("squared error", lambda x, r: (x - r) ** 2 / 2, GAUSSIAN, scale="σ")
TERMS = (
    SQUARED,
    Term(
        "squared error of sigmoid(reconstruction)",
        lambda x, r: (x - r.sigmoid()) ** 2 / 2,
        GAUSSIAN,
        scale="σ",
        remark="the sigmoid belongs to the decoder",
    ),
    Term(
        "squared error of tanh(reconstruction)",
        lambda x, r: (x - r.tanh()) ** 2 / 2,
        GAUSSIAN,
        scale="σ",
        remark="the tanh belongs to the decoder",
    ),
    Term(
        "Bernoulli, of logits",
        lambda x, r: torch.nn.functional.softplus(r) - x * r,
        "likelihood=bernoulli",
        remark=GREY,
    ),
    Term(
        "Bernoulli, of probabilities",
        lambda x, r: -x * r.log() - (1 - x) * torch.log1p(-r),
        "likelihood=bernoulli",
        unit=True,
        remark=GREY,
    ),
    Term(
        "continuous Bernoulli, of logits",
        lambda x, r: -(x * r + log_constant(r)),
        "likelihood=continuous_bernoulli",
    ),
    Term(
        "continuous Bernoulli, of λ",
        lambda x, r: -(x * torch.logit(r) + log_constant(torch.logit(r))),
        "likelihood=continuous_bernoulli",
        unit=True,
    ),
    Term("absolute error (Laplace)", lambda x, r: (x - r).abs(), LAPLACE, scale="b"),
)
OPTIMAL = Term(
    "Gaussian with the optimal σ of the batch",
    lambda x, r: ((x - r) ** 2).mean().log().expand(x.shape) / 2,
    "likelihood=gaussian likelihood.mode=optimal",
)
OPTIMAL_PER_IMAGE = Term(
    "Gaussian with an optimal σ for every image",
    lambda x, r: ((x - r) ** 2).mean(1, keepdim=True).log().expand(x.shape) / 2,
    None,
)
FITTED = (
    "σ is fitted to the very image that it scores (log-MSE per image), which is no density p(x|z): "
    "share σ over the batch"
)
ERRORS = (0.3, 1.0, 300.0, 3000.0)
"""Sizes of error at which a factor on the squared error is followed; a floor under σ that does not
show at the large ones shows at the small ones."""
FLOOR = 0.02  # relative, by which such a floor may change the factor at the small errors


@dataclass(frozen=True)
class Reconstruction:
    """A recognised reconstruction term.

    Args:
        weight: the factor on its core, summed over batch and pixels.
        term: which one it is.
        prober: draws points in the domain where it is recognised.
        error: how large the probes' errors have to be; None where any will do.
        remarks: what a user should know of it.
        warnings: what makes the answer hold in part only.
    """

    weight: float
    term: Term
    prober: Prober
    error: float | None = None
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def nats(self, point: Point) -> float:
        """The core at a point, summed over batch and pixels."""
        return self.term.core(point.x, point.reconstruction).sum().item()

    def measure(self, point: Point, slopes: Slopes) -> float:
        """The factor on the core at a point.

        Raises:
            CannotTell: the gradient is another one there.
        """
        c, left = factor(slopes.reconstruction, slope_of(self.term, point))
        if left > slopes.tolerance:
            raise CannotTell(f"it is no {self.term.name} there")
        return c


def slope_of(term: Term, point: Point) -> Tensor:
    """(B, N) the gradient of the core with respect to the reconstruction."""
    leaf = point.reconstruction.clone().requires_grad_()
    (slope,) = torch.autograd.grad(term.core(point.x, leaf).sum(), leaf)
    return slope


def recognise(probers: list[Prober]) -> Reconstruction:
    """The reconstruction term of a loss, in the first domain in which it is a known one.

    Args:
        probers: of the domains that the loss has values in.

    Raises:
        CannotTell: it is none that is known.
    """
    by_reals = {prober.reals: prober for prober in reversed(probers)}
    for reals in ("real", "unit"):
        if reals not in by_reals:
            continue
        prober = by_reals[reals]
        found = among_terms(prober)
        if found is None and reals == "real":
            found = among_optimal(prober)
        if found is not None:
            return partly(found) if reals == "unit" and "real" in by_reals else found
    raise CannotTell(
        "the reconstruction term is none of "
        + ", ".join(term.name for term in (*TERMS, OPTIMAL, OPTIMAL_PER_IMAGE))
        + "; are the arguments in the right order (--order)?"
    )


def partly(found: Reconstruction) -> Reconstruction:
    """The same, with a warning where the term differs outside (0, 1) although it is defined."""
    if found.term.unit:
        return found  # it may be anything outside its domain
    line = (
        f"{found.term.name} only for reconstructions in (0, 1); outside it is something else (a "
        "clamp, a Huber loss?)"
    )
    return replace(found, warnings=(*found.warnings, line))


def among_terms(prober: Prober) -> Reconstruction | None:
    """The term whose gradient fits with one factor at every pixel of several points."""
    points = [prober.point() for _ in range(3)]
    slopes = [prober.slopes(point) for point in points]
    gradient = torch.cat([s.reconstruction for s in slopes])
    if not gradient.any():
        raise CannotTell("the loss does not depend on the reconstruction")
    for term in TERMS:
        if term.unit and prober.reals == "real":
            continue
        pattern = torch.cat([slope_of(term, point) for point in points])
        c, left = factor(gradient, pattern)
        if left <= slopes[0].tolerance:
            return Reconstruction(c, term, prober, remarks=remarks(term))
    return None


def remarks(term: Term) -> tuple[str, ...]:
    return () if term.remark is None else (term.remark,)


def among_optimal(prober: Prober) -> Reconstruction | None:
    """A Gaussian whose σ follows the squared error: its gradient is that of the squared error with
    a factor that falls as the error grows.

    Raises:
        CannotTell: it follows the squared error in another way.
    """
    points = [prober.point(error=error) for error in ERRORS]
    try:
        slopes = [prober.slopes(point) for point in points]
    except (CannotTell, LossRaised):
        return None  # it has no values at such errors
    tolerance = slopes[0].tolerance
    rows = [per_image(point, s) for point, s in zip(points, slopes, strict=True)]
    if any(left > tolerance for _, left in rows):
        return None
    factors = torch.stack([row for row, _ in rows])  # (errors, B), on the core of SQUARED
    squares = torch.stack([(p.x - p.reconstruction).square().sum(1) for p in points])
    B, N = points[0].x.shape
    if all(same(row, tolerance) for row in factors):
        term, weights = OPTIMAL, factors[:, 0] * squares.sum(1) / (B * N)
        fits = True
    else:
        term, weights = OPTIMAL_PER_IMAGE, (factors * squares / N).mean(1)
        fits = all(same(row, tolerance) for row in factors * squares)
    if not fits or not same(weights[-2:], tolerance):
        refuse_root(squares, factors, tolerance)
        return None
    if not same(weights.flip(0), FLOOR):
        return None
    words = remarks(term)
    if not same(weights.flip(0), tolerance):
        words = (*words, "σ has a soft floor")
    return Reconstruction(
        weights[-1].item(),
        term,
        prober,
        error=ERRORS[-1],
        remarks=words,
        warnings=(FITTED,) if term is OPTIMAL_PER_IMAGE else (),
    )


def refuse_root(squares: Tensor, factors: Tensor, tolerance: float) -> None:
    """Refuse the root of a squared error, over the batch or every image.

    Raises:
        CannotTell: it is one.
    """
    per_image = factors * squares.sqrt()
    whole = factors[:, 0] * squares.sum(1).sqrt()
    if same(per_image.flatten(), tolerance) or same(whole, tolerance):
        raise CannotTell(
            "the reconstruction term is the root of a squared error, which is no log-likelihood: "
            "the weight of the KL grows with the error"
        )


def per_image(point: Point, slopes: Slopes) -> tuple[Tensor, float]:
    """(B,) the factor on the squared error of every image, and the relative size of the rest."""
    pattern = slope_of(SQUARED, point)
    fits = [factor(g, p) for g, p in zip(slopes.reconstruction, pattern, strict=True)]
    return torch.tensor([c for c, _ in fits], dtype=torch.float64), max(left for _, left in fits)


def constants(
    found: Reconstruction, unit: float | None, offset: float, rest: float, sizes: tuple[int, int]
) -> tuple[str, float | None]:
    """What the loss has of the constants of its log-likelihood, and the σ (or b) that they show;
    no words where the offset fits nothing.

    Args:
        found: the reconstruction term.
        unit: the weight of D that its reductions alone would give; None where that is unknown.
        offset: what is left of the loss after its core and its KL.
        rest: the error that `offset` may have.
        sizes: B and N.
    """
    values = math.prod(sizes)  # in the batch, each with its constant
    for each, text, scale in known_constants(found, unit):
        expected = values * each
        if abs(offset - expected) <= rest + 1e-9 * abs(expected):
            return text, scale
    return "", None


def known_constants(
    found: Reconstruction, unit: float | None
) -> list[tuple[float, str, float | None]]:
    """The constants that a term may come with: (per value of x, in words, the σ or b it shows)."""
    letter, half_log = found.term.scale, math.log(2 * math.pi) / 2
    if found.term in (OPTIMAL, OPTIMAL_PER_IMAGE):
        return [
            (found.weight * (half_log + 0.5), "all there", None),
            (found.weight * 0.5, "½N ln 2π is missing", None),
            (0.0, "½N(ln 2π + 1) is missing", None),
        ]
    if letter is None:
        return [(0.0, "all there", None)]
    whole, part = ("½N ln(2πσ²)", "½N ln 2π") if letter == "σ" else ("N ln(2b)", "N ln 2")
    # Nothing is the first guess, also where a σ would make the constant nothing.
    known: list[tuple[float, str, float | None]] = [
        (0.0, f"{whole} is missing: no log-likelihood, and no {letter} in it", None)
    ]
    if unit is not None and found.weight > 0:
        ratio = unit / found.weight  # σ², or b
        scale = ratio**0.5 if letter == "σ" else ratio
        left = half_log if letter == "σ" else math.log(2)
        shows = f"with {letter} = {scale:.6g}"
        known.append((unit * (math.log(scale) + left), f"{whole} is there, {shows}", scale))
        known.append(
            (unit * math.log(scale), f"{part} is missing; N ln {letter} is there, {shows}", scale)
        )
    return known
