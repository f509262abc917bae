"""The constants of a log-likelihood that a loss has or lacks, which no gradient shows."""

import math

from betafront.weights.audit.known_terms import (
    OPTIMA,
    OPTIMAL_LAPLACE,
    Reconstruction,
)


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
    if found.term in OPTIMA:
        laplace = found.term is OPTIMAL_LAPLACE
        known, one = (math.log(2), 1.0) if laplace else (half_log, 0.5)
        return [
            (found.weight * (known + one), "all there", None),
            (found.weight * one, f"{'N ln 2' if laplace else '½N ln 2π'} is missing", None),
            (0.0, f"{'N(ln 2 + 1)' if laplace else '½N(ln 2π + 1)'} is missing", None),
        ]
    if letter is None:
        return [(0.0, "all there", None)]
    whole, part = ("½N ln(2πσ²)", "½N ln 2π") if letter == "σ" else ("N ln(2b)", "N ln 2")
    # Nothing is the first guess, also where a σ would make the constant nothing.
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
