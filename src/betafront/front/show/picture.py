"""The front as a picture: the rate-distortion plane, and the one scale beside it."""

import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from betafront.files import opened_whole
from betafront.front.curves import are_among, curves, number_of_points, of_curves
from betafront.front.decision import decide
from betafront.front.floor import Floor, named
from betafront.front.front import front, nondominated, planes
from betafront.front.one_curve import one_curve
from betafront.front.show.standings import counts, not_settled
from betafront.front.table import DISTORTION, DOMINATED, RATE, STANDING, Facts, label
from betafront.training.standing import (
    COLLAPSED,
    OVERFITTED,
    STILL_FALLING,
    UNKNOWN,
    UNSTABLE,
)

# In inches: a plane and a picture of the rates with their margins, and what they have of them. A
# layout that matplotlib finds takes longer than all that is drawn.
WIDE, NARROW, HIGH = 6.2, 4.1, 5.0
LEFT, FOOT, TOP = 0.85, 0.75, 0.35
BAR, GAP, THICK = 1.05, 0.12, 0.16  # of the bar beside a plane: with its numbers, and itself
MARKERS = "osD^vP*X"
OPEN = {  # the hollow marks of trials that are not settled
    STILL_FALLING: "v",
    OVERFITTED: "^",
    UNSTABLE: "X",
    COLLAPSED: "s",
    UNKNOWN: "o",
}
CLEAR = 0.3  # of the distance of two lines of the same D + R, from the best to the next one
HOLLOW = 0.7  # the opacity of hollow marks of trials that are not on the front
SHORT = 100.0  # times: over less a logarithmic axis has more ticks than one per decade
SMALL = 14  # the mark of a point of a curve; of other trials it is larger
SOLID = ("#b04a9a", "#3a7d44", "#b5651d")  # the colours of curves
DASHED = ("#222222", "#7b5ea7", "#8c6d31")  # the colours of linear-Gaussian fronts
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def draw_front(table: pd.DataFrame, facts: Facts, path: Path) -> None:
    """Write the picture of a study as a PNG file."""
    save(front_figure(table, facts), path)


def front_figure(table: pd.DataFrame, facts: Facts) -> Any:
    """The picture of a study, as a figure of matplotlib's."""
    from matplotlib.figure import Figure

    found, shown = one_curve(table), planes(facts.objectives)
    width = WIDE * len(shown) + (2 * NARROW if found else 0)
    figure = Figure(figsize=(width, HIGH))

    def axes(left: float, room: float) -> Any:
        """Axes from so many inches on, as wide as that."""
        return figure.add_axes((left / width, FOOT / HIGH, room / width, 1 - (FOOT + TOP) / HIGH))

    for i, plane in enumerate(shown):
        left = WIDE * i + LEFT
        at = axes(left, WIDE - LEFT - BAR)
        _plane(at, axes(left + WIDE - LEFT - BAR + GAP, THICK), table, facts, plane)
    if found:
        ends = (width - 2 * NARROW, width - NARROW)
        written, canonical = (axes(end + LEFT, NARROW - LEFT - 2 * GAP) for end in ends)
        title = f"weight w, as written\n{found.written:.2f} nats off one curve"
        _rates(written, table, "weight", title)
        _rates(canonical, table, "beta", f"canonical β\n{found.canonical:.2f} nats off one curve")
        canonical.sharey(written)
        written.legend(title="normalisation", fontsize="small")
    bars = (
        "; bars: a standard deviation over the replicates of each"
        if _spread(table, shown[0])
        else ""
    )
    title = f"{facts.name}: {number_of_points(table)}{bars}"
    figure.suptitle(title, fontsize="medium", y=1 - 0.1 / HIGH, va="top", parse_math=False)
    return figure


def save(figure: Any, path: Path) -> None:
    """Write a figure as a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened_whole(path) as sink:
        _draw(figure, sink)


def png_of(figure: Any) -> bytes:
    """A figure as the bytes of a PNG file."""
    sink = BytesIO()
    _draw(figure, sink)
    return sink.getvalue()


def _draw(figure: Any, sink: BinaryIO) -> None:
    """Draw a figure. Of a character that matplotlib's font lacks, as the Chinese ones, it draws a
    box and warns, each time; the names stand beside the picture in full."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")
        figure.savefig(sink, format="png", dpi=120)


