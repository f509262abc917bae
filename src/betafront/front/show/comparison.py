"""A comparison of fronts in the terminal and as a picture."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from betafront.front.attainment import attainment_surfaces, common_replicates, least_p
from betafront.front.comparison import Comparison, Group, Side
from betafront.front.curves import curves, of_curves, points_or_trials
from betafront.front.floor import Floor
from betafront.front.front import front, planes
from betafront.front.show.picture import COLOURS, MARKERS, SMALL, draw_floors, save
from betafront.front.show.standings import counted, not_settled
from betafront.front.show.terminal import ROWS, front_table
from betafront.front.slope import off_their_lines
from betafront.front.table import DISTORTION, GROUP, METRICS, RATE, label, usable
from betafront.terminal import headed

CERTAIN = 0.05  # the greatest p at which a difference is called more than chance
FAIR = 1.5  # the ratio of the greatest to the least number of trials that is not named
COVERS = "covers: the share of the other's points that it equals or dominates"


def print_comparison(found: Comparison, parameters: Sequence[str], out: Console) -> None:
    """Print the groups, every pair of them, the front of all together, and the findings.

    Args:
        found: the comparison.
        parameters: columns of the searched parameters.
        out: where to.
    """
    sides, pairs = in_cells(found)
    out.print(_printed("Groups, the greatest hypervolume first", sides, 1))
    out.print(_printed("Each beside the others", pairs, 2))
    out.print(COVERS)
    few = len(found.table) <= ROWS
    shown = found.table if few else found.table[found.table["on_front"]]
    shown = shown.sort_values(list(found.objectives), ignore_index=True)
    title = f"All {points_or_trials(found.table)}" if few else "The front of all together"
    others = [m for m in found.objectives if m not in METRICS]
    varied = [p for p in parameters if p in shown]
    out.print(front_table(title, shown, varied, others, out.width, {}))
    reference = ", ".join(f"{value:.4g}" for value in found.reference)
    out.print(f"Hypervolumes are below the reference point ({reference}).")
    for line in conclusions(found):
        out.print(headed("Finding", "bold green", line))


def conclusions(found: Comparison) -> list[str]:
    """The findings in sentences, and what limits them."""
    best, rest = found.sides[0], found.sides[1:]
    lines = [_conclusion(found, best, other) for other in rest]
    unused = [side.name for side in rest if side.joint == 0]
    if unused:
        lines.append(f"Nothing is lost without {', '.join(unused)}.")
    if not found.replicated:
        lines.append(_unreplicated(found))
    for side in found.sides:
        if side.off:
            lines.append(off_their_lines(usable(found.table), side.name))
    if not_settled(found.table).any():
        lines.append(_standings(found))
    counts = sorted(side.points for side in found.sides)
    if counts[-1] > FAIR * counts[0]:
        what = points_or_trials(found.table)
        lines.append(
            f"The groups have {counts[0]} to {counts[-1]} {what}, and more {what} alone make more "
            "hypervolume."
        )
    curved = [side for side in found.sides if side.points > side.trials]
    return [*lines, *map(_of_one_model, curved)]


def _of_one_model(side: Side) -> str:
    """That points of a group are no runs of their own."""
    trials = f"{side.trials} trial{'' if side.trials == 1 else 's'}"
    return (
        f"The {side.points} points of {side.name} are of {trials}: those of a curve come from one "
        "model conditioned on β, which is trained once."
    )


def _conclusion(found: Comparison, best: Side, other: Side) -> str:
    there, back = (
        next(p for p in found.pairs if (p.one, p.other) == both)
        for both in ((best.name, other.name), (other.name, best.name))
    )
    beats = there.indicators.covered == 1 and back.indicators.covered < 1
    if not found.worth(best):
        what = f"; {best.name} equals or beats every point of {other.name}'s front" if beats else ""
        return f"No trial of {best.name} or {other.name} lies below the reference point{what}."
    what = ", and equals or beats every point of its front" if beats else ""
    more = found.worth(best) - found.worth(other)
    sure = f" ({_sure(there.p, best, other)})" if there.p is not None else ""
    return f"{best.name} has {more:.4g} more hypervolume than {other.name}{sure}{what}."


def _sure(p: float, best: Side, other: Side) -> str:
    if least_p(best.replicates, other.replicates) > CERTAIN:
        few = f"{best.replicates} and {other.replicates} replicates"
        return f"p = {p:.3g}, and {few} are too few to tell"
    return f"p = {p:.3g}, {'more than chance' if p <= CERTAIN else 'within what chance does'}"


def _unreplicated(found: Comparison) -> str:
    several = [side.name for side in found.sides if side.volume is not None]
    if not several:
        return (
            "With one run a trial it is not known what of this is chance: study.replicates=3 adds "
            "two."
        )
    return (
        f"The trials of {', '.join(several)} are means of replicates, and others are single runs, "
        "of which chance makes some look better: study.replicates makes them alike."
    )


def _standings(found: Comparison) -> str:
    """How the trials of each group stand: a front of unfinished runs is not the model's."""
    of = {side.name: found.table[found.table[GROUP] == side.name] for side in found.sides}
    said = (f"{name}: {counted(table, 'trials') or 'not recorded'}" for name, table in of.items())
    return f"How the trials stand. {'; '.join(said)}."


