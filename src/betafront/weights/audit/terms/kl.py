"""Recognising the KL term by its gradients: c·mu, and c·½(e^log_var − 1), at every scale."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from betafront.weights.audit.inputs.points import Point, Slopes
from betafront.weights.audit.probes import Prober, factor
from betafront.weights.audit.sandbox import CannotTell

SCALES = (1e-2, 1.0, 6.0)
"""Of mu: the KL is from under a thousandth of a nat per latent to some twenty, so that a floor
(free bits) or a target (capacity) shows."""


class NoKnownSpread(CannotTell):
    """The gradient by mu is that of a KL, and the gradient by log_var is not recognised."""


@dataclass(frozen=True)
class Meaning:
    """A quantity that the argument called log_var may really be.

    Args:
        name: of the quantity.
        variance: σ² as a function of the quantity.
        log_variance: ln σ² as a function of the quantity.
        positive: the quantity is always positive, and is probed there only.
    """

    name: str
    variance: Callable[[Tensor], Tensor]
    log_variance: Callable[[Tensor], Tensor]
    positive: bool = False

    def slopes(self, spread: Tensor) -> tuple[Tensor, Tensor]:
        """The derivatives of ½σ² and of −½ ln σ², element by element."""
        leaf = spread.clone().requires_grad_()
        (var_slope,) = torch.autograd.grad(self.variance(leaf).sum() / 2, leaf)
        (log_slope,) = torch.autograd.grad(-self.log_variance(leaf).sum() / 2, leaf)
        return var_slope, log_slope


def softplus(value: Tensor) -> Tensor:
    return torch.nn.functional.softplus(value)


MEANINGS = (
    Meaning("log σ²", torch.exp, lambda v: v),
    Meaning("log σ", lambda v: torch.exp(2 * v), lambda v: 2 * v),
    Meaning("σ", torch.square, lambda v: v.square().log(), positive=True),
    Meaning("σ²", lambda v: v, torch.log, positive=True),
    Meaning("σ before a softplus", lambda v: softplus(v) ** 2, lambda v: 2 * softplus(v).log()),
    Meaning("σ² before a softplus", softplus, lambda v: softplus(v).log()),
    Meaning("−log σ²", lambda v: torch.exp(-v), lambda v: -v),
)


@dataclass(frozen=True)
class KL:
    """A recognised KL term.

    Args:
        weight: the factor c on the sum of KL(N(mu, σ²) || N(0, prior²)) over batch and latents.
        meaning: what log_var is.
        prior: the prior's standard deviation.
        least, most: the KL of the probes, in nats per example.
        cut: where the weight is 0, the arguments that the value depends on without a gradient.
    """

    weight: float
    meaning: Meaning
    prior: float = 1.0
    least: float = 0.0
    most: float = 0.0
    cut: tuple[str, ...] = ()

    def nats(self, point: Point) -> Tensor:
        """(B,) the KL at a point, in nats."""
        variance = self.meaning.variance(point.log_var) / self.prior**2
        log_ratio = self.meaning.log_variance(point.log_var) - 2 * math.log(self.prior)
        return ((point.mu / self.prior) ** 2 + variance - log_ratio - 1).sum(1) / 2

    def patterns(self, point: Point) -> tuple[Tensor, Tensor]:
        """(B, M) the derivatives of the KL at a point by mu and by log_var, for a weight of 1."""
        leaves = point.mu.clone().requires_grad_(), point.log_var.clone().requires_grad_()
        nats = self.nats(replace(point, mu=leaves[0], log_var=leaves[1]))
        by_mu, by_log_var = torch.autograd.grad(nats.sum(), leaves)
        return by_mu, by_log_var

    def measure(self, point: Point, slopes: Slopes) -> float:
        """The factor on the KL at a point."""
        return factor(slopes.mu, point.mu / self.prior**2)[0]


def recognise(prober: Prober) -> KL:
    """The KL term of a loss.

    Raises:
        NoKnownSpread: it is not recognised what log_var is.
        CannotTell: the term is no KL.
    """
    seen = []
    for scale in SCALES * 2:
        point = prober.point(scale=scale)
        seen.append((point, prober.slopes(point)))
    constant = [n for n in ("mu", "log_var") if not any(getattr(s, n).any() for _, s in seen)]
    cut = tuple(name for name in constant if changes_with(prober, name))
    if len(constant) == 2:
        return KL(0.0, MEANINGS[0], cut=cut)
    if cut:
        raise CannotTell(without_gradient(cut))
    weight = mu_weight(seen)
    meanings = [m for m in MEANINGS if m.positive or prober.spreads == "real"]
    found = kl_to_standard(seen, weight, meanings) or kl_to_scaled(seen, weight, meanings)
    if found is None:
        raise NoKnownSpread(why_no_kl(seen, weight, meanings))
    nats = torch.cat([found.nats(point) for point, _ in seen])
    return replace(found, least=nats.min().item(), most=nats.max().item())


def changes_with(prober: Prober, name: str) -> bool:
    """Whether the value of a loss depends on one of its arguments."""
    point, other = prober.point(), prober.point()
    moved = replace(point, **{name: getattr(other, name)})
    return prober.value(point)[0].item() != prober.value(moved)[0].item()


def without_gradient(cut: Sequence[str]) -> str:
    """In words, that a value depends on arguments without a gradient."""
    return (
        f"the value changes with {' and '.join(cut)}, but its gradient with respect to "
        f"{'them' if len(cut) > 1 else 'it'} is cut (detach(), no_grad(), .item()?)"
    )


def mu_weight(seen: list[tuple[Point, Slopes]]) -> float:
    """The factor c of a gradient c·mu that is the same at all points.

    Raises:
        CannotTell: it is not the same, with what may be the cause.
    """
    fits = [factor(slopes.mu, point.mu) for point, slopes in seen]
    tolerance = seen[0][1].tolerance
    weights = torch.tensor([c for c, _ in fits], dtype=torch.float64)
    top = weights.abs().max().item()
    if not top:
        raise CannotTell("it does not depend on mu, so it has no KL to N(0, 1)")
    if any(left > tolerance for _, left in fits):
        ratios = torch.cat([(slopes.mu / point.mu).flatten() for point, slopes in seen])
        off = ratios.abs() < tolerance * top
        if off.any() and all_equal(ratios[~off], tolerance):
            raise CannotTell(
                "the KL has no effect for some latents or examples and full weight for others, as "
                "with free bits or a clamp"
            )
        raise CannotTell("the gradient with respect to mu is not a multiple of mu, as a KL's is")
    if all_equal(weights, tolerance):
        return weights.mean().item()
    off = weights.abs() < tolerance * top
    if off.any() and all_equal(weights[~off], tolerance):
        raise CannotTell(
            "the KL has no effect while it is small and full weight above, as with free bits: "
            "there is no one β"
        )
    if weights.min() < 0 < weights.max():
        raise CannotTell(
            "the KL is pushed up while it is small and down while it is large, as with a capacity "
            "|KL − C|: there is no one β"
        )
    raise CannotTell("the weight of the KL changes with the KL itself: there is no one β")


def kl_to_standard(
    seen: list[tuple[Point, Slopes]], weight: float, meanings: Sequence[Meaning]
) -> KL | None:
    """The KL to N(0, 1) with this weight; None where the gradient by log_var fits no meaning."""
    for meaning in meanings:
        found = spread_weight(seen, meaning)
        if found is not None and close(found, weight, seen[0][1].tolerance):
            return KL(weight, meaning)
    return None


def spread_weight(seen: list[tuple[Point, Slopes]], meaning: Meaning) -> float | None:
    """The factor c of a gradient `c · d(½σ² − ½ ln σ²)` that is the same at all points, else
    None."""
    weights = []
    for point, slopes in seen:
        pattern = sum(meaning.slopes(point.log_var), torch.zeros(()))
        if not torch.isfinite(pattern).all():
            return None
        c, left = factor(slopes.log_var, pattern)
        if left > slopes.tolerance:
            return None
        weights.append(c)
    if not all_equal(torch.tensor(weights, dtype=torch.float64), seen[0][1].tolerance):
        return None
    c = sum(weights) / len(weights)
    return c if fits(seen, meaning, c, c) else None


def kl_to_scaled(
    seen: list[tuple[Point, Slopes]], mu_weight: float, meanings: Sequence[Meaning]
) -> KL | None:
    """The KL to N(0, s²) for some s, whose gradients are c·mu/s² and c·d(½σ²/s² − ½ ln σ²); None
    where they fit no meaning."""
    for meaning in meanings:
        patterns = [meaning.slopes(point.log_var) for point, _ in seen]
        var_slope, log_slope = (torch.cat([p[i].flatten() for p in patterns]) for i in (0, 1))
        if not (torch.isfinite(var_slope).all() and torch.isfinite(log_slope).all()):
            continue
        rest = torch.cat([slopes.log_var.flatten() for _, slopes in seen]) - mu_weight * var_slope
        # Every latent has the same weight: else those with a large e^log_var decide alone.
        size = var_slope.abs() + log_slope.abs()
        weight, _ = factor(rest / size, log_slope / size)
        square = weight / mu_weight
        if square > seen[0][1].tolerance and fits(seen, meaning, mu_weight, weight):
            return KL(weight, meaning, prior=square**0.5)
    return None


def fits(
    seen: list[tuple[Point, Slopes]], meaning: Meaning, var_slope: float, log_slope: float
) -> bool:
    """Whether these factors on d(½σ²) and on d(−½ ln σ²) fit every latent at every scale."""
    for point, slopes in seen:
        one, other = meaning.slopes(point.log_var)
        left = (slopes.log_var - var_slope * one - log_slope * other).abs()
        size = abs(var_slope) * one.abs() + abs(log_slope) * other.abs()
        if not (left <= slopes.tolerance * size).all():
            return False
    return True


def why_no_kl(seen: list[tuple[Point, Slopes]], weight: float, meanings: Sequence[Meaning]) -> str:
    """Why a term is no KL whose gradient by mu is that of one, in words."""
    if not any(slopes.log_var.any() for _, slopes in seen):
        return "it does not depend on log_var: a penalty on mu alone, and no KL to N(0, 1)"
    for meaning in meanings:
        found = spread_weight(seen, meaning)
        if found is not None:
            return (
                f"not the KL to N(0, 1): its part in mu has weight {weight:.4g} and its part in "
                f"log_var (as {meaning.name}) has {found:.4g}, {found / weight:.4g} times that"
            )
    return (
        "not the KL to N(0, 1): its part in mu is right, but its gradient with respect to log_var "
        "fits none of " + ", ".join(meaning.name for meaning in meanings)
    )


def all_equal(values: Tensor, tolerance: float) -> bool:
    """Whether all values are equal, and not 0."""
    return bool((values - values[0]).abs().max() <= tolerance * values[0].abs())


def close(one: float, other: float, tolerance: float) -> bool:
    """Whether two factors are equal within a relative tolerance."""
    return abs(one - other) <= tolerance * max(abs(one), abs(other))
