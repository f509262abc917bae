"""Recognising the KL term by its gradients: c·mu, and c·½(e^log_var − 1), at every scale."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.objective.audit.call import CannotTell
from betafront.objective.audit.probes import Point, Prober, Slopes, factor

SCALES = (1e-2, 1.0, 6.0)
"""Of mu: KL from under a thousandth of a nat per latent to some twenty, so that a floor (free bits)
or a target (capacity) shows."""


class NoKnownSpread(CannotTell):
    """The part in mu is a KL's and the part in log_var is none that is known."""


@dataclass(frozen=True)
class Meaning:
    """What the argument called log_var may really be.

    Args:
        name: of it.
        variance: σ² as a function of it.
        log_variance: ln σ² as a function of it.
    """

    name: str
    variance: Callable[[Tensor], Tensor]
    log_variance: Callable[[Tensor], Tensor]

    def slopes(self, spread: Tensor) -> tuple[Tensor, Tensor]:
        """The derivatives of ½σ² and of −½ ln σ², element by element."""
        leaf = spread.clone().requires_grad_()
        (growing,) = torch.autograd.grad(self.variance(leaf).sum() / 2, leaf)
        (shrinking,) = torch.autograd.grad(-self.log_variance(leaf).sum() / 2, leaf)
        return growing, shrinking


def softplus(value: Tensor) -> Tensor:
    return torch.nn.functional.softplus(value)


MEANINGS = (
    Meaning("log σ²", torch.exp, lambda v: v),
    Meaning("log σ", lambda v: torch.exp(2 * v), lambda v: 2 * v),
    Meaning("σ", torch.square, lambda v: v.square().log()),
    Meaning("σ²", lambda v: v, torch.log),
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
        least, most: nats per example between which it was probed.
    """

    weight: float
    meaning: Meaning
    prior: float = 1.0
    least: float = 0.0
    most: float = 0.0

    def nats(self, point: Point) -> Tensor:
        """(B,) the KL at a point."""
        variance = self.meaning.variance(point.log_var) / self.prior**2
        log_ratio = self.meaning.log_variance(point.log_var) - torch.tensor(self.prior).log() * 2
        return ((point.mu / self.prior) ** 2 + variance - log_ratio - 1).sum(1) / 2

    def measure(self, point: Point, slopes: Slopes) -> float:
        """The factor on the KL at a point."""
        return factor(slopes.mu, point.mu / self.prior**2)[0]


def recognise(prober: Prober) -> KL:
    """The KL term of a loss.

    Raises:
        NoKnownSpread: what log_var is, is not known.
        CannotTell: it is no KL.
    """
    seen = []
    for scale in SCALES * 2:
        point = prober.point(scale=scale)
        seen.append((point, prober.slopes(point)))
    if not any(slopes.mu.any() or slopes.log_var.any() for _, slopes in seen):
        return KL(0.0, MEANINGS[0])
    weight = mu_weight(seen)
    found = standard(seen, weight) or rescaled(seen, weight)
    if found is None:
        raise NoKnownSpread(unlike(seen, weight))
    nats = torch.cat([found.nats(point) for point, _ in seen])
    return KL(found.weight, found.meaning, found.prior, nats.min().item(), nats.max().item())


def mu_weight(seen: list[tuple[Point, Slopes]]) -> float:
    """The c of a gradient c·mu that is the same everywhere.

    Raises:
        CannotTell: it is not, with what that looks like.
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
        if off.any() and same(ratios[~off], tolerance):
            raise CannotTell(
                "the KL has no effect for some latents or examples and full weight for others, as "
                "with free bits or a clamp"
            )
        raise CannotTell("the gradient with respect to mu is not a multiple of mu, as a KL's is")
    if same(weights, tolerance):
        return weights.mean().item()
    off = weights.abs() < tolerance * top
    if off.any() and same(weights[~off], tolerance):
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


def standard(seen: list[tuple[Point, Slopes]], weight: float) -> KL | None:
    """The KL to N(0, 1) with this weight, if the gradient with respect to log_var fits one."""
    for meaning in MEANINGS:
        found = spread_weight(seen, meaning)
        if found is not None and close(found, weight, seen[0][1].tolerance):
            return KL(weight, meaning)
    return None


def spread_weight(seen: list[tuple[Point, Slopes]], meaning: Meaning) -> float | None:
    """The c of a gradient `c · d(½σ² − ½ ln σ²)` that is the same everywhere; None if none is."""
    weights = []
    for point, slopes in seen:
        pattern = sum(meaning.slopes(point.log_var), torch.zeros(()))
        if not torch.isfinite(pattern).all():
            return None
        c, left = factor(slopes.log_var, pattern)
        if left > slopes.tolerance:
            return None
        weights.append(c)
    if not same(torch.tensor(weights, dtype=torch.float64), seen[0][1].tolerance):
        return None
    return sum(weights) / len(weights)


def rescaled(seen: list[tuple[Point, Slopes]], mu_weight: float) -> KL | None:
    """The KL to N(0, s²) for some s, if the gradients fit one: c·mu/s² and c(½σ²/s² − ½ ln σ²)."""
    for meaning in MEANINGS:
        patterns = [meaning.slopes(point.log_var) for point, _ in seen]
        columns = torch.stack([torch.cat([p[i].flatten() for p in patterns]) for i in (0, 1)], 1)
        if not torch.isfinite(columns).all():
            continue
        goal = torch.cat([slopes.log_var.flatten() for _, slopes in seen])
        growing, shrinking = torch.linalg.lstsq(columns, goal[:, None]).solution[:, 0].tolist()
        left = (goal - columns @ torch.tensor([growing, shrinking], dtype=goal.dtype)).norm()
        tolerance = seen[0][1].tolerance
        if left > tolerance * goal.norm() or not close(growing, mu_weight, tolerance):
            continue
        if shrinking / growing > tolerance:
            return KL(shrinking, meaning, prior=(shrinking / growing) ** 0.5)
    return None


def unlike(seen: list[tuple[Point, Slopes]], weight: float) -> str:
    """What is wrong with a term whose part in mu alone is right."""
    if not any(slopes.log_var.any() for _, slopes in seen):
        return "it does not depend on log_var: a penalty on mu alone, and no KL to N(0, 1)"
    for meaning in MEANINGS:
        found = spread_weight(seen, meaning)
        if found is not None:
            return (
                f"not the KL to N(0, 1): its part in mu has weight {weight:.4g} and its part in "
                f"log_var (as {meaning.name}) has {found:.4g}, {found / weight:.4g} times that"
            )
    return (
        "not the KL to N(0, 1): its part in mu is right, but its gradient with respect to log_var "
        "fits none of " + ", ".join(meaning.name for meaning in MEANINGS)
    )


def same(values: Tensor, tolerance: float) -> bool:
    """Whether all values are one, and not 0."""
    return bool((values - values[0]).abs().max() <= tolerance * values[0].abs())


def close(one: float, other: float, tolerance: float) -> bool:
    """Whether two factors are one."""
    return abs(one - other) <= tolerance * max(abs(one), abs(other))
