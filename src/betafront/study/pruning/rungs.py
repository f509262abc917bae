"""Rungs: the validations at which runs are compared with one another."""

from collections.abc import Sequence

FRACTIONS = (0.125, 0.25, 0.5)
"""Of the steps of a run: where it may be stopped. Each is twice the one before, as in successive
halving with η = 2 (Jamieson and Talwalkar 2016)."""


def rung_reached(
    step: int, steps: int, after: float, fractions: Sequence[float] = FRACTIONS
) -> float | None:
    """The rung that a run has come to with a validation: of several at once the last.

    Args:
        step: optimiser steps taken.
        steps: of the whole run. Its last validation is at no rung: nothing is saved there.
        after: the last rung that the run had come to before; 0 for none.
        fractions: the rungs, rising.

    Returns:
        The fraction; None where it has come to none.
    """
    passed = [f for f in fractions if f > after and f * steps <= step < steps]
    return passed[-1] if passed else None
