"""What a loss accepts: images or rows, any reals or some, grey values or bits, which floats."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import torch

from betafront.weights.audit.arguments import Call, CannotTell
from betafront.weights.audit.probes import LAYOUTS, Prober, Sizes
from betafront.weights.audit.sandbox import LossRaised

OURS = re.compile("double|float64|within the support", re.IGNORECASE)
"""In the message of an error that the probes' own numbers brought about."""


def accepted(call: Call, sizes: Sizes) -> list[Prober]:
    """The probers that the loss has finite values for, of the first kind of numbers and the first
    layout that have any: real reconstructions and spreads before restricted ones.

    Raises:
        LossRaised, UserError: as it does everywhere.
        CannotTell: it is nowhere finite, or has no gradient.
    """
    refusals: list[CannotTell | LossRaised] = []
    for start in kinds(call, sizes):
        found = []
        for prober in domains(start):
            try:
                prober.slopes(prober.point())
                found.append(prober)
            except (CannotTell, LossRaised) as refusal:
                refusals.append(refusal)
        if found:
            return found
    raise telling(refusals)


def kinds(call: Call, sizes: Sizes) -> Iterator[Prober]:
    """Probers of float64 and grey values, then of bits, then the same in float32; each in every
    layout."""
    for dtype, binary, layout in product((torch.float64, torch.float32), (False, True), LAYOUTS):
        yield Prober(call, sizes, layout, binary=binary, dtype=dtype)


def domains(prober: Prober) -> Iterator[Prober]:
    """The prober over every pair of domains."""
    for spreads in ("real", "positive"):
        for reals in ("real", "unit"):
            yield replace(prober, reals=reals, spreads=spreads)  # type: ignore[arg-type]


def telling(refusals: list[CannotTell | LossRaised]) -> CannotTell | LossRaised:
    """The refusal that tells most: what a loss says of values that it can be right about, before
    what it says of their shape, before what it says of the probes' own numbers."""
    told = [refusal for refusal in refusals if isinstance(refusal, CannotTell)]
    rest = [refusal for refusal in refusals if not OURS.search(str(refusal))]
    return [*told, *rest, *refusals][0]
