"""The page of a run's latent map: the codes of examples, and the prior.

As in `curves`, a process makes one page and changes the parts that differ between runs; the
histogram of a single latent, which is rare, is made anew.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from betafront.training.pictures.latent_map import LatentMap
from betafront.training.result import Result

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

DPI, TICKS = 80, 7
SQUARE = (0.11, 0.11, 0.70, 0.81)  # of the page: from where, and how wide and high
SIZE = (6.75, 5.8)  # of the page in inches, so that the axes are square
NAMED = 20  # values of a factor in the legend
SIGMAS = (1, 2)
GREY = "0.5"
BINS = 40


def draw_map(result: Result, path: Path) -> None:
    """Write the page of a run's latent map, as a PNG."""
    found = LatentMap.load(Path(result.folder))
    active, latents = int(result.metrics["val/active_units"]), len(result.spectrum)
    title = f"means of {len(found.points)} examples; {active} of {latents} latents active"
    figure = histogram(found, title) if latents == 1 else _page().show(found, title)
    figure.savefig(path, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})


class MapPage:
    """Points in the colours of a factor, over circles at one and two σ of a N(0, 1) prior."""

    def __init__(self) -> None:
        from matplotlib.patches import Circle

        self.figure, self.axis = _empty()
        self.dots = self.axis.scatter([], [], alpha=0.7, linewidths=0)
        self.factor = ("", 1)
        self.key: list[Text] = []
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        middle: dict[str, Any] = {"ha": "center", "va": "center", "bbox": behind}
        self.prior: list[Artist] = []
        for sigma in SIGMAS:  # behind the dots, of which none must be hidden
            circle = Circle((0, 0), sigma, fill=False, color=GREY, ls="--", zorder=0.5)
            self.prior.append(self.axis.add_patch(circle))
            text = self.axis.text(0, sigma, f"prior {sigma}σ", color=GREY, zorder=0.5, **middle)
            self.prior.append(text)

    def show(self, found: LatentMap, title: str) -> "Figure":
        """The page of a map of two dimensions."""
        for part in self.prior:
            part.set_visible(found.standard_prior)
        reach = max(1.1 * SIGMAS[-1], 1.05 * float(np.abs(found.points).max()))
        self.axis.set_xlim(-reach, reach)
        self.axis.set_ylim(-reach, reach)
        self.dots.set_offsets(found.points)
        self.dots.set_sizes([float(np.clip(6000 / len(found.points), 6, 30))])
        self.dots.set_facecolor(list(_colors(found.size)[found.values]))
        _name(self.axis, found, title, found.axes[1])
        if (found.factor, found.size) != self.factor:
            for line in self.key:
                line.remove()
            self.factor, self.key = (found.factor, found.size), _key(self.axis, found)
        return self.figure


def histogram(found: LatentMap, title: str) -> "Figure":
    """The page of a map of one dimension: a histogram, stacked by the values of the factor."""
    figure, axis = _empty()
    z = found.points[:, 0]
    parts = [z[found.values == value] for value in range(found.size)]
    edges = np.linspace(min(-3.0, z.min()), max(3.0, z.max()), BINS + 1)
    colors = list(_colors(found.size))
    axis.hist(
        parts, edges.tolist(), stacked=True, density=True, color=colors, histtype="stepfilled"
    )
    if found.standard_prior:
        across = np.linspace(edges[0], edges[-1], 200)
        axis.plot(across, np.exp(-(across**2) / 2) / np.sqrt(2 * np.pi), color=GREY, ls="--")
    _name(axis, found, title, "density; of the prior dashed" if found.standard_prior else "density")
    _key(axis, found)
    return figure


def _empty() -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE)
    axis = figure.add_axes(SQUARE)
    axis.locator_params(nbins=TICKS)
    return figure, axis


def _name(axis: "Axes", found: LatentMap, title: str, up: str) -> None:
    axis.set_title(title, y=1.0)
    axis.set_xlabel(found.axes[0])
    axis.xaxis.set_label_coords(0.5, -0.07)
    axis.set_ylabel(up)


def _key(axis: "Axes", found: LatentMap) -> "list[Text]":
    """The key of the colours, beside the axes: a legend of matplotlib takes several times as long
    to draw."""
    if not found.factor:
        return []
    colors = _colors(found.size)
    shown = np.unique(np.linspace(0, found.size - 1, NAMED).astype(int))
    lines = [(found.factor, "black"), *((f"● {v}", colors[v]) for v in shown)]
    place: dict[str, Any] = {"va": "top", "transform": axis.transAxes, "parse_math": False}
    return [
        axis.text(1.02, 1 - i / (NAMED + 1), line, color=color, **place)
        for i, (line, color) in enumerate(lines)
    ]


def _colors(size: int) -> NDArray[np.float64]:
    """(size, 4) a colour for each value of a factor, as different as so many colours can be."""
    from matplotlib import colormaps

    if size <= 20:
        return np.asarray(colormaps["tab10" if size <= 10 else "tab20"](np.arange(size)))
    return np.asarray(colormaps["turbo"](np.linspace(0, 1, size)))


@lru_cache(maxsize=1)
def _page() -> MapPage:
    return MapPage()
