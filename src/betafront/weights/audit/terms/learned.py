"""Scales that a loss learns: parameters of its own that weigh the reconstruction or the KL."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from betafront.weights.audit.inputs.parameters import Parameter
from betafront.weights.audit.probes import Point, Prober, Sizes, Slopes, factor
from betafront.weights.audit.sandbox import CannotTell
from betafront.weights.audit.terms.kl import KL, all_equal, close
from betafront.weights.audit.terms.known_terms import Reconstruction, Term, slope_of

SHIFT = 0.25
"""What is added to a parameter to see what it does."""
FEW = 32  # elements of a parameter that are tried one by one
DISTORTION = "the reconstruction term"
PRESENT = "depends on it: the answer is for its value now"
ERRORS = (0.1, 0.3, 1.0, 3.0, 10.0)


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
class LearnedReconstruction(Reconstruction):
    """A Gaussian or a Laplace whose σ (or b) is learned, for all values or in groups of them.

    The loss is w·(core/σ² + ln σ) (core/b + ln b) up to constants, however σ is parametrised. Where
    σ settles, this is w times the negative log-likelihood at the optimal σ, so that `weight`, the
    w, is the weight of D.

    Args:
        base: the error.
        scales: (N,) the σ or b of each value of x, now.
        parameters: that set them.
    """

    base: Term | None = None
    scales: Tensor | None = None
    parameters: tuple[Parameter, ...] = ()

    def nats(self, point: Point) -> float:
        assert self.base is not None and self.scales is not None
        core = self.base.distortion(point, point.reconstruction)
        return (core / self.scales ** power_of_scale(self.base) + self.scales.log()).sum().item()

    def measure(self, point: Point, slopes: Slopes) -> float:
        assert self.base is not None
        base = Reconstruction(self.weight, self.base, self.prober)
        return learned_weight(base, self.parameters, point.sizes)[0]


def power_of_scale(term: Term) -> int:
    """The power of the scale by which the core is divided: 2 of σ, 1 of b."""
    return 2 if term.scale == "σ" else 1


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
    mu, gradient = (torch.cat([point.mu for point in points]), torch.cat([s.mu for s in slopes]))
    rate, left_rate = factor(gradient, mu / kl.prior**2) if kl.weight else (0.0, 0.0)
    return Weights(c, rate, left, left_rate, slopes)


def by_value(term: Term, points: Sequence[Point], slopes: Sequence[Slopes]) -> tuple[Tensor, float]:
    """(N,) the factor on the core of each value of x, and the largest relative residual."""
    pattern = torch.cat([slope_of(term, point) for point in points])
    gradient = torch.cat([s.reconstruction for s in slopes])
    squares = pattern.square().sum(0)
    c = (gradient * pattern).sum(0) / torch.where(squares > 0, squares, torch.ones_like(squares))
    size = gradient.norm(dim=0)
    left = (gradient - c * pattern).norm(dim=0) / torch.where(size > 0, size, torch.ones_like(size))
    return c, left.max().item()


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


def with_scale(found: Reconstruction, parameters: tuple[Parameter, ...]) -> LearnedReconstruction:
    """The reconstruction with a learned scale.

    Raises:
        CannotTell: the parameters are no scale of a Gaussian or a Laplace.
    """
    letter = found.term.scale
    names = " and ".join(parameter.name for parameter in parameters)
    if letter is None or found.term.likelihood is None:
        values = ", ".join(parameter.value for parameter in parameters)
        raise CannotTell(
            f"the weight of the reconstruction term is learned ({names}), but {found.term.name} "
            "has no scale to learn: the weight settles where it is inverse to the term itself, so "
            f"there is no one β (now {values})"
        )
    weight, scales = learned_weight(found, parameters, found.prober.sizes)
    for parameter in parameters:
        with parameter.moved(SHIFT / 2):
            if not close(learned_weight(found, parameters, found.prober.sizes)[0], weight, 1e-3):
                raise CannotTell(
                    f"the reconstruction term is weighed by {names}, which is learned, but not as "
                    "by the scale of a likelihood: where it settles depends on more than the error"
                )
    known, lacking = (
        (math.log(2 * math.pi) / 2, "½N ln 2π") if letter == "σ" else (math.log(2), "N ln 2")
    )
    family = "Gaussian" if letter == "σ" else "Laplace"
    size = "" if all_equal(scales, 1e-9) else ", one for each of several groups of values"
    of = found.term.name.partition(" of ")[2] if letter == "σ" else ""
    likelihood = f"likelihood={'gaussian' if letter == 'σ' else 'laplace'} likelihood.mode=learned"
    term = replace(
        found.term,
        name=f"{family} with a learned {letter}{size}" + (f", of {of}" if of else ""),
        scale=None,
        likelihood=likelihood if not size else None,
        constants=(
            ("all there", lambda x: x.numel() * known),
            (f"{lacking} is missing", lambda _: 0.0),
        ),
    )
    return LearnedReconstruction(
        weight,
        term,
        found.prober,
        found.error,
        found.remarks,
        found.warnings,
        base=found.term,
        scales=scales,
        parameters=parameters,
    )


def learned_weight(
    found: Reconstruction, parameters: Sequence[Parameter], sizes: Sizes
) -> tuple[float, Tensor]:
    """The w of a loss w·(core/σ² + ln σ), and (N,) the σ (or b) of each value of x now.

    With c the factor on the core, cE + g(c) settles where c·E = −dg/d ln c =: n. For a Gaussian of
    K values n is w·K/2, for a Laplace w·K. Both c and the derivatives of the loss by the parameter
    at several E, a line in E, are measured.

    Raises:
        CannotTell: the parameters do not act as a scale, or there is no ln σ.
    """
    power = 2 if found.term.scale == "σ" else 1
    prober = found.prober
    points = [prober.point(sizes, error=error) for error in errors_of(prober)]
    slopes = [prober.slopes(point, tuple(parameters)) for point in points]
    c, _ = by_value(found.term, points, slopes)
    found_weights, covered = [], torch.zeros_like(c, dtype=torch.bool)
    for i, parameter in enumerate(parameters):
        groups = groups_of(parameter, found, points[0])
        covered |= groups >= 0
        found_weights.append(
            power
            * held(found.term, points, [parameter.of(s.parameters[i]) for s in slopes], c, groups)
        )
    weights = torch.cat(found_weights)
    if not covered.all():
        raise CannotTell("the scale is learned for some values of x and fixed for others")
    if bool((weights.abs() < 1e-6 * c.abs().min()).all()):
        raise CannotTell(
            "the scale is learned and nothing holds it (there is no ln σ beside it): the "
            "reconstruction term fades as it grows, and there is no one β"
        )
    if not all_equal(weights, 1e-3) or weights[0] <= 0:
        raise CannotTell(
            "the learned scales of different values of x, or one of them and its ln σ, have "
            "different weights, so that there is no one β"
        )
    weight = weights.mean().item()
    return weight, (weight / c) ** (1 / power)


def errors_of(prober: Prober) -> Iterator[float]:
    """Sizes of error at which the derivative by a scale is measured."""
    largest = 1e3 if prober.dtype == torch.float64 else 3
    return iter([error for error in ERRORS if error <= largest])


def held(
    term: Term, points: Sequence[Point], by_parameter: Sequence[Tensor], c: Tensor, groups: Tensor
) -> Tensor:
    """(K,) the n of every group of values, divided by its number of values in a batch."""
    count = int(groups.max().item()) + 1
    batch = len(points[0].x)
    rows = groups.clamp(min=0)
    known = (groups >= 0).double()
    size = torch.zeros(count, dtype=torch.float64).index_add(0, rows, known)
    errors = torch.stack(
        [
            torch.zeros(count, dtype=torch.float64).index_add(
                0, rows, known * term.distortion(p, p.reconstruction).sum(0)
            )
            for p in points
        ]
    )
    at = torch.zeros(count, dtype=torch.float64).index_add(0, rows, known * c) / size
    gradients = torch.stack(list(by_parameter))
    # By the size of each error, so that the line fits at the small ones too.
    design = torch.stack((torch.ones_like(errors), 1 / errors), 2).transpose(0, 1)
    lines = torch.linalg.lstsq(design, (gradients / errors).T[..., None]).solution[..., 0]
    change, rest = lines[:, 0], lines[:, 1]
    return -rest * at / (change * batch * size)


def groups_of(parameter: Parameter, found: Reconstruction, point: Point) -> Tensor:
    """(N,) which element of a parameter acts on the factor of each value of x; −1 for none. Bit by
    bit of the elements' numbers, all those with the bit are moved at once.

    Raises:
        CannotTell: elements act together, or not one by one.
    """
    slopes = found.prober.slopes(point)
    pattern = slope_of(found.term, point)
    count = len(parameter.elements)
    numbers = 1 + torch.arange(count)
    answer = torch.zeros(point.x.shape[1], dtype=torch.int64)
    for bit in range(count.bit_length()):
        having = ((numbers >> bit) & 1).double()
        with parameter.moved(SHIFT * having):
            moved = found.prober.slopes(point)
        change = ((moved.reconstruction - slopes.reconstruction) * pattern).sum(0).abs()
        size = (slopes.reconstruction * pattern).sum(0).abs()
        answer += (change > 10 * slopes.tolerance * size).long() << bit
    if int(answer.max()) > count:
        raise CannotTell(f"the elements of {parameter.name} do not weigh the values one by one")
    missing = count - len(set(answer.tolist()) - {0})
    if missing:
        raise CannotTell(f"{missing} of the {count} elements of {parameter.name} weigh nothing")
    return answer - 1


def words_of(found: LearnedReconstruction) -> dict[str, str]:
    """What each parameter of a learned scale is now, in words."""
    assert found.base is not None and found.scales is not None
    letter = found.base.scale
    least, most = found.scales.min().item(), found.scales.max().item()
    now = (
        f"{letter} = {least:.6g}"
        if math.isclose(least, most, rel_tol=1e-6)
        else (f"{letter} from {least:.4g} to {most:.4g}")
    )
    what = "root mean squared error" if letter == "σ" else "mean absolute error"
    return {
        p.name: f"learned: {now} now ({p.value}); it settles at the {what}, where β is told"
        for p in found.parameters
    }