def draw_comparison(
    found: Comparison, groups: Sequence[Group], path: Path, floors: Mapping[str, Floor | None] = {}
) -> None:
    """Write the fronts of the groups on one plane as a PNG file."""
    save(comparison_figure(found, groups, floors), path)


def comparison_figure(
    found: Comparison, groups: Sequence[Group], floors: Mapping[str, Floor | None] = {}
) -> Any:
    """The fronts of the groups on one plane, with the surfaces that a quarter and three quarters of
    the replicates attain, as a figure of matplotlib's.

    Args:
        found: the comparison.
        groups: in the order in which they were named.
        floors: the linear-Gaussian fronts of the studies, by their names.
    """
    from matplotlib.figure import Figure

    shown = planes(found.objectives)
    figure = Figure(figsize=(6.4 * len(shown), 5.2), layout="constrained")
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for at, plane in zip(axes, shown, strict=True):
        x, y = plane
        for group, marker, colour in zip(groups, MARKERS, cycle(COLOURS), strict=False):
            _points(at, group, (x, y), marker, colour)
            if len(plane) == len(found.objectives):
                _front(at, group, found, colour)
            _curves(at, group, (x, y), colour)
        if not_settled(found.table).any():
            at.scatter([], [], s=22, facecolor="none", edgecolor="#444444", label="not settled")
        at.set(xlabel=label(x), ylabel=label(y))
        if (x, y) == (RATE, DISTORTION):
            draw_floors(at, floors, found.table[RATE])
        at.legend(fontsize="small")
    return figure


def _points(axes: Any, group: Group, plane: tuple[str, str], marker: str, colour: str) -> None:
    """The trials of a group, hollow where they are known not to be settled."""
    x, y = plane
    hollow = not_settled(group.table)
    for rows, face, name in ((~hollow, colour, _in_legend(group.name)), (hollow, "none", None)):
        part = group.table[rows]
        size = np.where(of_curves(part), SMALL, 22)
        axes.scatter(
            part[x], part[y], marker=marker, s=size, alpha=0.5, facecolor=face, edgecolor=colour,
            label=name,
        )  # fmt: skip


def _curves(axes: Any, group: Group, plane: tuple[str, str], colour: str) -> None:
    """The curves of a group, as lines through their points."""
    x, y = plane
    for name, points in curves(group.table):
        said = _in_legend(f"{group.name}, {name}")
        axes.plot(points[x], points[y], "-", color=colour, lw=1.6, alpha=0.8, label=said)


def _in_legend(name: str) -> str:
    """A name as a legend of matplotlib shows it: the legend leaves out what begins with _, and
    reads mathematics between two $."""
    return f" {name}".replace("$", r"\$") if name.startswith("_") else name.replace("$", r"\$")


def _front(axes: Any, group: Group, found: Comparison, colour: str) -> None:
    x, y = found.objectives
    where = "pre" if found.objectives[x] == "maximize" else "post"
    members = front(group.table, found.objectives)
    axes.step(members[x], members[y], where=where, color=colour, lw=1.2)
    runs = common_replicates(group.runs)
    if not runs.empty and runs["replicate"].nunique() > 1:
        for surface in attainment_surfaces(runs, found.objectives, (25.0, 75.0)).values():
            axes.step(*surface.T, where=where, color=colour, lw=0.8, ls=":")


Cells = tuple[list[str], list[list[str]]]  # heads of columns, and rows


def in_cells(found: Comparison) -> tuple[Cells, Cells]:
    """The groups, and every pair of them, as tables of text."""
    return _sides(found), _pairs(found)


def _sides(found: Comparison) -> Cells:
    head = ["group", "trials", "front", "hypervolume", "mean of replicates", "95 %", "on joint"]
    return [*head, "lost without"], [
        [
            side.name,
            str(side.trials),
            str(side.shape.points),
            f"{side.shape.hypervolume:.5g}",
            f"{side.volume.value:.5g}" if side.volume else "–",
            f"{side.volume.low:.5g} to {side.volume.high:.5g}" if side.volume else "–",
            str(side.joint),
            f"{side.lost:.2%}",
        ]
        for side in found.sides
    ]


def _pairs(found: Comparison) -> Cells:
    return ["front of", "beside", "covers", "ε", "IGD+", "p"], [
        [
            pair.one,
            pair.other,
            f"{pair.indicators.covered:.0%}",
            f"{pair.indicators.epsilon:.3g}",
            f"{pair.indicators.igd_plus:.3g}",
            "–" if pair.p is None else f"{pair.p:.3g}",
        ]
        for pair in found.pairs
    ]


def _printed(title: str, cells: Cells, words: int) -> Table:
    """A table for the terminal, whose first `words` columns are aligned as text."""
    shown = Table(title=title, title_justify="left", box=None)
    head, rows = cells
    for i, name in enumerate(head):
        shown.add_column(name, justify="left" if i < words else "right")
    for row in rows:
        shown.add_row(*row)
    return shown
