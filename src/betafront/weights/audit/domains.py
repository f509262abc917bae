"""The inputs that a loss accepts: images or rows, all reals or an interval, grey values or bits,
float64 or float32."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import torch

from betafront.weights.audit.arguments import Call, CannotTell
from betafront.weights.audit.probes import LAYOUTS, Prober, Sizes
from betafront.weights.audit.sandbox import LossRaised

FROM_PROBES = re.compile("double|float64|within the support", re.IGNORECASE)
"""Words in the message of an error that comes from the probes' own kind of numbers."""


def accepted_probers(call: Call, sizes: Sizes) -> list[Prober]:
    """The probers at whose points the loss is finite, for the first kind of numbers and the first
    layout that have any: unrestricted reconstructions and spreads before restricted ones.

    Raises:
        LossRaised, UserError: the loss raises for every prober.
        CannotTell: the loss is finite for no prober, or has no gradient.
    """
    refusals: list[CannotTell | LossRaised] = []
    for start in starting_probers(call, sizes):
        found = []
        for prober in over_domains(start):
            try:
                prober.slopes(prober.point())
                found.append(prober)
            except (CannotTell, LossRaised) as refusal:
                refusals.append(refusal)
        if found:
            return found
    raise most_informative(refusals)


def starting_probers(call: Call, sizes: Sizes) -> Iterator[Prober]:
    """Probers with float64 and grey values, then bits, then the same in float32; each in every
    layout."""
    for dtype, binary, layout in product((torch.float64, torch.float32), (False, True), LAYOUTS):
        yield Prober(call, sizes, layout, binary=binary, dtype=dtype)


def over_domains(prober: Prober) -> Iterator[Prober]:
    """The prober with every pair of domains of the spread and of the reconstruction."""
    for spreads in ("real", "positive"):
        for reals in ("real", "unit"):
            yield replace(prober, reals=reals, spreads=spreads)  # type: ignore[arg-type]


def most_informative(refusals: list[CannotTell | LossRaised]) -> CannotTell | LossRaised:
    """The refusal to report: that the loss is not finite or has no gradient, before an error that
    it raised, before an error that comes from the probes' own kind of numbers."""
    not_finite = [refusal for refusal in refusals if isinstance(refusal, CannotTell)]
    rest = [refusal for refusal in refusals if not FROM_PROBES.search(str(refusal))]
    return [*not_finite, *rest, *refusals][0]
