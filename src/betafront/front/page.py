"""The front as one HTML file that opens without a network."""

import html
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from betafront.front.decision import Advice, decide, in_every_row, names, trades
from betafront.front.evidence import cautions, refusal
from betafront.front.front import front, hypervolume, nondominated, planes
from betafront.front.one_curve import one_curve
from betafront.front.picture import COLOURS
from betafront.front.table import (
    ACTIVE,
    DISTORTION,
    DOMINATED,
    ELBO,
    MSE,
    RATE,
    Facts,
    label,
    text,
)

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
       color: #1f2328; background: #fff; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.answer { border-left: 4px solid #0072b2; padding: .4rem 1rem; background: #f3f7fb; }
.plot { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
.scroll { overflow-x: auto; } th, td { padding: .2rem .7rem; }
th, td { text-align: right; white-space: nowrap; }
th { border-bottom: 1px solid #888; } tr.named td { font-weight: 600; } code { font-size: .85rem; }
.dim { color: #656d76; }
"""


def write_page(
    table: pd.DataFrame, facts: Facts, path: Path, runs: pd.DataFrame | None = None
) -> None:
    """Write the page of a study, with a row per run in `runs` for how sure the decision is."""
    advice = decide(table, facts, runs)
    members = front(table, facts.objectives)
    found = one_curve(table)
    parts = [
        f"<h1>{html.escape(facts.name)}</h1>",
        f"<p>{html.escape(facts.question)}</p>",
        _answer(advice, refusal(table, facts), cautions(table, facts, advice)),
        *_planes(table, members, facts),
        "<h2>On one scale</h2>",
        f"<p>{html.escape(found.text)}</p>" if found else "",
        f'<div class="plot">{_figure(_scale(table))}</div>',
        "<h2>The same β in every convention</h2>",
        _conventions(advice),
        "<h2>The front</h2>",
        _members(members, facts, names(advice)),
        _footer(table, facts),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(facts.name)} · betafront</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>",
        encoding="utf-8",
    )


def _answer(advice: Sequence[Advice], why_not: str, careful: Sequence[str]) -> str:
    if why_not or not advice:
        return f"<p>{html.escape(why_not)}</p>"
    lines = [f"<b>{html.escape(a.text)}</b><br><span class=dim>{a.method}</span>" for a in advice]
    prices = (a.price for a in advice)
    lines += map(html.escape, [*filter(None, prices), *trades(advice), *careful])
    return f'<div class="answer"><p>{"</p><p>".join(lines)}</p></div>'


def _figure(figure: Any, first: bool = False) -> str:
    # plotly.js (4.8 MB) stands in the page once, so that it opens without a network.
    drawn: str = figure.to_html(
        full_html=False, include_plotlyjs=first, config={"displaylogo": False, "responsive": True}
    )
    return drawn


def _planes(table: pd.DataFrame, members: pd.DataFrame, facts: Facts) -> list[str]:
    """A heading and a picture for every two objectives."""
    parts = []
    for i, plane in enumerate(planes(facts.objectives)):
        x, y = (label(metric).partition(" (")[0] for metric in plane)
        drawn = _figure(_plane(table, members, facts, plane), first=i == 0)
        parts += [f"<h2>{html.escape(f'{x} and {y}')}</h2>", f'<div class="plot">{drawn}</div>']
    return parts


def _plane(
    table: pd.DataFrame, members: pd.DataFrame, facts: Facts, plane: Mapping[str, str]
) -> Any:
    import plotly.graph_objects as go

    x, y = plane
    figure = go.Figure()
    if len(plane) == len(facts.objectives):
        figure.add_trace(
            go.Scatter(
                x=members[x],
                y=members[y],
                mode="lines",
                line={"shape": "vh" if plane[x] == "maximize" else "hv", "color": "#888"},
                name="front",
                hoverinfo="skip",
            )
        )
    markers = ("circle", "square", "diamond", "triangle-up", "cross", "star", "x", "pentagon")
    opacity = np.where(nondominated(table, facts.objectives), 1.0, DOMINATED)
    log_beta = table["beta"].clip(lower=1e-12).map(_log10)
    low, high = float(log_beta.min()), float(log_beta.max())
    for (name, group), marker in zip(table.groupby("normalisation"), markers, strict=False):
        figure.add_trace(
            go.Scatter(
                x=group[x],
                y=group[y],
                mode="markers",
                name=str(name),
                text=[_hover(row, facts) for row in group.to_dict("records")],
                hovertemplate="%{text}<extra></extra>",
                marker={
                    "symbol": marker,
                    "size": 9,
                    "opacity": opacity[table.index.get_indexer(group.index)],
                    "color": log_beta[group.index],
                    "cmin": low,
                    "cmax": high,
                    "colorscale": "Viridis",
                    "colorbar": {"title": "log₁₀ β", "len": 0.8},
                    "line": {"width": 0.5},
                },
            )
        )
    middle = (table[x].min() + table[x].max()) / 2
    for advice in decide(table, facts):
        row = table[table["trial"] == advice.trial].iloc[0]
        figure.add_trace(
            go.Scatter(
                x=[row[x]],
                y=[row[y]],
                mode="markers+text",
                name=advice.name,
                text=[f"{advice.name}, β {advice.beta:.2g}"],
                textposition="top left" if row[x] > middle else "top right",
                hoverinfo="skip",
                showlegend=False,
                marker={
                    "size": 17,
                    "color": "rgba(0,0,0,0)",
                    "line": {"width": 2, "color": "#d62728"},
                },
            )
        )
    figure.update_layout(
        template="plotly_white",
        height=560,
        xaxis_title=label(x),
        yaxis_title=label(y),
        legend={"orientation": "h", "y": 1.08},
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
    )
    return figure


def _scale(table: pd.DataFrame) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    for (name, group), colour in zip(table.groupby("normalisation"), COLOURS, strict=False):
        ordered = group.sort_values("beta")
        for metric, symbol in ((RATE, "circle"), (DISTORTION, "diamond-open")):
            figure.add_trace(
                go.Scatter(
                    x=ordered["beta"],
                    y=ordered[metric],
                    mode="markers",
                    name=f"{label(metric).split(' (')[0]}, {name}",
                    marker={"symbol": symbol, "size": 8, "color": colour},
                    text=[f"trial {t}" for t in ordered["trial"]],
                )
            )
    figure.update_layout(
        template="plotly_white",
        height=440,
        xaxis={"type": "log", "title": "canonical β"},
        yaxis_title="nats per example",
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
    )
    return figure


def _hover(row: dict[Any, Any], facts: Facts) -> str:
    chosen = "".join(f"<br>{p} = {text(row[p])}" for p in facts.parameters)
    others = "".join(f"<br>{label(m)} = {text(row[m])}" for m in facts.others)
    return (
        f"<b>trial {row['trial']}</b><br>β = {row['beta']:.4g}, β_norm = {row['beta_norm']:.4g}"
        f"<br>D = {row[DISTORTION]:.2f}, R = {row[RATE]:.2f} nats<br>MSE = {row[MSE]:.4g}, "
        f"{row[ACTIVE]:.0f} active units{others}{chosen}"
    )


def _conventions(advice: Sequence[Advice]) -> str:
    if not advice:
        return ""
    head = ["write", *(f"{a.name} (trial {a.trial})" for a in advice)]
    return _html_table(head, [[label, *cells] for label, cells in in_every_row(advice)])


def _members(members: pd.DataFrame, facts: Facts, named: dict[int, str]) -> str:
    columns = ["beta", "beta_norm", DISTORTION, RATE, ELBO, MSE, ACTIVE, *facts.others]
    head = ["", "trial", *facts.parameters, "β", "β_norm", "D", "R", "D + R", "MSE", "active"]
    head += map(label, facts.others)
    rows = [
        [
            named.get(r["trial"], ""),
            str(r["trial"]),
            *(text(r[c]) for c in [*facts.parameters, *columns]),
        ]
        for r in members.to_dict("records")
    ]
    return _html_table(head, rows, {i for i, row in enumerate(rows) if row[0]})


def _html_table(head: list[str], rows: list[list[str]], named: Collection[int] = ()) -> str:
    def line(cells: list[str], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells)

    body = "".join(
        f"<tr{' class=named' if i in named else ''}>{line(row, 'td')}</tr>"
        for i, row in enumerate(rows)
    )
    return f'<div class="scroll"><table><tr>{line(head, "th")}</tr>{body}</table></div>'


def _footer(table: pd.DataFrame, facts: Facts) -> str:
    volume = hypervolume(table, facts.objectives, facts.reference)
    reference = ", ".join(f"{r:.4g}" for r in facts.reference)
    counts = ", ".join(f"{n} {state}" for state, n in facts.counts.items() if n)
    return (
        f"<h2>How it was made</h2><p>{counts} of a budget of {facts.budget} trials; N = "
        f"{facts.pixels} data dimensions, M = {facts.latents} latents; {html.escape(facts.data)}. "
        f"Hypervolume {volume:.5g} below the reference point ({reference}).</p>"
        f"<p><code>{html.escape(facts.command)}</code></p>"
    )


def _log10(value: float) -> float:
    import math

    return math.log10(value)
