"""The latent map of a run, drawn: where images lie, beside where the prior is."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from betafront.training.latent_map import LatentMap
from betafront.training.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 80
SQUARE = (0.11, 0.11, 0.70, 0.81)  # of the page: from where, and how wide and high
PAGE = (6.75, 5.8)  # inches, so that the axes are square
NAMED = 20  # values of a factor in the legend
SIGMAS = 1, 2
GREY = "0.6"
BINS = 40


def draw_map(result: Result, path: Path) -> None:
    """Write the page of a run's latent map, as a PNG."""
    from matplotlib.figure import Figure

    found = LatentMap.load(Path(result.folder))
    figure = Figure(figsize=PAGE)
    axis = figure.add_axes(SQUARE)
    draw = _histogram if found.points.shape[1] == 1 else _scatter
    draw(axis, found)
    active = int(result.metrics["val/active_units"])
    axis.set_title(
        f"means of {len(found.points)} images; {active} of {len(result.spectrum)} latents active"
    )
    axis.set_xlabel(found.axes[0])
    if found.factor:
        _legend(axis, found)
    figure.savefig(path, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})


def _scatter(axis: "Axes", found: LatentMap) -> None:
    from matplotlib.patches import Circle

    reach = max(1.1 * SIGMAS[-1], 1.05 * float(np.abs(found.points).max()))
    axis.set_xlim(-reach, reach)
    axis.set_ylim(-reach, reach)
    axis.set_ylabel(found.axes[1])
    for sigma in SIGMAS:
        axis.add_patch(Circle((0, 0), sigma, fill=False, color=GREY, ls="--"))
        axis.text(0, sigma, f"{sigma}σ", color=GREY)
    size = float(np.clip(6000 / len(found.points), 6, 30))
    colors = _colors(found.size)[found.values]
    x, y = found.points.T
    axis.scatter(x, y, c=colors, s=size, alpha=0.7, linewidths=0)


def _histogram(axis: "Axes", found: LatentMap) -> None:
    z = found.points[:, 0]
    parts = [z[found.values == value] for value in range(found.size)]
    edges = np.linspace(min(-3.0, z.min()), max(3.0, z.max()), BINS + 1)
    axis.hist(parts, edges.tolist(), stacked=True, density=True, color=list(_colors(found.size)))
    across = np.linspace(edges[0], edges[-1], 200)
    axis.plot(across, np.exp(-(across**2) / 2) / np.sqrt(2 * np.pi), color=GREY, ls="--")
    axis.set_ylabel("density; of the prior dashed")


def _colors(size: int) -> np.ndarray:
    """(size, 4) of the values of a factor, told apart as far as can be."""
    from matplotlib import colormaps

    if size <= 20:
        return colormaps["tab10" if size <= 10 else "tab20"](np.arange(size))
    return colormaps["turbo"](np.linspace(0, 1, size))


def _legend(axis: "Axes", found: LatentMap) -> None:
    from matplotlib.lines import Line2D

    colors = _colors(found.size)
    shown = np.unique(np.linspace(0, found.size - 1, NAMED).astype(int))
    dots = [Line2D([], [], marker="o", ls="", color=colors[v], label=str(v)) for v in shown]
    axis.legend(handles=dots, title=found.factor, loc="upper left", bbox_to_anchor=(1.01, 1))
