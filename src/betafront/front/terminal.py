"""A front in the terminal: tables of at most 100 columns."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from betafront.front.decision import Advice, decide, trade
from betafront.front.front import front, hypervolume
from betafront.front.one_curve import one_curve
from betafront.front.table import ACTIVE, DISTORTION, ELBO, MSE, RATE, Facts

ROWS = 20
WIDTH = 100


def console() -> Console:
    """The terminal, never wider than a page of text."""
    found = Console(highlight=False)
    found.width = min(found.width if found.is_terminal else WIDTH, WIDTH)
    return found


def print_study(table: pd.DataFrame, facts: Facts, out: Console) -> None:
    """Print the front, the decision and what was found."""
    members = front(table, facts.objectives)
    if members.empty:
        out.print("No trial has finished: there is no front yet.")
        return
    advice = decide(table, facts)
    out.print(front_table(members, facts, advice))
    reference = ", ".join(f"{value:.4g}" for value in facts.reference)
    volume = hypervolume(table, facts.objectives, facts.reference)
    out.print(
        f"{len(members)} of {len(table)} finished trials are on the front; hypervolume "
        f"{volume:.5g} below the reference point ({reference})."
    )
    found = one_curve(table)
    if found:
        out.print(found.text)
    out.print()
    out.print(advice_table(advice))
    for a in advice:
        out.print(f"[bold]{a.name}[/]: {a.method}.")
    if len(advice) == 2:
        out.print(trade(*advice))
    out.print(f"[bold green]Decision[/]  {advice[0].text}")


def front_table(members: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> Table:
    """The trials of the front, from low to high rate, thinned to ROWS."""
    marks = {a.trial: a.name for a in advice}
    table = Table(
        title=f"Front of {facts.name}", title_justify="left", box=None, padding=(0, 1, 0, 0)
    )
    table.add_column("trial", justify="right", no_wrap=True)
    varied = [p for p in facts.parameters if p != "objective.weight" and members[p].nunique() > 1]
    for parameter in varied[:3]:
        table.add_column(parameter.split(".")[-1], no_wrap=True)
    numbers = ("weight", "β", "β_norm", "D", "R", "D+R", "MSE", "active")
    for name in numbers:
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    columns = ("weight", "beta", "beta_norm", DISTORTION, RATE, ELBO, MSE, ACTIVE)
    formats = ("{:.3g}", "{:.3g}", "{:.3g}", "{:.2f}", "{:.2f}", "{:.2f}", "{:.4f}", "{:.0f}")
    rows = _thinned(members, marks)
    for row in rows:
        cells = [f.format(row[c]) for f, c in zip(formats, columns, strict=True)]
        table.add_row(
            str(row["trial"]),
            *(str(row[p]) for p in varied[:3]),
            *cells,
            marks.get(row["trial"], ""),
            style="bold" if row["trial"] in marks else None,
        )
    units = "D, R in nats per example; MSE per pixel"
    left_out = len(members) - len(rows)
    table.caption = f"{units}; {left_out} rows of the front left out" if left_out else units
    table.caption_justify = "left"
    return table


def advice_table(advice: Iterable[Advice]) -> Table:
    """The β of each named point in every convention."""
    table = Table(title="The same β in every convention", title_justify="left", box=None)
    advice = list(advice)
    table.add_column("write")
    for a in advice:
        table.add_column(f"{a.name} (trial {a.trial})", justify="right")
    rows = {"canonical β": [a.beta for a in advice]}
    for name in advice[0].weights:
        rows[f"normalisation={name}" if " " not in name else name] = [
            a.weights.get(name, float("nan")) for a in advice
        ]
    if advice[0].sigma is not None:
        rows["σ of the Gaussian"] = [a.sigma or float("nan") for a in advice]
    for name, values in rows.items():
        table.add_row(name, *(f"{value:.4g}" for value in values))
    return table


def print_next(lines: Iterable[tuple[str, str | Path]], out: Console) -> None:
    """What to look at and to run next, ready to be copied."""
    out.print()
    for what, where in lines:
        out.print(f"  [dim]{what:<12}[/] {where}", soft_wrap=True)


def _thinned(members: pd.DataFrame, keep: dict[int, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = members.to_dict("records")  # type: ignore[assignment]
    if len(rows) <= ROWS:
        return rows
    step = (len(rows) - 1) / (ROWS - 1 - len(keep))
    chosen = {round(i * step) for i in range(ROWS - len(keep))}
    return [row for i, row in enumerate(rows) if i in chosen or row["trial"] in keep]
