"""What a study advises: points of the front by name, and what each gives up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from betafront.errors import UserError
from betafront.front.decision.interval import Between, between
from betafront.front.decision.picks import (
    Pick,
    affordable,
    allowance,
    at_rate,
    corner,
    least_elbo,
    most,
)
from betafront.front.decision.price import beta_at, exchange
from betafront.front.front import front
from betafront.front.table import DISTORTION, ELBO, RATE, Facts, label, usable
from betafront.scale import (
    NORMALISATIONS,
    in_every_convention,
    squared_error_weight,
)

WITHIN = 10.0  # percent


@dataclass(frozen=True)
class Asked:
    """What a user wants to know beyond the usual points.

    Attributes:
        rate: nats of rate that are to be had; None for none.
        within: percent of what rate buys that may be given up for what is maximised; None for
            WITHIN.
    """

    rate: float | None = None
    within: float | None = None

    def check(self, table: pd.DataFrame, facts: Facts) -> None:
        """Refuse what this study cannot answer.

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
        trial: its number.
        beta, beta_norm, sigma: where it stands on the one scale; σ is None but for Gaussians.
        low, high: between which β the point lies.
        basis: what says so (`betafront.front.decision.interval`).
        weights: what to write in each convention for the same β.
        metrics: of the trial.
        others: the objectives beside rate and distortion.
        one_scale: whether its distortion compares with that of other points.
        costs, buys: nats of distortion that one nat less of rate costs, and that one more buys;
            None where the front ends, or is of other objectives.
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
        """What rate is worth here, in one sentence; empty where the front does not say."""
        sides = [("less", "costs", self.costs), ("more", "buys", self.buys)]
        said = [
            f"one nat {way} of rate {does} {nats:.3g} nats of distortion"
            for way, does, nats in sides
            if nats is not None
        ]
        return f"At {self.name} {', and '.join(said)}." if said else ""

    @property
    def record(self) -> dict[str, Any]:
        """For programs: what to write, and how sure it is."""
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
    """The ELBO-best trial, the knee of a front of two objectives, the best of each objective that
    is maximised and the best of it that costs little, as far as there are any; and what was asked.

    Where distortions do not compare there is no best ELBO: D + R of a density is in other units
    than that of a mass or of another density, but on dequantised data. Trials that did not come to
    what they were held to have no β to recommend.

    Args:
        table: finished trials.
        facts: of the study.
        runs: a row per run, with the columns `trial` and `replicate`: replicates say how sure a β
            is.
        asked: for more.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    table = usable(table)
    if table.empty:
        return []
    asked.check(table, facts)
    members = front(table, facts.objectives)
    advice: list[Advice] = []
    for name, method, pick in _ways(table, facts, asked):
        row = pick(table)
        if row is None:
            continue
        spread = between(pick, float(row["beta"]), members, table, runs)
        prices = exchange(members, int(row["trial"])) if facts.rate_distortion else (None, None)
        advice.append(_advice(name, method, row, facts, spread, prices))
    return advice


def _ways(table: pd.DataFrame, facts: Facts, asked: Asked) -> Iterator[tuple[str, str, Pick]]:
    """The points that a study can have: a name, how it is chosen, and what picks it."""
    if facts.one_scale:
        method = "the least D + R on the validation split, which is with β = 1 whatever was trained"
        yield "best ELBO", method, least_elbo
    if len(facts.objectives) == 2:
        method = "the front's point farthest below the line between its ends, both axes scaled to "
        yield "knee", f"{method}[0, 1]", corner(facts.objectives)
    within = WITHIN if asked.within is None else asked.within
    for metric in (m for m, direction in facts.objectives.items() if direction == "maximize"):
        best = f"the most {label(metric)} of all trials"
        yield f"best {label(metric)}", f"{best}, whatever it costs", most(metric)
        if facts.one_scale:
            limit = f"that give up at most {within:g} % of the distortion that rate buys"
            method = f"{best} {limit}, D ≤ {allowance(table, within):.2f}"
            yield f"affordable {label(metric)}", method, affordable(metric, within)
    if asked.rate is not None:
        method = f"the least distortion of all trials with at most {asked.rate:g} nats of rate"
        if (beta := beta_at(table, asked.rate)) is not None:
            method += f"; between it and the next, β ≈ {beta:.3g} comes to R = {asked.rate:g}"
        yield f"rate {asked.rate:g}", method, at_rate(asked.rate)


def names(advice: Sequence[Advice]) -> dict[int, str]:
    """What each trial is named for, by its number."""
    found: dict[int, list[str]] = {}
    for one in advice:
        found.setdefault(one.trial, []).append(one.name)
    return {trial: ", ".join(of) for trial, of in found.items()}


def in_every_row(advice: Sequence[Advice]) -> list[tuple[str, list[str]]]:
    """What to write for each point of `advice`, convention by convention: a label, and a cell per
    point (a dash where the convention is not the point's, as squared error without a Gaussian)."""
    rows = [("canonical β", [f"{a.beta:.4g}" for a in advice])]
    for name in dict.fromkeys(name for a in advice for name in a.weights):
        label = f"normalisation={name}" if name in NORMALISATIONS else name
        rows.append(
            (label, [f"{a.weights[name]:.4g}" if name in a.weights else "–" for a in advice])
        )
    if any(a.sigma for a in advice):
        rows.append(("σ of the Gaussian", [f"{a.sigma:.4g}" if a.sigma else "–" for a in advice]))
    return rows


def trades(advice: Sequence[Advice]) -> list[str]:
    """What going from the first point to each of the others gains and loses, a sentence each."""
    return [trade(advice[0], other) for other in advice[1:] if other.trial != advice[0].trial]


def trade(one: Advice, other: Advice) -> str:
    """What going from `one` to `other` gains and loses, in one sentence."""
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
    spread: Between,
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
        low=spread.low,
        high=spread.high,
        basis=spread.basis,
        weights=weights,
        metrics=dict(metrics),
        others=tuple(facts.others),
        one_scale=facts.one_scale,
        costs=prices[0],
        buys=prices[1],
    )
