"""The constants of a log-likelihood, which no gradient shows: which of them a loss has."""

import math

from torch import Tensor

from betafront.weights.audit.terms.known_terms import (
    OPTIMA,
    OPTIMAL_LAPLACE,
    Reconstruction,
)


def constants(
    found: Reconstruction, unit: float | None, offset: float, rest: float, x: Tensor
) -> tuple[str, float | None]:
    """Which constants of its log-likelihood the loss has, in words, and the σ (or b) that they
    show; empty where the offset fits no known set of constants.

    Args:
        found: the reconstruction term.
        unit: the weight of D that the reductions alone would give; None where it is unknown.
        offset: the loss less its core and its KL.
        rest: the numerical error of `offset`.
        x: (B, N) of the batch, each value with the constant.
    """
    own = [(found.weight * add(x), words) for words, add in found.term.constants]
    above = [value for value, words in own if not words]  # part of the term itself
    known = [
        (x.numel() * each + sum(above), text, scale)
        for each, text, scale in known_constants(found, unit)
    ]
    for expected, text, scale in [*((v, words, None) for v, words in own if words), *known]:
        if abs(offset - expected) <= rest + 1e-9 * abs(expected):
            return text, scale
    return "", None


def known_constants(
    found: Reconstruction, unit: float | None
) -> list[tuple[float, str, float | None]]:
    """The sets of constants that a term may have: (per value of x, in words, the σ or b shown)."""
    letter, half_log = found.term.scale, math.log(2 * math.pi) / 2
    if found.term in OPTIMA:
        laplace = found.term is OPTIMAL_LAPLACE
        known, one = (math.log(2), 1.0) if laplace else (half_log, 0.5)
        return [
            (found.weight * (known + one), "all there", None),
            (found.weight * one, f"{'N ln 2' if laplace else '½N ln 2π'} is missing", None),
            (0.0, f"{'N(ln 2 + 1)' if laplace else '½N(ln 2π + 1)'} is missing", None),
        ]
    if letter is None:
        return [] if found.term.constants else [(0.0, "all there", None)]
    whole, part = ("½N ln(2πσ²)", "½N ln 2π") if letter == "σ" else ("N ln(2b)", "N ln 2")
    # First, so that it is preferred where some σ would make the constant 0.
    answer: list[tuple[float, str, float | None]] = [
        (0.0, f"{whole} is missing: no log-likelihood, and no {letter} in it", None)
    ]
    if unit is not None and found.weight > 0:
        ratio = unit / found.weight  # σ², or b
        scale = ratio**0.5 if letter == "σ" else ratio
        left = half_log if letter == "σ" else math.log(2)
        shows = f"with {letter} = {scale:.6g}"
        answer.append((unit * (math.log(scale) + left), f"{whole} is there, {shows}", scale))
        answer.append(
            (unit * math.log(scale), f"{part} is missing; N ln {letter} is there, {shows}", scale)
        )
    return answer
