"""What a study advises: points of the front by name, and what each gives up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from betafront.front.front import front, knee
from betafront.front.table import DISTORTION, ELBO, RATE, Facts
from betafront.objective import (
    NORMALISATIONS,
    in_every_convention,
    squared_error_weight,
)


@dataclass(frozen=True)
class Advice:
    """A point of the front by name.

    Attributes:
        name: `best ELBO` or `knee`.
        method: how it was chosen, in words.
        trial: its number.
        beta, beta_norm, sigma: where it stands on the one scale; σ is None but for Gaussians.
        weights: what to write in each convention for the same β.
        metrics: of the trial.
    """

    name: str
    method: str
    trial: int
    beta: float
    beta_norm: float
    sigma: float | None
    weights: dict[str, float]
    metrics: dict[str, float]

    @property
    def text(self) -> str:
        """The advice in one sentence."""
        m = self.metrics
        return (
            f"{self.name}: β = {self.beta:.3g} (β_norm {self.beta_norm:.3g}), "
            f"D = {m[DISTORTION]:.2f}, R = {m[RATE]:.2f}, D + R = {m[ELBO]:.2f} nats"
        )


def decide(table: pd.DataFrame, facts: Facts) -> list[Advice]:
    """The ELBO-best trial and the knee of the front, as far as there are any.

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
        advice.append(_advice("best ELBO", method, table.loc[table[ELBO].idxmin()]))
    members = front(table, facts.objectives)
    values = members[list(facts.objectives)].to_numpy(float)
    signs = np.array([-1.0 if d == "maximize" else 1.0 for d in facts.objectives.values()])
    at = knee(values * signs)
    if at is not None:
        advice.append(
            _advice(
                "knee",
                "the front's point farthest below the line between its ends, both axes scaled to "
                "[0, 1]",
                members.loc[at],
            )
        )
    return advice


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


def trade(one: Advice, other: Advice) -> str:
    """What going from `one` to `other` gains and loses, in one sentence."""
    d = other.metrics[DISTORTION] - one.metrics[DISTORTION]
    r = other.metrics[RATE] - one.metrics[RATE]
    return (
        f"From {one.name} to {other.name}: distortion {d:+.2f} nats, rate {r:+.2f} nats, "
        f"D + R {d + r:+.2f} nats."
    )


def _advice(name: str, method: str, row: "pd.Series[float]") -> Advice:
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
    )
