"""What a loss learns itself: parameters of its own that weigh the reconstruction or the KL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from betafront.weights.audit.inputs.parameters import Parameter
from betafront.weights.audit.inputs.points import Point, Slopes
from betafront.weights.audit.probes import factor
from betafront.weights.audit.sandbox import CannotTell
from betafront.weights.audit.terms.kl import KL, close
from betafront.weights.audit.terms.known_terms import Reconstruction, Term
from betafront.weights.audit.terms.learned_scale import SHIFT, by_value, with_scale, words_of

FEW = 32  # elements of a parameter that are tried one by one
DISTORTION = "the reconstruction term"
PRESENT = "depends on it: the answer is for its value now"


@dataclass(frozen=True)
class Effects:
    """What a parameter does to the two terms when it is moved.

    Args:
        distortion: whether the factors on the core change.
        rate: whether the factor on the KL changes.
        together: whether they change by the same factor.
        shape: which term changes otherwise than by a factor; empty for none.
    """

    distortion: bool
    rate: bool
    together: bool
    shape: str = ""


@dataclass(frozen=True)
class Learned:
    """What a loss learns itself.

    Args:
        reconstruction: with the learned scale where there is one.
        words: what each parameter does, and its value now.
        refusal: why there is no one β; None where there is one.
    """

    reconstruction: Reconstruction
    words: Mapping[str, str]
    refusal: str | None = None


def learned_scales(found: Reconstruction, kl: KL) -> Learned:
    """The scales that a loss learns, of the reconstruction or of the KL, and what its other
    parameters do."""
    parts = [part for whole in found.prober.parameters() for part in parts_of(whole, found, kl)]
    effects = {part: effects_of(part, found, kl) for part in parts}
    weighing = {p: e for p, e in effects.items() if not e.shape and not e.together}
    scales = tuple(p for p, e in weighing.items() if e.distortion)
    words = {p.name: in_words(p, e, found.term) for p, e in effects.items()}
    refusals = []
    try:
        if scales:
            found = with_scale(found, scales)
            words |= words_of(found)
        elif found.uneven:
            raise CannotTell("the reconstruction term weighs some values of x more than others")
    except CannotTell as reason:
        refusals.append(str(reason))
    refusals += [refused_rate(p, found, kl) for p, e in weighing.items() if e.rate]
    return Learned(found, words, "; ".join(refusals) or None)


def in_words(parameter: Parameter, effects: Effects, term: Term) -> str:
    """What a parameter does, in words."""
    if effects.shape == DISTORTION and "counts" in term.kinds:
        return (
            "learned: the dispersion θ of the likelihood, on which β does not depend (now "
            f"{parameter.value})"
        )
    if effects.shape:
        return f"learned, and {effects.shape} {PRESENT}"
    if effects.together:
        return "learned; it weighs both terms alike, and β does not depend on it"
    weighed = [
        words
        for words, is_so in (("reconstruction term", effects.distortion), ("KL", effects.rate))
        if is_so
    ]
    if weighed:
        return f"learned: a weight of the {' and the '.join(weighed)} (now {parameter.value})"
    return "learned; neither term is weighed by it"


def effects_of(parameter: Parameter, found: Reconstruction, kl: KL) -> Effects:
    """What moving a parameter does to the factors on the two terms."""
    points = [found.prober.point(error=found.error) for _ in range(2)]
    before = weights_of(found, kl, points)
    # By different amounts, since an equal one has no effect behind a softmax.
    amounts = SHIFT * (1 + torch.arange(len(parameter.elements)) % 5 / 7)
    with parameter.moved(amounts):
        after = weights_of(found, kl, points)
    tolerance = 10 * max(slopes.tolerance for slopes in before.slopes)
    ratio = after.distortion / before.distortion
    distortion = not close_tensors(after.distortion, before.distortion, tolerance)
    rate = not close(after.rate, before.rate, tolerance)
    together = (
        rate
        and distortion
        and close_tensors(ratio, torch.full_like(ratio, after.rate / before.rate), tolerance)
    )
    shape = ""
    if after.left_rate > tolerance:
        shape = "the KL"
    elif after.left_distortion > tolerance:
        shape = DISTORTION
    if shape:
        return Effects(False, False, False, shape)
    return Effects(distortion, rate, together)


def parts_of(parameter: Parameter, found: Reconstruction, kl: KL) -> list[Parameter]:
    """The elements of a parameter by what they do; all together where they are many."""
    if not 1 < len(parameter.elements) <= FEW:
        return [parameter]
    alike: dict[Effects, list[int]] = {}
    for element in parameter.elements:
        one = replace(parameter, part=(element,))
        alike.setdefault(effects_of(one, found, kl), []).append(element)
    if len(alike) == 1:
        return [parameter]
    return [replace(parameter, part=tuple(elements)) for elements in alike.values()]


@dataclass(frozen=True)
class Weights:
    """The factors on the cores (N,) and on the KL, and the largest share of a gradient left."""

    distortion: Tensor
    rate: float
    left_distortion: float
    left_rate: float
    slopes: list[Slopes]


def weights_of(found: Reconstruction, kl: KL, points: Sequence[Point]) -> Weights:
    """The factors at these points."""
    slopes = [found.prober.slopes(point) for point in points]
    c, left = by_value(found.term, points, slopes)
    rate, left_rate = 0.0, 0.0
    if kl.weight:
        patterns = torch.stack([torch.stack(kl.patterns(point)) for point in points])
        gradients = torch.stack([torch.stack((s.mu, s.log_var)) for s in slopes])
        rate, left_rate = factor(gradients, patterns)
    return Weights(c, rate, left, left_rate, slopes)


def close_tensors(one: Tensor, other: Tensor, tolerance: float) -> bool:
    """Whether all elements are equal within a relative tolerance."""
    return bool(((one - other).abs() <= tolerance * other.abs()).all())


def refused_rate(parameter: Parameter, found: Reconstruction, kl: KL) -> str:
    """Why a learned weight of the KL leaves no one β, and where the weight settles, in words.

    The derivative of the loss by the parameter is a line in the KL; where it has no constant, there
    is nothing beside the KL that the weight could be held by.
    """
    rows, rates = [], []
    for scale in (0.3, 1.0, 3.0):
        point = found.prober.point(scale=scale)
        slopes = found.prober.slopes(point, (parameter,))
        rows.append(parameter.of(slopes.parameters[0]).sum().item())
        rates.append([kl.nats(point).sum().item(), 1.0])
    lines = torch.linalg.lstsq(
        torch.tensor(rates, dtype=torch.float64), torch.tensor(rows, dtype=torch.float64)[:, None]
    )
    change, rest = lines.solution[:, 0].tolist()
    now = f"(β at its value now, {parameter.value}: {kl.weight / found.weight:.6g})"
    held = abs(rest) > 1e-6 * abs(change) * rates[0][0]
    if not held:
        return (
            f"the weight of the KL is learned ({parameter.name}) and nothing holds it: the loss "
            f"falls as the weight does {now}"
        )
    return (
        f"the weight of the KL is learned ({parameter.name}) and settles where it is inverse to "
        f"the KL itself, so that there is no one β {now}"
    )
