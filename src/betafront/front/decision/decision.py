"""The points of a front that are advised, each with a name, its β and its interval."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from betafront.errors import UserError
from betafront.front.decision.interval import Interval, beta_interval
from betafront.front.decision.picks import (
    Pick,
    affordable,
    allowance,
    at_rate,
    greatest,
    knee_of,
    least_elbo,
)
from betafront.front.decision.price import beta_at, exchange
from betafront.front.front import front
from betafront.front.table import DISTORTION, ELBO, RATE, Facts, label, usable
from betafront.metrics.catalogue import metric as facts_of
from betafront.scale import NORMALISATIONS, in_every_convention, squared_error_weight

WITHIN = 10.0  # percent


@dataclass(frozen=True)
class Asked:
    """Points that a user asks for beyond the usual ones.

    Attributes:
        rate: the nats of rate at which the best trial is wanted; None for no such point.
        within: percent of the distortion that rate buys that may be given up for an objective that
            is maximised; None for WITHIN.
    """

    rate: float | None = None
    within: float | None = None

    def check(self, table: pd.DataFrame, facts: Facts) -> None:
        """Refuse a question that this study cannot answer.

        Raises:
            UserError: naming why.
        """
        if self.rate is not None:
            if not facts.rate_distortion:
                wanted = f"--rate is for fronts of {RATE} and {DISTORTION}"
                raise UserError(f"{wanted}; {facts.name} has {', '.join(facts.objectives)}")
            if not (least := usable(table)[RATE].min()) <= self.rate:  # nor may it be nan
                raise UserError(
                    f"no trial of {facts.name} has a rate of {self.rate:g} nats or less: the least "
                    f"is {least:.4g}"
                )
        if self.within is not None:
            if not 0 <= self.within <= 100:
                raise UserError(f"--within is percent, from 0 to 100, not {self.within:g}")
            if not (facts.one_scale and "maximize" in facts.objectives.values()):
                raise UserError(
                    f"--within is for objectives that are maximised, where distortions compare: "
                    f"{facts.name} has {', '.join(facts.objectives)}"
                )


USUAL = Asked()


@dataclass(frozen=True)
class Advice:
    """A point of the front by name.

    Attributes:
        name: `best ELBO`, `knee`; `best` or `affordable` and an objective that is maximised; `rate`
            and the nats that were asked for.
        method: how it was chosen, in words.
        trial: the number of its trial.
        beta, beta_norm, sigma: of the trial; σ is None for all likelihoods but Gaussians.
        low, high: the interval of β.
        basis: what the interval was read from (`betafront.front.decision.interval`).
        weights: the weight to write in each convention for the same β.
        metrics: of the trial.
        others: the objectives beside the usual metrics.
        one_scale: whether distortions compare between the points.
        costs, buys: nats of distortion that one nat less of rate costs, and that one more nat buys;
            None at an end of the front, or where it is of other objectives.
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
            "beta": self.beta,
            "low": self.low,
            "high": self.high,
            "basis": self.basis,
            "weights": self.weights,
        }


