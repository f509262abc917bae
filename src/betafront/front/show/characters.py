"""The front as characters, for a terminal."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from betafront.front.curves import are_among
from betafront.front.decision import Advice, each_once, names
from betafront.front.front import maximised, nondominated, planes
from betafront.front.show.standings import not_settled
from betafront.front.table import Facts, label

NARROWEST = 60  # characters; in a narrower picture neighbours fall together
ROWS = 16  # lines with the ticks and the label of x, without the label of y and the legend
MARKS = (
    ("o", "front", True, False),
    ("x", "front, not settled", True, True),
    ("·", "dominated", False, False),
    (":", "dominated, not settled", False, True),
)
"""Each mark, its name, whether its trials are on the front, and whether it is known of them that
they are not settled. The first ones are drawn over the others."""
GAP = "   "  # between two entries of the legend


def plot(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice], width: int) -> str:
    """The trials over the first two objectives, in ROWS + 1 lines of at most `width` characters
    and a legend, without colours: members of the front, what they dominate, both with another mark
    where a run is not settled, and a number for each advised trial.

    Args:
        table: points of finished trials.
        facts: of the study.
        advice: whose points are numbered.
        width: of the terminal; nothing is drawn where it is below NARROWEST.
    """
    if width < NARROWEST or table.empty:
        return ""
    x, y = planes(facts.objectives)[0]
    members = nondominated(table, facts.objectives)
    shown = members | _within(table, facts.objectives, facts.reference)
    numbers = {one.point: str(i) for i, one in enumerate(each_once(advice), 1)}
    named = are_among(table, numbers)
    unsettled = not_settled(table)
    marks: list[tuple[list[float], list[float], str]] = []
    legend = []
    for mark, name, on_front, other in MARKS:
        part = table[shown & (members == on_front) & (unsettled == other)]
        if len(part):
            marks.insert(0, (part[x].tolist(), part[y].tolist(), mark))
            legend.append(f"{mark} {name}")
    for point, number in numbers.items():
        one = table[are_among(table, {point})]
        marks.append((one[x].tolist(), one[y].tolist(), number))
    for point, said in names(advice).items():
        legend.append(f"{numbers[point]} {said} (β = {point[1]:.3g})")
    if beyond := int((~shown & ~named).sum()):
        legend.append(f"{beyond} beyond the reference point")
    return "\n".join([label(y), _drawn(marks, label(x), width), *_lines(legend, width)])


def _lines(entries: Sequence[str], width: int) -> list[str]:
    """Entries side by side, in lines of at most `width` characters."""
    lines = [""]
    for entry in entries:
        if lines[-1] and len(lines[-1]) + len(GAP) + len(entry) > width:
            lines.append("")
        lines[-1] += f"{GAP}{entry}" if lines[-1] else entry
    return lines


def _within(
    table: pd.DataFrame, objectives: Mapping[str, str], reference: Sequence[float]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which trials are within the reference point, all where there is none: the others would take
    most of the picture."""
    signs = np.where(maximised(objectives), -1.0, 1.0)
    worst = np.asarray(reference, float) * signs if len(reference) else np.full(len(signs), np.inf)
    within: np.ndarray[tuple[int], np.dtype[np.bool_]]
    within = np.all(table[list(objectives)].to_numpy(float) * signs <= worst, axis=1)
    return within


def _drawn(marks: Sequence[tuple[list[float], list[float], str]], below: str, width: int) -> str:
    import plotext  # 0.2 s

    plotext.terminal.limit(False, False)  # the size is that of `plot_size`, also without a terminal
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, ROWS)
    for x, y, mark in marks:
        figure.draw(figure.signal(x, y, marker=mark))
    figure.label(below)
    lines = plotext.uncolorize(str(figure.build())).splitlines()
    return "\n".join(line.rstrip() for line in lines).rstrip("\n")
