"""Recognising the reconstruction term by its gradient with respect to the reconstruction."""

from dataclasses import replace

import torch

from betafront.weights.audit.arguments import CannotTell
from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.terms.known_terms import GREY, OPTIMA, TERMS, Reconstruction, slope_of
from betafront.weights.audit.terms.optimal_scale import recognise_optimal


def recognise(probers: list[Prober]) -> Reconstruction:
    """The reconstruction term of a loss, in the first domain in which it is recognised.

    Args:
        probers: of the domains in which the loss is finite.

    Raises:
        CannotTell: it is none of the known terms.
    """
    by_reals = {prober.reals: prober for prober in reversed(probers)}
    for reals in ("real", "unit"):
        if reals not in by_reals:
            continue
        prober = by_reals[reals]
        found = known_term(prober)
        if found is None and reals == "real":
            found = recognise_optimal(prober)
        if found is not None:
            return with_domain_warning(found) if reals == "unit" and "real" in by_reals else found
    raise CannotTell(
        "it is none of "
        + ", ".join(term.name for term in (*TERMS, *OPTIMA))
        + "; are the arguments in the right order (--order)?"
    )


def with_domain_warning(found: Reconstruction) -> Reconstruction:
    """The same, with a warning where the term is defined outside (0, 1) and differs there."""
    if found.term.unit:
        return found  # outside (0, 1) it is not defined
    line = (
        f"{found.term.name} only for reconstructions in (0, 1); outside it is something else (a "
        "clamp, a Huber loss?)"
    )
    return replace(found, warnings=(*found.warnings, line))


def known_term(prober: Prober) -> Reconstruction | None:
    """The term whose gradient fits with one factor at every pixel of several points, else None."""
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
            silent = term.remark is None or (term.remark == GREY and prober.binary)
            words = () if silent else (str(term.remark),)
            return Reconstruction(c, term, prober, remarks=words)
    return None