def _plane(
    axes: Any, bar: Any, table: pd.DataFrame, facts: Facts, plane: Mapping[str, str]
) -> None:
    """A plane of two objectives, and the bar of the colours of β beside it."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogLocator

    x, y = plane
    on_front = nondominated(table, facts.objectives)
    if len(plane) == len(facts.objectives):
        members, where = front(table, facts.objectives), "pre" if plane[x] == "maximize" else "post"
        axes.step(
            members[x], members[y], where=where, color="#888888", lw=1, zorder=1, label="front"
        )
    if _spread(table, plane):
        axes.errorbar(
            table[x], table[y], xerr=table[f"sd/{x}"], yerr=table[f"sd/{y}"], fmt="none",
            ecolor="#cccccc", lw=0.8, zorder=1,
        )  # fmt: skip
    _curves(axes, table, plane)
    beta = table["beta"].clip(lower=1e-12)
    scale = LogNorm(beta.min(), beta.max())
    _marks(axes, table, plane, on_front, ScalarMappable(scale, "viridis").to_rgba(beta))
    # A bar made of the dots would be as faint as the dominated ones.
    bar.figure.colorbar(
        ScalarMappable(scale, "viridis"), cax=bar, label="canonical β",
        ticks=LogLocator(subs=(1.0, 2.0, 5.0)), format="%g",
    ).minorticks_off()  # fmt: skip
    for advice, marker in zip(decide(table, facts), cycle("*PsD"), strict=False):
        row = table[are_among(table, {advice.point})].iloc[0]
        axes.scatter(
            row[x], row[y], marker=marker, s=170, facecolor="none", edgecolor="#d62728", lw=1.6,
            zorder=3, label=f"{advice.name}, β = {advice.beta:.2g}",
        )  # fmt: skip
    axes.set(xlabel=label(x), ylabel=label(y))
    if (x, y) == (RATE, DISTORTION):
        axes.margins(0.06)
        draw_floors(axes, {facts.name: facts.floor}, table[RATE])
        _iso_elbo(axes, table)
    axes.legend(fontsize="small")


def _marks(
    axes: Any, table: pd.DataFrame, plane: Mapping[str, str], on_front: Any, rgba: Any
) -> None:
    """A mark for each trial: filled where it is settled or nothing is known, else hollow, with a
    shape and a name for each standing."""
    x, y = plane
    filled = ~not_settled(table)
    rgba[:, 3] = np.where(on_front, 1.0, np.where(filled, DOMINATED, HOLLOW))
    size = np.where(of_curves(table), SMALL, 26)
    axes.scatter(table[x][filled], table[y][filled], c=rgba[filled], s=size[filled], zorder=2)
    for state, n in counts(table[~filled]).items():
        rows = (table[STANDING] == state).to_numpy()
        kind = {"marker": OPEN[state], "facecolor": "none", "lw": 1.2}
        axes.scatter(table[x][rows], table[y][rows], s=34, zorder=2, edgecolor=rgba[rows], **kind)
        axes.scatter([], [], s=34, edgecolor="#444444", label=f"{state}: {n}", **kind)


def _spread(table: pd.DataFrame, plane: Mapping[str, str]) -> bool:
    return all(f"sd/{metric}" in table for metric in plane)


def _iso_elbo(axes: Any, table: pd.DataFrame) -> None:
    """Dashed lines along which D + R is the same, from the best of the table upwards."""
    from matplotlib.ticker import MaxNLocator

    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    best = float((table[RATE] + table[DISTORTION]).min())
    ticks = MaxNLocator(7).tick_values(best, top + right)
    first = best + CLEAR * (ticks[1] - ticks[0])  # whose number does not cover that of the best
    for level in [best, *(tick for tick in ticks if first < tick < top + right)]:
        axes.plot([left, right], [level - left, level - right], "--", c="#bbbbbb", lw=0.7, zorder=0)
        x = max(left, level - top) + 0.015 * (right - left)
        if x < right and bottom < level - x < top:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text(
                x, level - x, f"{round(level, 1):g}", fontsize=7, color="#777777", va="center",
                bbox=box, zorder=0.5,
            )  # fmt: skip
    axes.plot([], [], "--", color="#bbbbbb", lw=0.7, label="D + R constant (nats)")
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _curves(axes: Any, table: pd.DataFrame, plane: Iterable[str]) -> None:
    """The curves of a table as lines through their points, in order of β."""
    x, y = plane
    for (name, points), colour in zip(curves(table), cycle(SOLID), strict=False):
        axes.plot(points[x], points[y], "-", color=colour, lw=1.4, zorder=1.8, label=name)


def draw_floors(axes: Any, floors: Mapping[str, Floor | None], rates: Iterable[float]) -> None:
    """Draw the linear-Gaussian fronts of studies on a plane of rate and distortion that has the
    trials, beside these; the plane grows down to them.

    Args:
        axes: the plane.
        floors: by the names of the studies; None where a study has none.
        rates: of the trials.
    """
    (bottom, top), across = axes.get_ylim(), axes.get_xlim()
    of_trials = bottom
    for (name, whole), colour in zip(named(floors).items(), cycle(DASHED), strict=False):
        floor = whole.beside(rates)
        bottom = min(bottom, floor.distortion[-1] - 0.03 * (top - floor.distortion[-1]))
        said = f"{name}:\nabove it, not converged or too weak".replace("$", r"\$")
        axes.plot(floor.rate, floor.distortion, "--", color=colour, lw=1.4, zorder=1.5, label=said)
    if bottom < of_trials:  # the marks of the trials above are as large as ever
        top += 0.03 * (top - bottom)
    axes.set(xlim=across, ylim=(bottom, top))


def _rates(axes: Any, table: pd.DataFrame, weight: str, title: str) -> None:
    groups = table.groupby("normalisation", sort=True)
    for (name, group), marker, colour in zip(groups, MARKERS, COLOURS, strict=False):
        axes.scatter(
            group[weight], group[RATE], marker=marker, c=colour, s=24, label=name, alpha=0.85
        )
    axes.set(xscale="log", xlabel=title, ylabel=label(RATE))
    low, high = table[weight].min(), table[weight].max()
    if high < SHORT * low:
        _few_ticks(axes.xaxis, low, high)


def _few_ticks(axis: Any, low: float, high: float) -> None:
    """Have a short logarithmic axis say 0.2, 0.5, 1, where matplotlib writes 2 x 10⁻¹, 3 x 10⁻¹, …
    over each other."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter

    decades = np.arange(np.floor(np.log10(low)), np.log10(high) + 1)
    ticks = np.outer(10.0**decades, [1, 2, 5] if high < 10 * low else [1, 3]).ravel()
    inside = np.count_nonzero((ticks >= low) & (ticks <= high))
    axis.set_major_locator(FixedLocator(list(ticks)) if inside > 1 else MaxNLocator(4))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
