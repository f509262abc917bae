"""The page of a run's training: the weight and the KL, the distortion, and the KL spectrum.

To make a page takes matplotlib several times as long as to draw it, so a process makes one page and
changes its lines. Most of the remaining time goes into text: ticks are few, the colour of an axis'
name replaces a legend, and texts that do not move are placed by hand.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from betafront.training.folder import RunFolder
from betafront.training.result import Result, by_layer
from betafront.training.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.container import BarContainer
    from matplotlib.text import Text

RATE, WEIGHT, DISTORTION = "#1f77b4", "#d62728", "#2ca02c"
Corner = Literal["upper right", "lower right"]
DPI, ROOM, TICKS = 80, 0.05, 5
BARS = 256  # of a spectrum; of more it is an area
NAMES = 1.12  # times the highest bar, up to where the names of layers are
LAYERS = (RATE, "#9467bd", "#17becf", "#8c564b", "#e377c2")  # of a hierarchy, again from the sixth
PANELS = (0.06, 0.285), (0.46, 0.23), (0.76, 0.23)  # left edge and width, as parts of the page


def draw_training(result: Result, path: Path) -> None:
    """Write the page of a run's training as a PNG."""
    with np.load(RunFolder(Path(result.folder)).trace) as trace:
        _page().draw(result, dict(trace), path)


class Page:
    """The weight over the KL (Bowman et al. 2015, Figure 2), the distortion, the KL spectrum."""

    def __init__(self) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(12, 3.2))
        kl, distortion, self.spectrum = (
            self.figure.add_axes((left, 0.16, width, 0.74)) for left, width in PANELS
        )
        self.kl = Curve(kl, "weight and KL over training", "rate R", RATE, "lower right")
        self.distortion = Curve(
            distortion, "distortion of training", "distortion D", DISTORTION, "upper right"
        )
        self.weight = kl.twinx()
        (self.weights,) = self.weight.plot([], [], color=WEIGHT)
        _name(self.spectrum, "", "latent dimension, by KL", "KL (nats)", "black")
        self.bars: BarContainer | PolyCollection | None = None
        self.layers: list[Text] = []

    def draw(self, result: Result, trace: Trace, path: Path) -> None:
        """Write the page of a run.

        Args:
            result: of the run.
            trace: arrays over optimiser steps: `step`, `beta`, `distortion`, `rate`, and `target`
                where a controller holds one of them.
            path: of the PNG.
        """
        held, distortion = result.scale.holds, trace["distortion"]
        self.kl.show(trace, "rate", held == "rate", (0.0, trace["rate"].max()))
        # The distortion of the first steps is so high that it would hide the rest.
        shown = distortion.min(), np.quantile(distortion, 0.97)
        self.distortion.show(trace, "distortion", held == "distortion", shown)
        self._show_weight(trace)
        self._show_spectrum(result)
        # The page is mostly white: to pack it harder takes longer than all lines on it.
        self.figure.savefig(path, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})

    def _show_weight(self, trace: Trace) -> None:
        beta = trace["beta"]
        flips = beta.min() < 0  # a capacity's ±γ
        seen = smoothed(beta)
        self.weights.set_data(trace["step"], seen)
        name = "±γ in force, running mean" if flips else "canonical β"
        self.weight.set_ylabel(name, color=WEIGHT)
        if beta.min() > 0 and beta.max() > 10 * beta.min():
            self.weight.set_yscale("log")
            self.weight.set_ylim(beta.min() / 1.3, beta.max() * 1.3)
        else:
            self.weight.set_yscale("linear")
            self.weight.locator_params(nbins=TICKS)
            self.weight.set_ylim(_ends(0.0, *seen))

    def _show_spectrum(self, result: Result) -> None:
        widths = result.widths if len(result.widths) > 1 else []
        kl = by_layer(result.kl_of_channels.tolist(), widths)
        if self.bars is not None:
            self.bars.remove()
        across = range(1, len(kl) + 1)
        colors = [LAYERS[i % len(LAYERS)] for i, width in enumerate(widths) for _ in range(width)]
        if len(kl) <= BARS:
            self.bars = self.spectrum.bar(across, kl, color=colors or RATE)
        else:  # each bar takes a fraction of a millisecond
            self.bars = self.spectrum.fill_between(across, kl, step="mid", color=RATE)
        active, latents = int(result.metrics["val/active_units"]), len(result.spectrum)
        spatial = len(kl) < latents
        what = f"KL of {len(kl)} channels" if spatial else "KL spectrum"
        self.spectrum.set_title(f"{what}: {active} of {latents} active")
        order = "layer and KL" if widths else "KL"
        self.spectrum.set_xlabel(f"{'channel' if spatial else 'latent dimension'}, by {order}")
        self._name_layers(widths)
        self.spectrum.set_xlim(0.4, len(kl) + 0.6)
        room = [NAMES * max(kl)] if widths else []  # for the names of the layers
        self.spectrum.set_ylim(_ends(0.0, *kl, *room))

    def _name_layers(self, widths: Sequence[int]) -> None:
        """Write the name of each layer of a hierarchy above its bars, every other one lower: the
        uppermost are narrow."""
        for name in self.layers:
            name.remove()
        middles = [sum(widths[:i]) + (width + 1) / 2 for i, width in enumerate(widths)]
        place: dict[str, Any] = {"transform": self.spectrum.get_xaxis_transform(), "va": "top"}
        self.layers = [
            self.spectrum.text(
                x,
                0.98 - 0.07 * (i % 2 == 0),
                f"$z_{i}$",
                ha="center",
                color=LAYERS[(i - 1) % len(LAYERS)],
                **place,
            )
            for i, x in enumerate(middles, 1)
        ]


