"""Likelihoods of counts: Poisson and negative binomial, with and without inflated zeros."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import softplus

from betafront.weights.audit.inputs.points import Point, Reals, Slopes
from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.sandbox import CannotTell, LossRaised
from betafront.weights.audit.terms.known_terms import Constants, Reconstruction, Term, slope_of
from betafront.weights.audit.terms.softmax import log_factorials

POINTS = 8
"""Points at which an unknown dispersion is fitted, value by value."""


@dataclass(frozen=True)
class OwnDispersion(Reconstruction):
    """A negative binomial whose dispersion is fitted anew wherever its weight is measured."""

    mean: "Mean | None" = None
    inflation: str | None = None

    def measure(self, point: Point, slopes: Slopes) -> float:
        assert self.mean is not None
        points = [self.prober.point(point.sizes) for _ in range(POINTS)]
        seen = [self.prober.slopes(each) for each in points]
        fitted = fit_dispersion(self.mean, points, seen)
        found = fitted is not None and with_dispersion(
            self.prober, self.mean, self.inflation, fitted, points, seen
        )
        if not found:
            raise CannotTell(f"it is no {self.term.name} there")
        return found.weight


@dataclass(frozen=True)
class Mean:
    """A quantity that the reconstruction may be, beside the mean of the counts."""

    name: str
    of: Callable[[Tensor], Tensor]
    domain: Reals


def shares(r: Tensor) -> Tensor:
    """Softmax of a row."""
    return r.softmax(-1)


MEANS = (
    Mean("rates", lambda r: r, "positive"),
    Mean("log-rates", torch.exp, "real"),
    Mean("rates before a softplus", softplus, "real"),
)
DISPERSIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "θ": lambda t: t,
    "log θ": torch.exp,
    "θ before a softplus": softplus,
    "1/θ": lambda t: 1 / t,
}
DROPOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "logits": torch.sigmoid,
    "probabilities": lambda t: t,
}


def stirling(x: Tensor) -> float:
    """Σ of Stirling's approximation of ln x! where x > 1, as torch's Poisson loss adds it."""
    large = x[x > 1]
    return (large * large.log() - large + (2 * torch.pi * large).log() / 2).sum().item()


CONSTANTS: Constants = (
    ("all there", lambda _: 0.0),
    ("ln x! is missing, which no gradient sees", lambda x: -log_factorials(x)),
    ("ln x! by Stirling's formula", lambda x: stirling(x) - log_factorials(x)),
)


def poisson(x: Tensor, mean: Tensor) -> Tensor:
    """Minus the log-probability of a Poisson, in nats."""
    return mean - torch.xlogy(x, mean) + torch.lgamma(x + 1)


def negative_binomial(x: Tensor, mean: Tensor, theta: Tensor) -> Tensor:
    """Minus the log-probability of a negative binomial with this mean and inverse dispersion θ
    (variance mean + mean²/θ), in nats."""
    total = (mean + theta).log()
    gammas = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    return -(gammas + theta * (theta.log() - total) + torch.xlogy(x, mean) - x * total)


def inflated(x: Tensor, nats: Tensor, at_zero: Tensor, dropout: Tensor) -> Tensor:
    """Minus the log-probability with inflated zeros, from `nats` of x and `at_zero` of 0."""
    zero = -(dropout + (1 - dropout) * (-at_zero).exp()).log()
    return torch.where(x == 0, zero, nats - torch.log1p(-dropout))


def count_terms(has_dispersion: bool, has_dropout: bool) -> Iterator[Term]:
    """The terms of counts that have no unknown constant."""
    inflations: list[str | None] = [None, *DROPOUTS] if has_dropout else [None]
    for mean, inflation in product(MEANS, inflations):
        yield term("Poisson", mean, inflation)
        if has_dispersion:
            for dispersion in DISPERSIONS:
                yield term("negative binomial", mean, inflation, dispersion)
    if has_dispersion:
        for inflation in inflations:
            yield term("negative binomial", LOGITS, inflation, "θ")


LOGITS = Mean("logits (torch's, with θ as its total count)", torch.exp, "real")


def term(family: str, mean: Mean, inflation: str | None, dispersion: str | None = None) -> Term:
    """One likelihood of counts.

    Args:
        family: Poisson or negative binomial.
        mean: what the reconstruction is.
        inflation: what the argument of the inflated zeros is; None for none.
        dispersion: what the argument of the dispersion is; None where there is none.
    """

    def core(x: Tensor, r: Tensor, *rest: Tensor) -> Tensor:
        theta = DISPERSIONS[dispersion](rest[0]) if dispersion else None
        nats = partial(counted, mean=mean.of(r), theta=theta, logits=mean is LOGITS)
        if inflation is None:
            return nats(x)
        return inflated(x, nats(x), nats(torch.zeros_like(x)), DROPOUTS[inflation](rest[-1]))

    needs = ("dispersion",) if dispersion else ()
    words = f", its dispersion given as {dispersion}" if dispersion not in (None, "θ") else ""
    return Term(
        named(family, mean, inflation) + words,
        core,
        None,
        domain=mean.domain,
        needs=(*needs, "dropout") if inflation else needs,
        kinds=("counts",),
        constants=CONSTANTS,
    )


def named(family: str, mean: Mean, inflation: str | None) -> str:
    """The name of a likelihood of counts."""
    zeros = f"zero-inflated (by {inflation}) " if inflation else ""
    return f"{zeros}{family}, of {mean.name}"


def counted(x: Tensor, mean: Tensor, theta: Tensor | None, logits: bool) -> Tensor:
    """Minus the log-probability of a Poisson, or of a negative binomial where θ is given."""
    if theta is None:
        return poisson(x, mean)
    return negative_binomial(x, mean * theta if logits else mean, theta)


def recognise_unknown_dispersion(prober: Prober) -> Reconstruction | None:
    """A negative binomial whose θ is no argument, but a constant or a parameter of the loss, one
    for all values or one each; None where the term is none.

    By the mean μ the gradient is w·θ(μ − x)/(μ(μ + θ)), so that (μ − x)/(μ·gradient) is a line in
    μ, 1/w + μ/(wθ), in every column.
    """
    points = [prober.point() for _ in range(POINTS)]
    try:
        slopes = [prober.slopes(point) for point in points]
    except (CannotTell, LossRaised):
        return None
    zeros = list(DROPOUTS) if "dropout" in prober.call.extras else []
    for mean in MEANS:
        if mean.domain == prober.reals:
            fitted = fit_dispersion(mean, points, slopes)
            for inflation in (None, *zeros) if fitted is not None else ():
                found = with_dispersion(prober, mean, inflation, fitted, points, slopes)
                if found is not None:
                    return found
    return None


def fit_dispersion(mean: Mean, points: Sequence[Point], slopes: Sequence[Slopes]) -> Tensor | None:
    """(N,) θ by least squares, from the x above 0; None where the line does not fit."""
    r = torch.cat([point.reconstruction for point in points]).requires_grad_()
    mu = mean.of(r)
    (by_r,) = torch.autograd.grad(mu.sum(), r)
    mu, x = mu.detach(), torch.cat([point.x for point in points])
    gradient = torch.cat([s.reconstruction for s in slopes])
    kept = (x > 0) & (gradient != 0)
    thetas = []
    for column in range(x.shape[1]):
        rows = kept[:, column]
        if rows.sum() < 3:
            return None
        at, h = mu[rows, column], gradient[rows, column] / by_r[rows, column]
        line = (at - x[rows, column]) / (at * h)
        # Divided by the line's own size, since a x near the mean makes it uncertain.
        design = torch.stack((torch.ones_like(at), at), 1) / line[:, None]
        answer = torch.linalg.lstsq(design, torch.ones_like(line)[:, None]).solution[:, 0]
        if not (design @ answer - 1).abs().max() < 1e-3 or not answer[1].abs() > 1e-9:
            return None
        thetas.append(answer[0] / answer[1])
    found = torch.stack(thetas)
    return found if bool((found > 0).all()) else None


def with_dispersion(
    prober: Prober,
    mean: Mean,
    inflation: str | None,
    fitted: Tensor | None,
    points: Sequence[Point],
    slopes: Sequence[Slopes],
) -> Reconstruction | None:
    """The term with this θ where its gradient fits, else None."""
    assert fitted is not None
    one = bool((fitted - fitted[0]).abs().max() < 1e-4 * fitted[0])
    theta = fitted.mean() if one else fitted

    def core(x: Tensor, r: Tensor, *rest: Tensor) -> Tensor:
        nats = partial(counted, mean=mean.of(r), theta=theta, logits=False)
        if inflation is None:
            return nats(x)
        return inflated(x, nats(x), nats(torch.zeros_like(x)), DROPOUTS[inflation](rest[-1]))

    values = f"{theta.item():.4g}" if one else f"{fitted.min():.4g} to {fitted.max():.4g}"
    words = "for all values" if one else "one for each value"
    found = replace(
        term("negative binomial", mean, inflation),
        name=f"{named('negative binomial', mean, inflation)}, θ = {values} ({words})",
        core=core,
    )
    gradient = torch.cat([s.reconstruction for s in slopes])
    pattern = torch.cat([slope_of(found, point) for point in points])
    c, left = factor(gradient, pattern)
    if left > slopes[0].tolerance:
        return None
    return OwnDispersion(c, found, prober, mean=mean, inflation=inflation)
