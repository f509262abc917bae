"""A point of a front that is advised: its name, its β in every convention, its interval, and its
price."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from betafront.front.curves import Point
from betafront.front.table import DISTORTION, ELBO, RATE, label
from betafront.scale import NORMALISATIONS


@dataclass(frozen=True)
class Advice:
    """A point of the front by name.

    Attributes:
        name: `best ELBO`, `knee`; `best` or `affordable` and an objective that is maximised; `rate`
            and the nats that were asked for.
        method: how it was chosen, in words.
        trial: the number of its trial.
        beta, beta_norm, sigma: of the point; σ is None for all likelihoods but Gaussians.
        low, high: the interval of β.
        basis: what the interval was read from (`betafront.front.decision.noise.interval`).
        weights: the weight to write in each convention for the same β.
        metrics: of the point.
        others: the objectives beside the usual metrics.
        one_scale: whether distortions compare between the points.
        costs, buys: nats of distortion that one nat less of rate costs, and that one more nat buys;
            None at an end of the front, where it is of other objectives, and where no trial of the
            front differs by more than noise on that side.
        anywhere: whether by chance alone the point may lie anywhere among the trials' β.
        of_curve: whether it was read off the curve of one model conditioned on β.
        weight: in the convention of its run.
    """

    name: str
    method: str
    trial: int
    beta: float
    beta_norm: float
    sigma: float | None
    low: float
    high: float
    basis: str
    weights: dict[str, float]
    metrics: dict[str, float]
    others: tuple[str, ...] = ()
    one_scale: bool = True
    costs: float | None = None
    buys: float | None = None
    anywhere: bool = False
    of_curve: bool = False
    weight: float | None = None

    @property
    def point(self) -> Point:
        """By what its row in a table is known."""
        return self.trial, self.beta

    @property
    def text(self) -> str:
        """The advice in one sentence."""
        m = self.metrics
        others = "".join(f", {label(other)} = {m[other]:.3g}" for other in self.others)
        interval = f"{self.low:.3g} to {self.high:.3g} by {self.basis}"
        return (
            f"{self.name}: β = {self.beta:.3g} ({interval}), D = {m[DISTORTION]:.2f}, "
            f"R = {m[RATE]:.2f}, D + R = {m[ELBO]:.2f} nats{others}"
        )

    @property
    def price(self) -> str:
        """The price of rate at this point, in one sentence; empty where neither side has one."""
        sides = [("less", "costs", self.costs), ("more", "buys", self.buys)]
        said = [
            f"one nat {way} of rate {does} {nats:.3g} nats of distortion"
            for way, does, nats in sides
            if nats is not None
        ]
        return f"At {self.name} {', and '.join(said)}." if said else ""

    @property
    def record(self) -> dict[str, Any]:
        """For programs: the point, its interval, and the weight to write in each convention."""
        return {
            "name": self.name,
            "trial": self.trial,
            "of_curve": self.of_curve,
            "beta": self.beta,
            "low": self.low,
            "high": self.high,
            "basis": self.basis,
            "weights": self.weights,
        }


def names(advice: Sequence[Advice]) -> dict[Point, str]:
    """The names of each advised point: one may have several."""
    found: dict[Point, list[str]] = {}
    for one in advice:
        found.setdefault(one.point, []).append(one.name)
    return {point: ", ".join(of) for point, of in found.items()}


def each_once(advice: Sequence[Advice]) -> list[Advice]:
    """The advised points, of several names the first."""
    found: dict[Point, Advice] = {}
    for one in advice:
        found.setdefault(one.point, one)
    return list(found.values())


def in_every_row(advice: Sequence[Advice]) -> list[tuple[str, list[str]]]:
    """The weight to write for each point of `advice`, a row per convention: its label, and a cell
    per point (a dash where the point has no such convention, as squared error without a
    Gaussian)."""
    rows = [("canonical β", [f"{a.beta:.4g}" for a in advice])]
    for name in dict.fromkeys(name for a in advice for name in a.weights):
        title = f"normalisation={name}" if name in NORMALISATIONS else name
        rows.append(
            (title, [f"{a.weights[name]:.4g}" if name in a.weights else "–" for a in advice])
        )
    if any(a.sigma for a in advice):
        rows.append(("σ of the Gaussian", [f"{a.sigma:.4g}" if a.sigma else "–" for a in advice]))
    return rows


def trades(advice: Sequence[Advice]) -> list[str]:
    """What changes from the first point to each of the others, a sentence each."""
    return [trade(advice[0], other) for other in advice[1:] if other.point != advice[0].point]


def trade(one: Advice, other: Advice) -> str:
    """What changes from `one` to `other`, in one sentence."""
    change = {k: other.metrics[k] - one.metrics[k] for k in (DISTORTION, RATE, *one.others)}
    d, r = change[DISTORTION], change[RATE]
    said = [f"rate {r:+.2f} nats"]
    if one.one_scale:
        said = [f"distortion {d:+.2f} nats", *said, f"D + R {d + r:+.2f} nats"]
    said += [f"{label(k)} {change[k]:+.3g}" for k in one.others]
    return f"From {one.name} to {other.name}: {', '.join(said)}."
