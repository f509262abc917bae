"""Recognising the reconstruction term by its gradient with respect to the reconstruction."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from betafront.weights.audit.inputs.extras import Format
from betafront.weights.audit.inputs.points import PADDING, Point, Slopes
from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.sandbox import CannotTell, LossRaised, NotRecognised
from betafront.weights.audit.terms.counts import count_terms, recognise_unknown_dispersion
from betafront.weights.audit.terms.errors import recognise_cosine, recognise_robust
from betafront.weights.audit.terms.known_terms import (
    GREY,
    OPTIMA,
    TERMS,
    Reconstruction,
    Term,
    slope_of,
)
from betafront.weights.audit.terms.optimal_scale import recognise_optimal
from betafront.weights.audit.terms.softmax import softmax_terms

OTHERS = (
    "Huber, log-cosh and Charbonnier errors",
    "softmax cross-entropies (categorical, multinomial)",
    "Poisson and negative binomial (with or without inflated zeros)",
)


def recognise(probers: list[Prober]) -> Reconstruction:
    """The reconstruction term of a loss, in the first domain in which it is recognised.

    Args:
        probers: of the domains in which the loss is finite.

    Raises:
        NotRecognised: it is none of the known terms.
        CannotTell: it is known not to be one.
    """
    by_reals = {prober.reals: prober for prober in reversed(probers)}
    for reals in ("real", "unit", "positive"):
        if reals not in by_reals:
            continue
        found = in_domain(without_padding(by_reals[reals]))
        if found is not None:
            found = with_words(found)
            return with_domain_warning(found) if reals == "unit" and "real" in by_reals else found
    raise NotRecognised(
        "it is none of "
        + ", ".join([*(term.name for term in (*TERMS, *OPTIMA)), *OTHERS])
        + "; are the arguments in the right order (--order)?"
    )


def in_domain(prober: Prober) -> Reconstruction | None:
    """The term that is recognised where the prober draws reconstructions, else None."""
    found = known_term(prober)
    if found is None and prober.kind.name == "counts":
        found = recognise_unknown_dispersion(prober)
    elif found is None and prober.reals == "real" and prober.kind.axis is None:
        found = recognise_optimal(prober) or recognise_robust(prober) or recognise_cosine(prober)
    return found


def with_words(found: Reconstruction) -> Reconstruction:
    """The same, with the remark and the warning of its term."""
    term = found.term
    silent = term.remark is None or (term.remark == GREY and found.prober.kind.name != "grey")
    remarks = found.remarks if silent else (*found.remarks, str(term.remark))
    warnings = found.warnings if term.warning is None else (*found.warnings, term.warning)
    return replace(found, remarks=remarks, warnings=warnings)


def with_domain_warning(found: Reconstruction) -> Reconstruction:
    """The same, with a warning where the term is defined outside (0, 1) and differs there."""
    if found.term.domain == "unit":
        return found  # outside (0, 1) it is not defined
    line = (
        f"{found.term.name} only for reconstructions in (0, 1); outside it is something else (a "
        "clamp, a Huber loss?)"
    )
    return replace(found, warnings=(*found.warnings, line))


def known_term(prober: Prober) -> Reconstruction | None:
    """The term whose gradient fits with one factor at every pixel of several points, else None;
    with a factor for each pixel where the loss holds parameters of its own."""
    points = [prober.point() for _ in range(3)]
    slopes = [prober.slopes(point) for point in points]
    gradient = torch.cat([s.reconstruction for s in slopes])
    if not gradient.any():
        raise CannotTell("the loss does not depend on the reconstruction")
    weighs = bool(prober.parameters())
    for term in terms(prober):
        pattern = torch.cat([slope_of(term, point) for point in points])
        c, left = factor(gradient, pattern)
        if left <= slopes[0].tolerance:
            return Reconstruction(c, term, prober)
        by_value = fit_by_value(points, slopes, term) if weighs and term.scale else None
        if by_value is not None:
            return Reconstruction(by_value.mean().item(), term, prober, uneven=True)
    return None


def terms(prober: Prober) -> Iterator[Term]:
    """The terms that are defined where the prober draws reconstructions, for its kind of x."""
    extras = prober.call.extras
    known = (
        *TERMS,
        *softmax_terms(prober.sizes.shape, prober.kind),
        *count_terms("dispersion" in extras, "dropout" in extras),
    )
    for term in known:
        fits = term.domain == prober.reals or (term.domain == "real" and prober.reals == "unit")
        if fits and (not term.kinds or prober.kind.name in term.kinds):
            yield term


def fit_by_value(points: Sequence[Point], slopes: Sequence[Slopes], term: Term) -> Tensor | None:
    """(N,) the factor on the core of each value of x; None where it differs between examples."""
    pattern = torch.cat([slope_of(term, point) for point in points])
    gradient = torch.cat([s.reconstruction for s in slopes])
    c = (gradient * pattern).sum(0) / pattern.square().sum(0)
    left = (gradient - c * pattern).norm() / gradient.norm()
    return c if bool(torch.isfinite(c).all()) and left <= slopes[0].tolerance else None


def without_padding(prober: Prober) -> Prober:
    """The prober that draws no class that the loss leaves out (`ignore_index`), where it leaves out
    one of those that are usual for padding, or one that was seen to have no effect."""
    axis = prober.kind.axis
    if axis is None or not prober.kind.index or prober.sizes.shape[axis] < 3:
        return prober
    positions = Format(tuple(a for a in range(len(prober.sizes.shape)) if a != axis))
    for pad in padding_candidates(prober, axis):
        padded = replace(prober, kind=replace(prober.kind, pad=pad))
        share = torch.full((prober.sizes.batch,), 0.5, dtype=torch.float64)
        point = padded.masked(padded.point(), PADDING, positions, share)
        if point.kept is None or point.kept.all():
            return prober  # there is one position only
        with_class = slopes_by_class(padded, point, axis).select(axis + 1, pad)
        if not (with_class < 0).any():
            return padded
    return prober


def padding_candidates(prober: Prober, axis: int) -> list[int]:
    """Classes that may be padding: the first ones, the last, and drawn ones whose logits were never
    raised."""
    point = prober.point()
    try:
        slopes = slopes_by_class(prober, point, axis)
    except (CannotTell, LossRaised):
        return []
    by_class = slopes.movedim(axis + 1, 0).flatten(1)
    drawn = point.x.view(slopes.shape).movedim(axis + 1, 0).flatten(1).any(1)
    never = (drawn & (by_class >= 0).all(1)).nonzero().flatten().tolist()
    classes = prober.sizes.shape[axis]
    return list(dict.fromkeys([*range(min(4, classes)), classes - 1, *never[:4]]))


def slopes_by_class(prober: Prober, point: Point, axis: int) -> Tensor:
    """(B, *shape) the gradient by the reconstruction."""
    found = prober.slopes(point).reconstruction
    return found.view(len(point.x), *point.sizes.shape)
