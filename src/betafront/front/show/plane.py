"""The plane of the objectives as a figure of plotly's, for a notebook: what the page of a study
shows, of one study."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import pandas as pd

from betafront.front.curves import are_among, curves, is_of_curve, number_of_points, of_curves
from betafront.front.decision import Advice, names
from betafront.front.floor import NAME
from betafront.front.front import front, nondominated, planes
from betafront.front.show.picture import SOLID
from betafront.front.show.standings import counts
from betafront.front.table import DISTORTION, RATE, STANDING, Facts, label, text

SHOWN = ("weight", "normalisation", "beta", "beta_norm", STANDING)  # of a trial that is pointed at


def plane_figure(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> Any:
    """The trials on the plane of the first two objectives, coloured by canonical β, with the front
    and the advised points, as a `plotly.graph_objects.Figure`.

    Args:
        table: finished trials, at least one.
        facts: of the study.
        advice: its advised points.
    """
    import numpy as np
    from plotly.graph_objects import Figure, Scatter

    x, y, *_ = next(iter(planes(facts.objectives)))
    members, figure = front(table, facts.objectives), Figure()
    shape = "vh" if facts.objectives.get(x) == "maximize" else "hv"
    if len(facts.objectives) == 2:
        line = {"color": "#888888", "width": 1, "shape": shape}
        figure.add_trace(Scatter(x=members[x], y=members[y], mode="lines", line=line, name="front"))
    if facts.floor and (x, y) == (RATE, DISTORTION):
        line = {"color": "#222222", "width": 1.5, "dash": "dash"}
        floor = facts.floor.beside(table[x])
        figure.add_trace(
            Scatter(x=floor.rate, y=floor.distortion, mode="lines", line=line, name=NAME)
        )
    for (name, points), colour in zip(curves(table), cycle(SOLID), strict=False):
        line = {"color": colour, "width": 1.5}
        figure.add_trace(Scatter(x=points[x], y=points[y], mode="lines", line=line, name=name))
    scale = {
        "color": np.log10(table["beta"].clip(lower=1e-12)),
        "colorscale": "Viridis",
        "colorbar": {"title": "log₁₀ β", "len": 0.75, "y": 0.4},
        "size": np.where(of_curves(table), 6, 9),
        "opacity": np.where(nondominated(table, facts.objectives), 1.0, 0.5),
    }
    figure.add_trace(
        Scatter(
            x=table[x], y=table[y], mode="markers", marker=scale, name="trials",
            text=_described(table, facts), hoverinfo="text+x+y",
        )
    )  # fmt: skip
    ring = {"size": 16, "color": "rgba(0,0,0,0)", "line": {"color": "#d62728", "width": 2}}
    for point, name in names(advice).items():
        row = table[are_among(table, {point})]
        said = f"{name}, β = {row['beta'].iloc[0]:.3g}"
        figure.add_trace(Scatter(x=row[x], y=row[y], mode="markers", marker=ring, name=said))
    known = "; ".join(f"{n} {state}" for state, n in counts(table).items())
    title = f"{facts.name}: {number_of_points(table)}{f' ({known})' if known else ''}"
    figure.update_layout(
        title=title, template="simple_white", legend={"yanchor": "top", "y": 1.0},
        xaxis_title=label(x), yaxis_title=label(y), width=760, height=520,
    )  # fmt: skip
    if (x, y) == (RATE, DISTORTION):
        figure.update_xaxes(rangemode="tozero")
    return figure


def _described(table: pd.DataFrame, facts: Facts) -> list[str]:
    """What is shown of each trial that is pointed at."""
    keys = [key for key in dict.fromkeys([*facts.parameters, *SHOWN]) if key in table]
    rows = table.to_dict("records")
    return ["<br>".join([_named(row), *(f"{k} = {text(row[k])}" for k in keys)]) for row in rows]


def _named(row: Mapping[Any, Any]) -> str:
    return f"trial {row['trial']}{', its curve' if is_of_curve(row) else ''}"