def decide(
    table: pd.DataFrame,
    facts: Facts,
    runs: pd.DataFrame | None = None,
    asked: Asked = USUAL,
) -> list[Advice]:
    """The advised points, the decision first: the trial with the best ELBO; the knee of a front of
    two objectives; for each objective that is maximised the trial with the most of it, and the one
    with the most of it at little cost in distortion; and the points that were asked for. Those that
    a study does not have are left out.

    Where distortions do not compare there is no best ELBO: D + R of a density is in other units
    than that of a mass or of another density, except on dequantised data. Only `usable` trials are
    advised.

    Args:
        table: finished trials.
        facts: of the study.
        runs: a row per run, with the columns `trial` and `replicate`, for the intervals.
        asked: for more points.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    table = usable(table)
    if table.empty:
        return []
    asked.check(table, facts)
    members = front(table, facts.objectives)
    advice: list[Advice] = []
    for name, method, pick in _rules(table, facts, asked):
        row = pick(table)
        if row is None:
            continue
        interval = beta_interval(pick, float(row["beta"]), members, table, runs)
        prices = exchange(members, int(row["trial"])) if facts.rate_distortion else (None, None)
        advice.append(_advice(name, method, row, facts, interval, prices))
    return advice


def _rules(table: pd.DataFrame, facts: Facts, asked: Asked) -> Iterator[tuple[str, str, Pick]]:
    """The points that a study can have: the name, the rule in words, and the rule."""
    if facts.one_scale:
        method = "the least D + R on the validation split, which is with β = 1 whatever was trained"
        yield "best ELBO", method, least_elbo
    if len(facts.objectives) == 2:
        method = "the front's point farthest below the line between its ends, both axes scaled to "
        yield "knee", f"{method}[0, 1]", knee_of(facts.objectives)
    within = WITHIN if asked.within is None else asked.within
    for metric in (m for m, direction in facts.objectives.items() if direction == "maximize"):
        name = facts_of(metric).label
        best = f"the most {name} of all trials"
        yield f"best {name}", f"{best}, whatever it costs", greatest(metric)
        if facts.one_scale:
            limit = f"that give up at most {within:g} % of the distortion that rate buys"
            method = f"{best} {limit}, D ≤ {allowance(table, within):.2f}"
            yield f"affordable {name}", method, affordable(metric, within)
    if asked.rate is not None:
        method = f"the least distortion of all trials with at most {asked.rate:g} nats of rate"
        if (beta := beta_at(table, asked.rate)) is not None:
            method += f"; between it and the next, β ≈ {beta:.3g} comes to R = {asked.rate:g}"
        yield f"rate {asked.rate:g}", method, at_rate(asked.rate)


def names(advice: Sequence[Advice]) -> dict[int, str]:
    """The names of the points of each trial, by the trial's number."""
    found: dict[int, list[str]] = {}
    for one in advice:
        found.setdefault(one.trial, []).append(one.name)
    return {trial: ", ".join(of) for trial, of in found.items()}


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
    return [trade(advice[0], other) for other in advice[1:] if other.trial != advice[0].trial]


def trade(one: Advice, other: Advice) -> str:
    """What changes from `one` to `other`, in one sentence."""
    change = {k: other.metrics[k] - one.metrics[k] for k in (DISTORTION, RATE, *one.others)}
    d, r = change[DISTORTION], change[RATE]
    said = [f"rate {r:+.2f} nats"]
    if one.one_scale:
        said = [f"distortion {d:+.2f} nats", *said, f"D + R {d + r:+.2f} nats"]
    said += [f"{label(k)} {change[k]:+.3g}" for k in one.others]
    return f"From {one.name} to {other.name}: {', '.join(said)}."


def _advice(
    name: str,
    method: str,
    row: "pd.Series[float]",
    facts: Facts,
    interval: Interval,
    prices: tuple[float | None, float | None],
) -> Advice:
    beta = float(row["beta"])
    sigma = None if pd.isna(row["sigma"]) else float(row["sigma"])
    weights = in_every_convention(beta, int(row["pixels"]), int(row["latents"]))
    if sigma is not None:
        weights["SSE + w·KL"] = squared_error_weight(beta, sigma)
    metrics: Mapping[str, float] = {
        str(k): float(v) for k, v in row.items() if "/" in str(k) and isinstance(v, float | int)
    }
    return Advice(
        name=name,
        method=method,
        trial=int(row["trial"]),
        beta=beta,
        beta_norm=float(row["beta_norm"]),
        sigma=sigma,
        low=interval.low,
        high=interval.high,
        basis=interval.basis,
        weights=weights,
        metrics=dict(metrics),
        others=tuple(facts.others),
        one_scale=facts.one_scale,
        costs=prices[0],
        buys=prices[1],
    )
