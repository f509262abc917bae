"""A forecast as a picture: the front, the spectrum, and the live latents over β."""

from typing import Any

import numpy as np

from betafront.forecast.forecast import Forecast

TRAIN, VALIDATION, MARK = "#0072b2", "#d55e00", "#888888"
MOST = 64  # eigenvalues drawn


def figure_of(found: Forecast) -> Any:
    """The picture, as a figure of matplotlib's."""
    from matplotlib.figure import Figure

    planes = 3 if found.front is not None else 2
    figure = Figure(figsize=(4.6 * planes, 4.2), layout="constrained")
    axes = list(figure.subplots(1, planes))
    if found.front is not None:
        _front(axes.pop(0), found)
    _spectrum(axes[0], found)
    _live(axes[1], found)
    title = f"{found.data}, {found.likelihood}, M = {found.latents}: forecast, nothing trained"
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure


def _front(axes: Any, found: Forecast) -> None:
    points = found.traced
    rates, distortions = [p.rate for p in points], [p.distortion for p in points]
    axes.plot(rates, distortions, color=TRAIN, label="training split")
    axes.plot(
        [p.val_rate for p in points], [p.val_distortion for p in points],
        color=VALIDATION, ls="--", label="the same model, validation split",
    )  # fmt: skip
    if (knee := found.knee) is not None:
        axes.plot(knee.rate, knee.distortion, "o", color=TRAIN)
        axes.annotate(
            f"knee, β = {knee.beta:.2g}", (knee.rate, knee.distortion),
            xytext=(6, 6), textcoords="offset points",
        )  # fmt: skip
    axes.set(xlabel="rate R (nats)", ylabel="distortion D (nats)")
    axes.set_title("linear-Gaussian front", fontsize="medium")
    axes.legend(fontsize="small")


def _spectrum(axes: Any, found: Forecast) -> None:
    values = np.array([value for value in found.eigenvalues[:MOST] if value > 0])
    axes.plot(np.arange(1, len(values) + 1), values, ".-", color=TRAIN)
    axes.axvline(found.telling, color=MARK, ls=":", label=f"{found.telling} latents")
    low = values[values > 1e-4 * values[0]]
    axes.set(xlabel="direction", ylabel="β below which it is worth a latent", yscale="log")
    axes.set_ylim(0.7 * low[-1], 1.5 * low[0])
    axes.set_title("spectrum", fontsize="medium")
    axes.legend(fontsize="small")


def _live(axes: Any, found: Forecast) -> None:
    low, high = found.search
    betas = np.geomspace(low / 3, high * 1.5, 300)
    axes.plot(betas, [found.live(float(beta)) for beta in betas], color=TRAIN)
    axes.axvspan(low, high, color=MARK, alpha=0.15, label="worth searching")
    axes.axvline(found.beta_live, color=MARK, ls=":", label=f"collapse, β = {found.beta_live:.3g}")
    axes.set(xlabel="canonical β", ylabel="live latents", xscale="log")
    axes.set_title("live latents", fontsize="medium")
    axes.legend(fontsize="small")
