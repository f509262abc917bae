"""What a study advises: points of the front by name, and what each gives up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from betafront.front.front import front, knee
from betafront.front.table import DISTORTION, ELBO, RATE, Facts, label
from betafront.objective import (
    NORMALISATIONS,
    in_every_convention,
    squared_error_weight,
)


@dataclass(frozen=True)
class Advice:
    """A point of the front by name.

    Attributes:
        name: `best ELBO`, `knee`, or `best` and an objective that is maximised.
        method: how it was chosen, in words.
        trial: its number.
        beta, beta_norm, sigma: where it stands on the one scale; σ is None but for Gaussians.
        weights: what to write in each convention for the same β.
        metrics: of the trial.
        others: the objectives beside rate and distortion.
    """

    name: str
    method: str
    trial: int
    beta: float
    beta_norm: float
    sigma: float | None
    weights: dict[str, float]
    metrics: dict[str, float]
    others: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The advice in one sentence."""
        m = self.metrics
        others = "".join(f", {label(other)} = {m[other]:.3g}" for other in self.others)
        return (
            f"{self.name}: β = {self.beta:.3g} (β_norm {self.beta_norm:.3g}), "
            f"D = {m[DISTORTION]:.2f}, R = {m[RATE]:.2f}, D + R = {m[ELBO]:.2f} nats{others}"
        )


def decide(table: pd.DataFrame, facts: Facts) -> list[Advice]:
    """The ELBO-best trial, the knee of a front of two objectives, and the best of each objective
    that is maximised, as far as there are any.

    Where distortions do not compare there is no best ELBO: D + R of a density is in other units
    than that of a mass or of another density, but on dequantised data. Trials that did not come to
    what they were held to have no β to recommend.
    """
    if "reached" in table:
        table = table[table["reached"] != False]  # noqa: E712, None where nothing was held
    if table.empty:
        return []
    advice = []
    if facts.one_scale:
        method = "the least D + R on the validation split, which is with β = 1 whatever was trained"
        advice.append(_advice("best ELBO", method, table.loc[table[ELBO].idxmin()], facts))
    at = _knee(table, facts) if len(facts.objectives) == 2 else None
    if at is not None:
        method = "the front's point farthest below the line between its ends, both axes scaled to "
        advice.append(_advice("knee", f"{method}[0, 1]", at, facts))
    for metric in (m for m, direction in facts.objectives.items() if direction == "maximize"):
        method = f"the most {label(metric)} of all trials, whatever it costs"
        best = table.loc[table[metric].idxmax()]
        advice.append(_advice(f"best {label(metric)}", method, best, facts))
    return advice


def _knee(table: pd.DataFrame, facts: Facts) -> "pd.Series[float] | None":
    members = front(table, facts.objectives)
    values = members[list(facts.objectives)].to_numpy(float)
    signs = np.array([-1.0 if d == "maximize" else 1.0 for d in facts.objectives.values()])
    at = knee(values * signs)
    return None if at is None else members.loc[at]


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
    others = "".join(f", {label(k)} {change[k]:+.3g}" for k in one.others)
    return (
        f"From {one.name} to {other.name}: distortion {d:+.2f} nats, rate {r:+.2f} nats, "
        f"D + R {d + r:+.2f} nats{others}."
    )


def _advice(name: str, method: str, row: "pd.Series[float]", facts: Facts) -> Advice:
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
        weights=weights,
        metrics=dict(metrics),
        others=tuple(facts.others),
    )
