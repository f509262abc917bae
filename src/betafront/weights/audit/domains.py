"""The inputs that a loss accepts: images or rows, all reals or an interval, grey values, bits,
counts or classes, masks of several shapes, float64 or float32."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import torch

from betafront.weights.audit.arguments import Call
from betafront.weights.audit.inputs.extras import formats
from betafront.weights.audit.inputs.kinds import BITS, GREY, Kind, kinds
from betafront.weights.audit.inputs.points import LAYOUTS, Reals, Sizes
from betafront.weights.audit.probes import Prober
from betafront.weights.audit.sandbox import CannotTell, LossRaised, NoGradient

FROM_PROBES = re.compile(
    r"double|float64|within the support|one of the following types: long|must be long|integer",
    re.IGNORECASE,
)
"""Words in the message of an error that comes from the probes' own kind of numbers."""


def accepted_probers(call: Call, sizes: Sizes) -> Iterator[list[Prober]]:
    """For each kind of numbers, layout and shape of masks, the probers at whose points the loss is
    finite: unrestricted reconstructions and spreads before restricted ones. None of those where a
    loss with masks has no gradient.

    Raises:
        LossRaised, UserError: the loss raises for every prober.
        CannotTell: the loss is finite for no prober, or has no gradient.
    """
    refusals: list[tuple[Kind, CannotTell | LossRaised]] = []
    accepted: list[Prober] = []
    for ways in starting_probers(call, sizes):
        messages: list[str] = []
        for start in ways:
            if not_needed(start, accepted):
                break
            found, refused = finite_probers(start)
            refusals += [(start.kind, refusal) for refusal in refused]
            if found:
                accepted.append(found[0])
                yield found
            messages.append(str(refused[0]) if len(refused) == 1 else "")
            same = len(messages) == 2 and messages[0] and messages[0] == messages[1]
            if same and "assertion" not in messages[0]:
                break  # masks of two shapes and types: it is not the mask
    if not accepted:
        raise most_informative(refusals)


def finite_probers(start: Prober) -> tuple[list[Prober], list[CannotTell | LossRaised]]:
    """The probers of all domains at whose points the loss is finite, and the refusals: a single one
    where it raises for positive spreads and reconstructions in (0, 1), which suit any loss."""
    try:
        corner = replace(start, spreads="positive", reals="unit")
        corner.value(corner.point())
    except LossRaised as refusal:
        return [], [refusal]
    except CannotTell:
        pass
    found, refusals = [], []
    for prober in over_domains(start):
        try:
            slopes = prober.slopes(prober.point())
        except (CannotTell, LossRaised) as reason:
            refusals.append(reason)
            continue
        if not prober.formats or slopes.reconstruction.any():
            found.append(prober)
    return found, refusals


def not_needed(start: Prober, accepted: list[Prober]) -> bool:
    """Whether a loss that accepts these kinds of numbers is not asked for this one: float32 after
    float64, bits after grey values, another layout after one."""
    return any(
        before.dtype != start.dtype
        or (before.kind == GREY and start.kind == BITS)
        or (before.kind == start.kind and before.layout != start.layout)
        or len(before.call.names) > len(start.call.names)
        for before in accepted
    )


def starting_probers(call: Call, sizes: Sizes) -> Iterator[Iterator[Prober]]:
    """Probers with float64, then float32, and in each with every kind of x, in every layout;
    without the arguments that the loss does without where it takes none of these. Each is given
    for every shape of the masks."""
    calls = (call, call.without_optional()) if call.optional else (call,)
    for dtype, kind, called, layout in product(
        (torch.float64, torch.float32), tuple(kinds(sizes.shape)), calls, LAYOUTS
    ):
        prober = Prober(called, sizes, layout, kind=kind, dtype=dtype)
        shapes = formats(called.extras, sizes.shape, kind.axis)
        yield (replace(prober, formats=given) for given in shapes)


REALS: dict[str, tuple[Reals, ...]] = {"counts": ("real", "unit", "positive")}
"""The domains of the reconstruction by the kind of x."""


def over_domains(prober: Prober) -> Iterator[Prober]:
    """The prober with every pair of domains of the spread and of the reconstruction."""
    for spreads in ("real", "positive"):
        for reals in REALS.get(prober.kind.name, ("real", "unit")):
            yield replace(prober, reals=reals, spreads=spreads)  # type: ignore[arg-type]


def most_informative(refusals: list[tuple[Kind, CannotTell | LossRaised]]) -> Exception:
    """The refusal to report: that the loss is not finite or has no gradient, before an error that
    calling it raised, before an error that comes from the probes' own kind of numbers."""
    usual = [refusal for kind, refusal in refusals if kind.name in ("grey", "bits")]
    called = [refusal for refusal in usual if isinstance(refusal, CannotTell | NoGradient)]
    every = [refusal for _, refusal in refusals]
    rest = [refusal for refusal in every if not FROM_PROBES.search(str(refusal))]
    silent = CannotTell("the loss does not depend on the reconstruction, whatever its mask")
    return [*called, *rest, *every, silent][0]
