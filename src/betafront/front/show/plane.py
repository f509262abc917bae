"""The plane of the objectives as a figure of plotly's, for a notebook: what the page of a study
shows, of one study."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from betafront.front.decision import Advice, names
from betafront.front.floor import NAME
from betafront.front.front import front, planes
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
    scale = {
        "color": np.log10(table["beta"].clip(lower=1e-12)),
        "colorscale": "Viridis",
        "colorbar": {"title": "log₁₀ β", "len": 0.75, "y": 0.4},
        "size": 9,
        "opacity": np.where(table["trial"].isin(members["trial"]), 1.0, 0.5),
    }
    figure.add_trace(
        Scatter(
            x=table[x], y=table[y], mode="markers", marker=scale, name="trials",
            text=_described(table, facts), hoverinfo="text+x+y",
        )
    )  # fmt: skip
    ring = {"size": 16, "color": "rgba(0,0,0,0)", "line": {"color": "#d62728", "width": 2}}
    for trial, name in names(advice).items():
        row = table[table["trial"] == trial]
        said = f"{name}, β = {row['beta'].iloc[0]:.3g}"
        figure.add_trace(Scatter(x=row[x], y=row[y], mode="markers", marker=ring, name=said))
    known = "; ".join(f"{n} {state}" for state, n in counts(table).items())
    title = f"{facts.name}: {len(table)} trials{f' ({known})' if known else ''}"
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
    return [
        "<br>".join([f"trial {row['trial']}", *(f"{k} = {text(row[k])}" for k in keys)])
        for row in rows
    ]