class Curve:
    """A value in nats over the optimiser steps, and its target under a controller.

    Args:
        axis: to draw on.
        title: of the panel.
        name: of the value.
        color: of its line.
        corner: of the legend, which is shown with a target.
    """

    def __init__(self, axis: "Axes", title: str, name: str, color: str, corner: Corner) -> None:
        self.axis = axis
        (self.line,) = axis.plot([], [], color=color, lw=0.8, label=name)
        (self.target,) = axis.plot([], [], "k--", lw=0.8, label=f"target of {name[-1]}")
        self.legend = axis.legend(loc=corner, fontsize="small")
        _name(axis, title, "optimiser steps", f"{name} (nats)", color)

    def show(self, trace: Trace, key: str, held: bool, shown: tuple[float, float]) -> None:
        """Draw `trace[key]` between the two values of `shown`, with its target if it was `held`."""
        steps = trace["step"]
        target = trace["target"] if held else np.empty(0)
        self.line.set_data(steps, trace[key])
        self.target.set_data(steps[: len(target)], target)
        self.legend.set_visible(held)
        self.axis.set_xlim(_ends(0.0, len(steps)))
        self.axis.set_ylim(_ends(*shown, *target))


def _name(axis: "Axes", title: str, across: str, up: str, color: str) -> None:
    axis.set_title(title, y=1.0)  # given a place, it is not moved out of the way of the ticks
    axis.set_xlabel(across)
    axis.xaxis.set_label_coords(0.5, -0.13)
    axis.set_ylabel(up, color=color)
    axis.locator_params(nbins=TICKS)


def _ends(*values: float) -> tuple[float, float]:
    """The ends of an axis that shows these values, with room around them, but none below 0."""
    low, high = min(values), max(values)
    room = ROOM * (high - low) or 1.0
    return (low - room if low != 0 else 0.0), high + room


@lru_cache(maxsize=1)
def _page() -> Page:
    return Page()


def smoothed(beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """β over the steps. Where a capacity flips its sign, the running mean over a twentieth of the
    run: a model averages over so many steps."""
    if beta.min() >= 0:
        return beta
    width = max(1, len(beta) // 20)
    total = np.cumsum(np.concatenate([np.zeros(1), beta]))
    first = np.maximum(np.arange(1, len(total)) - width, 0)
    mean: NDArray[np.float64] = (total[1:] - total[first]) / (np.arange(1, len(total)) - first)
    return mean
