"""The scale of a Gaussian or a Laplace that a loss learns: its weight, and its value now."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from betafront.weights.audit.inputs.parameters import Parameter
from betafront.weights.audit.inputs.points import Point, Sizes, Slopes
from betafront.weights.audit.sandbox import CannotTell
from betafront.weights.audit.terms.kl import all_equal, close
from betafront.weights.audit.terms.known_terms import Reconstruction, Term, slope_of

SHIFT = 0.25
"""What is added to a parameter to see what it does."""
ERRORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Sizes of error at which the derivative by a scale is measured."""


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
    power = power_of_scale(found.term)
    prober = found.prober
    points = [prober.point(sizes, error=error) for error in ERRORS]
    slopes = [prober.slopes(point, tuple(parameters)) for point in points]
    c, _ = by_value(found.term, points, slopes)
    found_weights, covered = [], torch.zeros_like(c, dtype=torch.bool)
    for i, parameter in enumerate(parameters):
        groups = groups_of(parameter, found, points[0])
        covered |= groups >= 0
        by_parameter = [parameter.of(s.parameters[i]) for s in slopes]
        found_weights.append(power * held(found.term, points, by_parameter, c, groups))
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
    found: Tensor = -rest * at / (change * batch * size)
    return found


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


def by_value(term: Term, points: Sequence[Point], slopes: Sequence[Slopes]) -> tuple[Tensor, float]:
    """(N,) the factor on the core of each value of x, and the largest relative residual."""
    pattern = torch.cat([slope_of(term, point) for point in points])
    gradient = torch.cat([s.reconstruction for s in slopes])
    squares = pattern.square().sum(0)
    c = (gradient * pattern).sum(0) / torch.where(squares > 0, squares, torch.ones_like(squares))
    size = gradient.norm(dim=0)
    left = (gradient - c * pattern).norm(dim=0) / torch.where(size > 0, size, torch.ones_like(size))
    return c, left.max().item()
