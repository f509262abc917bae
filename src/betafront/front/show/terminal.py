"""A front in the terminal: tables of at most 100 columns."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from betafront.front.decision.cautions import cautions, notes, refusal
from betafront.front.decision.decision import USUAL, Advice, Asked, decide, in_every_row, names
from betafront.front.front import front, hypervolume
from betafront.front.one_curve import one_curve
from betafront.front.show.characters import plot
from betafront.front.table import ACTIVE, DISTORTION, ELBO, GROUP, MSE, RATE, Facts, label, text

ROWS = 20
NUMBERS = (
    ("weight", "weight", "{:.3g}"),
    ("β", "beta", "{:.3g}"),
    ("β_norm", "beta_norm", "{:.3g}"),
    ("D", DISTORTION, "{:.2f}"),
    ("R", RATE, "{:.2f}"),
    ("D+R", ELBO, "{:.2f}"),
    ("MSE", MSE, "{:.4f}"),
    ("active", ACTIVE, "{:.0f}"),
)


def print_study(
    table: pd.DataFrame,
    facts: Facts,
    out: Console,
    runs: pd.DataFrame | None = None,
    asked: Asked = USUAL,
) -> None:
    """Print the front, the decision and what was found.

    Args:
        table: finished trials.
        facts: of the study.
        out: where to.
        runs: a row per run, for how sure the decision is.
        asked: for more than the usual points.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    members = front(table, facts.objectives)
    if members.empty:
        out.print("No trial has finished: there is no front yet.")
        return
    advice = decide(table, facts, runs, asked)
    title, marks = f"Front of {facts.name}", names(advice)
    out.print(front_table(title, members, facts.parameters, facts.others, out.width, marks))
    reference = ", ".join(f"{value:.4g}" for value in facts.reference)
    volume = hypervolume(table, facts.objectives, facts.reference)
    out.print(
        f"{len(members)} of {len(table)} finished trials are on the front; hypervolume "
        f"{volume:.5g} below the reference point ({reference})."
    )
    found = one_curve(table)
    if found:
        out.print(found.text)
    if picture := plot(table, facts, advice, out.width):
        out.print(f"\n{picture}", markup=False)
    if why := refusal(table, facts):
        out.print(why, markup=False)
        return
    out.print()
    out.print(advice_table(advice))
    for line in [*(f"{a.name}: {a.method}." for a in advice), *notes(table, facts, advice)]:
        out.print(line, markup=False)
    for line in cautions(table, facts, advice):
        out.print(f"[bold yellow]Careful[/]  {escape(line)}")
    out.print(f"[bold green]Decision[/]  {escape(advice[0].text)}")


def front_table(
    title: str,
    members: pd.DataFrame,
    parameters: Sequence[str],
    others: Sequence[str],
    width: int,
    marks: dict[int, str],
) -> Table:
    """The trials of a front, from low to high rate, thinned to ROWS.

    Columns that do not fit into `width` are left out, the least telling first, rather than cut:
    half a number is a wrong one.

    Args:
        title: of the table.
        members: of the front; those of several groups have a column GROUP, and one `on_front` where
            some are not.
        parameters: that were searched; of these, those that differ are shown.
        others: objectives beside the usual columns.
        width: in characters.
        marks: what trials are named for, by their numbers.
    """
    rows = _thinned(members, marks)
    varied = [p for p in parameters if p != "objective.weight" and members[p].nunique() > 1]
    short = dict(zip(varied, short_names(varied), strict=True))
    columns = {GROUP: [str(row[GROUP]) for row in rows]} if GROUP in members else {}
    columns |= {"trial": [str(row["trial"]) for row in rows]}
    columns |= {short[p]: [text(row[p]) for row in rows] for p in varied}
    for name, key, form in NUMBERS:
        columns[name] = [form.format(row[key]) for row in rows]
    for metric in others:
        columns[label(metric)] = [f"{row[metric]:.3g}" for row in rows]
    columns[""] = [marks.get(row["trial"], "front" if row.get("on_front") else "") for row in rows]
    droppable = ["weight", *(short[p] for p in reversed(varied)), "D+R", "active", "β_norm"]
    while _width(columns) > width and droppable:
        columns.pop(droppable.pop(0))
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    words = {"", GROUP, *short.values()}
    for name in columns:
        table.add_column(name, justify="left" if name in words else "right", no_wrap=True)
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*map(escape, cells), style="bold" if cells[-1] else None)
    left_out = len(members) - len(rows)
    units = "D, R in nats per example; MSE per pixel"
    table.caption = f"{units}; {left_out} rows of the front left out" if left_out else units
    table.caption_justify = "left"
    return table


OWN = frozenset({"trial", *(name for name, _, _ in NUMBERS)})


def short_names(keys: Sequence[str], own: frozenset[str] = OWN) -> list[str]:
    """The last parts of dotted keys, as many as it takes to tell them from each other and from the
    `own` columns of the table that they stand in."""

    def ends(key: str) -> list[str]:
        parts = key.rpartition("@")[2].split(".")
        return [".".join(parts[-n:]) for n in range(1, len(parts) + 1)]

    def shortest(key: str) -> str:
        taken = own.union(*(ends(other) for other in keys if other != key))
        return next((name for name in ends(key) if name not in taken), key)

    return [shortest(key) for key in keys]


def _width(columns: dict[str, list[str]]) -> int:
    return sum(1 + max(map(len, [name, *cells])) for name, cells in columns.items())


def advice_table(advice: Sequence[Advice]) -> Table:
    """The β of each named point in every convention."""
    table = Table(title="The same β in every convention", title_justify="left", box=None)
    table.add_column("write")
    marks = names(advice)
    for trial, name in marks.items():
        table.add_column(f"{name} (trial {trial})", justify="right")
    for name, cells in in_every_row([next(a for a in advice if a.trial == t) for t in marks]):
        table.add_row(name, *cells)
    return table


def _thinned(members: pd.DataFrame, keep: dict[int, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = members.to_dict("records")  # type: ignore[assignment]
    if len(rows) <= ROWS:
        return rows
    step = (len(rows) - 1) / (ROWS - 1 - len(keep))
    chosen = {round(i * step) for i in range(ROWS - len(keep))}
    return [row for i, row in enumerate(rows) if i in chosen or row["trial"] in keep]
