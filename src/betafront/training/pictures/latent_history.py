"""The page of a run's latents over its training: the KL of each, how many are active, and the
weight, above each other over the same steps, so that one sees at which β a latent dies or wakes up.
"""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from betafront.training.folder import RunFolder
from betafront.training.latents.became import awakenings, deaths, what_became
from betafront.training.latents.history import LatentHistory
from betafront.training.pictures.curves import WEIGHT, show_weight
from betafront.training.result import Result
from betafront.training.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

SHOWN = 256  # units of a layer, those of the highest KL at the end
NAMED = 24  # of a layer, in its rows; of more the rows have their ranks
LEAST = 1e-3  # nats, below which all KL has one colour
DPI, WIDE, LEFT, RIGHT = 80, 9.0, 0.95, 1.15  # the page and its margins, in inches
COUNTED, WEIGHED, GAP, HEAD, FOOT = 1.5, 1.2, 0.22, 0.5, 0.5  # heights of its parts
LOWEST, LOWEST_ALONE, HIGHEST = 0.7, 1.15, 3.2  # heights of a map: its name stands beside it
LINE, LETTERS = 0.17, 138  # of the text above
HARD_EQUALS = "\u00a0=\u00a0"  # where no line is broken
MARKS: dict[str, Any] = {"s": 22, "linewidths": 0.9, "zorder": 3, "clip_on": False}


def draw_latent_history(result: Result, path: Path) -> None:
    """Write the page of a run's latents over its training, as a PNG."""
    folder = Path(result.folder)
    with np.load(RunFolder(folder).trace) as trace:
        figure = page(LatentHistory.load(folder), dict(trace))
    figure.savefig(path, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})


def page(found: LatentHistory, trace: Trace) -> "Figure":
    """The page.

    Args:
        found: the latents at each validation.
        trace: arrays over optimiser steps: `step` and `beta`.
    """
    from matplotlib.figure import Figure

    whole = (text.replace(" = ", HARD_EQUALS) for text in what_became(found))
    said = [line for text in whole for line in wrap(text, LETTERS)]
    layers = [found.order_of(i)[:SHOWN] for i in range(len(found.widths))]
    low = LOWEST if len(layers) > 1 else LOWEST_ALONE
    tall = [min(HIGHEST, max(low, 0.15 * len(rows))) for rows in layers]
    below = FOOT + WEIGHED + COUNTED + 2 * GAP
    height = below + sum(tall) + GAP * (len(tall) - 1) + HEAD + LINE * len(said)
    figure = Figure(figsize=(WIDE, height))

    def axis(bottom: float, high: float, left: float = LEFT, wide: float = 0.0) -> "Axes":
        wide = wide or WIDE - LEFT - RIGHT
        return figure.add_axes((left / WIDE, bottom / height, wide / WIDE, high / height))

    weight, counted = axis(FOOT, WEIGHED), axis(FOOT + WEIGHED + GAP, COUNTED)
    maps: list[Axes] = []
    bottom = below
    for high in reversed(tall):
        maps.insert(0, axis(bottom, high))
        bottom += high + GAP
    last = float(max(trace["step"][-1] + 1, found.step[-1]))
    for number, (each, rows) in enumerate(zip(maps, layers, strict=True), 1):
        mesh = _show_kl(each, found, rows)
        each.set_ylabel(_of_rows(found, number))
    maps[0].set_title("KL of each over training; × dies, ▲ wakes up", fontsize="medium")
    scale = axis(below, bottom - GAP - below, WIDE - RIGHT + 0.15, 0.16)
    bar = figure.colorbar(mesh, cax=scale, label="KL (nats)", extend="min", format="%g")
    bar.minorticks_off()
    _show_active(counted, found)
    (line,) = weight.plot([], [], color=WEIGHT)
    show_weight(weight, line, trace)
    weight.set_xlabel("optimiser steps")
    for each in (*maps, counted, weight):
        each.set_xlim(0.0, last)
        each.tick_params(labelbottom=each is weight)
    for i, text in enumerate(said, 1):
        at = 1 - (LINE * i + 0.05) / height
        figure.text(0.1 / WIDE, at, text, fontsize=8.5, parse_math=False)
    return figure


def _of_rows(found: LatentHistory, number: int) -> str:
    """The name of the axis of the units of a layer."""
    noun = found.units.noun
    name = f"{noun}, by KL" if len(found.widths) == 1 else f"layer {number}"
    hidden = found.units.kept[number - 1] > SHOWN
    return f"{name} (first {SHOWN})" if hidden else name


def _show_kl(axis: "Axes", found: LatentHistory, rows: NDArray[np.int64]) -> "QuadMesh":
    """The KL of some units over the steps, a unit a row, with the steps at which units died and
    woke up."""
    from matplotlib.colors import LogNorm

    most = max(float(found.kl.max()), 10 * LEAST)
    kl = found.kl[:, rows].T.astype(float).clip(LEAST)
    across = np.arange(len(rows) + 1) - 0.5
    norm = LogNorm(LEAST, most)
    mesh = axis.pcolormesh(edges(found.step), across, kl, norm=norm, cmap="viridis")
    axis.set_ylim(len(rows) - 0.5, -0.5)
    place = {int(unit): row for row, unit in enumerate(rows)}
    for fates, marker, color in ((deaths(found), "x", "#ff3b30"), (awakenings(found), "^", "w")):
        met = [(found.step[at], place[unit]) for unit, at in fates.items() if unit in place]
        if met:
            axis.scatter(*zip(*met, strict=True), marker=marker, color=color, **MARKS)
    if len(rows) <= NAMED:
        names = found.units.names
        ticks = [names[unit].partition(" of ")[0] for unit in rows]
        axis.set_yticks(range(len(rows)), ticks, fontsize="x-small")
    else:
        axis.locator_params(axis="y", nbins=5, integer=True)
    return mesh


def _show_active(axis: "Axes", found: LatentHistory) -> None:
    """The number of active latents over the steps, a line for each layer."""
    from matplotlib import colormaps

    widths = found.widths.tolist()
    colors = colormaps["tab10"].colors if len(widths) > 1 else ["#1f77b4"]  # type: ignore[attr-defined]
    for i, (active, width) in enumerate(zip(found.active.T, widths, strict=True)):
        name = f"layer {i + 1}, of {width}"
        axis.plot(found.step, active, "o-", ms=3, lw=1, color=colors[i % 10], label=name)
    axis.set_ylim(-0.05 * max(widths), 1.08 * max(widths))
    axis.set_ylabel("active latents" if len(widths) > 1 else f"active of {widths[0]}")
    axis.locator_params(axis="y", nbins=5, integer=True)
    axis.grid(alpha=0.3)
    if len(widths) > 1:
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        axis.legend(**beside, fontsize="x-small", frameon=False, handlelength=1, handletextpad=0.5)


def edges(steps: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """(V + 1,) where the columns of V validations end: in the middle between two, and no further
    from the first and the last than that."""
    at = np.asarray(steps, dtype=float)
    if len(at) == 1:
        return np.array([0.0, max(at[0], 1.0)])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[max(0.0, 2 * at[0] - middle[0])], middle, [at[-1]]])
