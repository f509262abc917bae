"""The points of a front that have a name, whether a decision can be made of them or not."""

from collections.abc import Iterator, Mapping

import pandas as pd

from betafront.front.curves import is_of_curve, point_of
from betafront.front.decision.advice import Advice
from betafront.front.decision.asked import USUAL, WITHIN, Asked
from betafront.front.decision.noise.interval import Interval, beta_interval
from betafront.front.decision.picks import (
    Rule,
    affordable,
    allowance,
    at_rate,
    greatest,
    knee_of,
    least_elbo,
)
from betafront.front.decision.price import beta_at, exchange, noise_of_a_price
from betafront.front.front import front
from betafront.front.table import ELBO, Facts, is_metric, usable
from betafront.metrics.catalogue import metric as facts_of
from betafront.scale import in_every_convention, squared_error_weight


def points(
    table: pd.DataFrame,
    facts: Facts,
    runs: pd.DataFrame | None = None,
    asked: Asked = USUAL,
) -> list[Advice]:
    """The named points as a list (`each_point`)."""
    return list(each_point(table, facts, runs, asked))


def each_point(
    table: pd.DataFrame,
    facts: Facts,
    runs: pd.DataFrame | None = None,
    asked: Asked = USUAL,
) -> Iterator[Advice]:
    """The named points, the decision first: the trial (of one with a curve, the point of the curve)
    with the best ELBO; the knee of a front of
    two objectives; for each objective that is maximised the trial with the most of it, and the one
    with the most of it at little cost in distortion; and the points that were asked for. Those that
    a study does not have are left out.

    Where distortions do not compare there is no best ELBO: D + R of a density is in other units
    than that of a mass or of another density, except on dequantised data. Only `usable` trials are
    picked.

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
        return
    asked.check(table, facts)
    members = front(table, facts.objectives)
    for rule in _rules(table, facts, asked):
        row = rule.pick(table)
        if row is None:
            continue
        interval = beta_interval(rule, row, members, table, runs)
        prices: tuple[float | None, float | None] = None, None
        if facts.rate_distortion:
            noise = noise_of_a_price(table, float(row["beta"]))
            prices = exchange(members, point_of(row), noise)
        yield _advice(rule, row, facts, interval, prices)


def _rules(table: pd.DataFrame, facts: Facts, asked: Asked) -> Iterator[Rule]:
    """The points that a study can have."""
    looked_at = tuple(facts.objectives)
    if facts.one_scale:
        method = "the least D + R on the validation split, which is with β = 1 whatever was trained"
        yield Rule("best ELBO", method, least_elbo, (ELBO,), ELBO)
    if len(facts.objectives) == 2:
        method = "the front's point farthest below the line between its ends, both axes scaled to "
        yield Rule("knee", f"{method}[0, 1]", knee_of(facts.objectives), looked_at)
    within = WITHIN if asked.within is None else asked.within
    for metric in (m for m, direction in facts.objectives.items() if direction == "maximize"):
        name = facts_of(metric).label
        best = f"the most {name} of all trials"
        pick = greatest(metric)
        yield Rule(f"best {name}", f"{best}, whatever it costs", pick, looked_at, metric, -1.0)
        if facts.one_scale:
            limit = f"that give up at most {within:g} % of the distortion that rate buys"
            method = f"{best} {limit}, D ≤ {allowance(table, within):.2f}"
            yield Rule(f"affordable {name}", method, affordable(metric, within), looked_at)
    if asked.rate is not None:
        method = f"the least distortion of all trials with at most {asked.rate:g} nats of rate"
        if (beta := beta_at(table, asked.rate)) is not None:
            method += f"; between it and the next, β ≈ {beta:.3g} comes to R = {asked.rate:g}"
        yield Rule(f"rate {asked.rate:g}", method, at_rate(asked.rate), looked_at)


def _advice(
    rule: Rule,
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
        str(k): float(v) for k, v in row.items() if is_metric(str(k)) and isinstance(v, float | int)
    }
    return Advice(
        name=rule.name,
        method=rule.method,
        trial=int(row["trial"]),
        beta=beta,
        beta_norm=float(row["beta_norm"]),
        sigma=sigma,
        low=interval.low,
        high=interval.high,
        basis=interval.basis,
        anywhere=interval.anywhere,
        of_curve=is_of_curve(row),
        weight=None if pd.isna(row.get("weight")) else float(row["weight"]),
        weights=weights,
        metrics=dict(metrics),
        others=tuple(facts.others),
        one_scale=facts.one_scale,
        costs=prices[0],
        buys=prices[1],
    )
