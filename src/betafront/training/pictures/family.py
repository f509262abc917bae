"""The page of a family: its curve on the plane of rate and distortion."""

from pathlib import Path

import numpy as np

from betafront.training.result import Result

DPI, NAMED = 80, 8  # of the page; points that have their β beside them
LINE = "#b04a9a"


def draw_family(result: Result, path: Path) -> None:
    """Write the page of a family as a PNG: D over R of its members on the validation split, each
    coloured by its β, with the β at which the run's own values are."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    beta = np.array([point["beta"] for point in result.curve])
    rate, distortion = (
        np.array([point["metrics"][f"val/{name}"] for point in result.curve])
        for name in ("rate", "distortion")
    )
    figure = Figure(figsize=(7.2, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(rate, distortion, "-", color=LINE, lw=1.4, zorder=1)
    scale = ScalarMappable(LogNorm(beta.min(), beta.max()), "viridis")
    axes.scatter(rate, distortion, color=scale.to_rgba(beta), s=26, zorder=2)
    for i in np.unique(np.linspace(0, len(beta) - 1, NAMED).round().astype(int)):
        axes.annotate(
            f"{beta[i]:.2g}", (rate[i], distortion[i]), xytext=(5, 5),
            textcoords="offset points", fontsize=8,
        )  # fmt: skip
    own = result.metrics["val/rate"], result.metrics["val/distortion"]
    axes.scatter(
        *own, marker="o", s=120, facecolor="none", edgecolor="#d62728", lw=1.4, zorder=3,
        label=f"the run's own values, β = {result.scale.beta:.2g}",
    )  # fmt: skip
    figure.colorbar(scale, ax=axes, label="canonical β", format="%g")
    axes.set(
        xlabel="rate R (nats)", ylabel="distortion D (nats)",
        title=f"one model, β {beta[0]:.3g} to {beta[-1]:.3g}, on the validation split",
    )  # fmt: skip
    axes.margins(0.08)
    axes.legend(fontsize="small")
    figure.savefig(path, format="png", dpi=DPI)
