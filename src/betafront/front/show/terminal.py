"""A front in the terminal: tables of at most 100 columns."""

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from betafront.front.curves import (
    Point,
    are_among,
    curves,
    is_of_curve,
    number_of_points,
    of_curves,
    point_of,
)
from betafront.front.decision import (
    USUAL,
    Advice,
    Asked,
    causes,
    cautions,
    decide,
    each_once,
    in_every_row,
    names,
    notes,
    refusal,
)
from betafront.front.decision.confirmation.confirmed import confirmation_lines, is_confirmed
from betafront.front.front import front, hypervolume
from betafront.front.one_curve import one_curve
from betafront.front.scout import Scout, beside
from betafront.front.show.characters import plot
from betafront.front.show.curve_table import print_curve
from betafront.front.show.standings import counted, not_settled
from betafront.front.table import (
    ACTIVE,
    ELBO,
    FORMATS,
    GROUP,
    METRICS,
    PERPLEXITY,
    STANDING,
    Facts,
    head,
    label,
    of_layers,
    present,
    text,
    thinned,
    units,
)
from betafront.terminal import headed, print_careful, print_sentence
from betafront.training.cause import OPTIMISATION

ROWS = 20
CURVES = 3  # that are shown as tables of their own; of more the page and its table show all
IMPORTED, CURVE = "imported", "of a curve"
SHOWN = ("weight", "beta", "beta_norm", *METRICS)  # where the trials have them
# Left out where a table is too wide, in this order; of the parameters the last ones first.
LESS_TELLING = ("weight", "beta_norm", "parameters", PERPLEXITY, ELBO, ACTIVE)
# The heads of columns that no parameter may have.
OWN = frozenset({"trial", *map(head, SHOWN), STANDING})


def print_study(
    table: pd.DataFrame,
    facts: Facts,
    out: Console,
    runs: pd.DataFrame | None = None,
    asked: Asked = USUAL,
) -> list[Advice]:
    """Print the front as a table and as characters, the decision, and the cautions.

    Args:
        table: finished trials.
        facts: of the study.
        out: where to.
        runs: a row per run, for the intervals of β.
        asked: for more than the usual points.

    Returns:
        The decision, and what is advised beside it; empty where there is no decision.

    Raises:
        UserError: the study cannot answer what was asked.
    """
    members = front(table, facts.objectives)
    if members.empty:
        out.print("No trial has a result: there is no front yet.")
        return []
    advice = decide(table, facts, runs, asked)
    title, marks = f"Front of {facts.name}", names(advice)
    out.print(front_table(title, members, facts.parameters, facts.others, out.width, marks))
    reference = ", ".join(f"{value:.4g}" for value in facts.reference)
    volume = hypervolume(table, facts.objectives, facts.reference)
    every, lies = number_of_points(table, "finished "), "is" if len(members) == 1 else "are"
    out.print(
        f"{len(members)} of {every} {lies} on the front; hypervolume {volume:.5g} below the "
        f"reference point ({reference})."
    )
    for name, points in _curves_beside(members, table):
        print_curve(f"The curve of {name}", points, out)
    if facts.as_forecast:
        out.print(f"Searched: {facts.as_forecast}.")
    if said := counted(table if runs is None else runs):
        out.print(f"{said[0].upper()}{said[1:]}.")
    why = refusal(table, facts, runs)
    for cause, said in causes(table).items():
        if why or cause != OPTIMISATION:  # which is a caution of a decision
            out.print(f"{said}.", markup=False)
    found = one_curve(table)
    if found:
        out.print(found.text)
    if picture := plot(table, facts, advice, out.width):
        out.print(f"\n{picture}", markup=False)
    if facts.scout:
        print_scout(facts.scout, table, out)
    if why:
        print_sentence(why, out)
        return []
    out.print()
    out.print(advice_table(advice))
    for line in [*(f"{a.name}: {a.method}." for a in advice), *notes(table, facts, advice)]:
        out.print(line, markup=False)
    print_careful(cautions(table, facts, advice), out)
    word = ", confirmed" if is_confirmed(facts.confirmation, table, advice) else ""
    out.print(headed(f"Decision{word}", "bold green", advice[0].text))
    for line in confirmation_lines(facts.confirmation, table, advice):
        out.print(line, markup=False)
    return advice


def _curves_beside(
    members: pd.DataFrame, table: pd.DataFrame
) -> list[tuple[str, list[dict[Hashable, Any]]]]:
    """The curves that a few trials have, but for those of which the table of the front has every
    point."""
    found = list(curves(table))
    if len(found) > CURVES:
        return []
    whole = len(members) <= ROWS  # else the table of the front is thinned
    shown = set(map(point_of, members.to_dict("records"))) if whole else set()
    return [
        (name, points.to_dict("records"))
        for name, points in found
        if not are_among(points, shown).all()
    ]


def print_scout(scout: Scout, table: pd.DataFrame, out: Console) -> None:
    """Print what was predicted of a study, beside what its trials found."""
    out.print(f"\n{scout.text}", markup=False)
    columns, rows = beside(scout, table)
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for i, name in enumerate(columns):
        shown.add_column(name, justify="left" if i < 2 else "right")
    for row in rows:
        shown.add_row(*row)
    out.print(shown)


def front_table(
    title: str,
    members: pd.DataFrame,
    parameters: Sequence[str],
    others: Sequence[str],
    width: int,
    marks: Mapping[Point, str],
) -> Table:
    """The points of a front, in its order, thinned to ROWS.

    Columns that do not fit into `width` are left out, and not cut: half a number is a wrong one.

    Args:
        title: of the table.
        members: of the front; those of several groups have a column GROUP, and one `on_front` where
            some are not on it.
        parameters: that were searched; of these, those that differ are shown.
        others: objectives beside the usual metrics.
        width: in characters.
        marks: the names of advised points.
    """
    columns, words = front_columns(members, parameters, others, width, marks)
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name, justify="left" if name in words else "right", no_wrap=True)
    for cells in zip(*columns.values(), strict=True):
        named = set(cells[-1].split(", ")) - {"", IMPORTED, CURVE}
        table.add_row(*cells, style="bold" if named else None)
    left_out = len(members) - len(columns["trial"])
    said = units(members)
    table.caption = f"{said}; {left_out} rows of the front left out" if left_out else said
    table.caption_justify = "left"
    return table


def front_columns(
    members: pd.DataFrame,
    parameters: Sequence[str],
    others: Sequence[str],
    width: int,
    marks: Mapping[Point, str],
) -> tuple[dict[str, list[str]], set[str]]:
    """The columns of the table of a front, each as its head and its cells, and the heads of those
    that hold words. The arguments are those of `front_table`."""
    rows = thinned(members, ROWS, marks)
    varied = [p for p in parameters if p != "objective.weight" and members[p].nunique() > 1]
    short = dict(zip(varied, short_names(varied), strict=True))
    columns = {GROUP: [str(row[GROUP]) for row in rows]} if GROUP in members else {}
    columns |= {"trial": [str(row["trial"]) for row in rows]}
    columns |= {short[p]: [text(row[p]) for row in rows] for p in varied}
    for key in present(members, SHOWN):
        columns[head(key)] = [_number(row[key], FORMATS[key]) for row in rows]
    layers = [m for m in present(members, of_layers(members)) if m not in others]
    for metric in layers:
        columns[head(metric)] = [_number(row[metric], FORMATS[_of_all(metric)]) for row in rows]
    for metric in present(members, others):
        columns[label(metric)] = [_number(row[metric], ".3g") for row in rows]
    for key in present(members, [STANDING]):
        columns[key] = [text(row[key]) for row in rows]
    several = not of_curves(members).all()  # else all are of a curve
    columns[""] = [_marked(row, marks, several and is_of_curve(row)) for row in rows]
    # Said by the line below the table, where all are settled.
    needless = [] if not_settled(members).any() else [STANDING]
    droppable = [*map(head, layers), *_less_telling([short[p] for p in varied])]
    _narrow(columns, width, [*needless, *droppable])
    return columns, {"", GROUP, STANDING, *short.values()}


def _of_all(metric: str) -> str:
    """The metric of all layers that one of a single layer is a part of."""
    return metric.rpartition("_layer_")[0]


def _marked(row: Mapping[str, Any], marks: Mapping[Point, str], curve: bool) -> str:
    """What is to be said of a row: that it is advised or on the front, whether another study had
    trained it, and whether it is of a curve."""
    named = marks.get(point_of(row), "front" if row.get("on_front") else "")
    taken = IMPORTED if isinstance(row.get(IMPORTED), str) else ""
    return ", ".join(word for word in (named, taken, CURVE if curve else "") if word)


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else f"{value:{form}}"


def _less_telling(parameters: Sequence[str]) -> list[str]:
    """The heads of the LESS_TELLING columns, in order."""
    return [
        name
        for key in LESS_TELLING
        for name in (reversed(parameters) if key == "parameters" else [head(key)])
    ]


def _narrow(columns: dict[str, list[str]], width: int, droppable: Sequence[str]) -> None:
    """Take columns of `droppable` out, in order, until the others fit."""
    for name in droppable:
        if sum(1 + max(map(len, [title, *cells])) for title, cells in columns.items()) <= width:
            return
        columns.pop(name, None)


def short_names(keys: Sequence[str], own: frozenset[str] = OWN) -> list[str]:
    """The last parts of keys, as many as it takes to tell the keys from each other and from the
    heads of the table's `own` other columns: `width` of `model/width`, `hidden` of
    `model.hidden`."""

    def ends(key: str) -> list[str]:
        parts = re.split(r"([./])", key.rpartition("@")[2])  # names, and what stands between
        return ["".join(parts[-n:]) for n in range(1, len(parts) + 1, 2)]

    def shortest(key: str) -> str:
        used = own.union(*(ends(other) for other in keys if other != key))
        return next((name for name in ends(key) if name not in used), key)

    return [shortest(key) for key in keys]


def advice_table(advice: Sequence[Advice]) -> Table:
    """The β of each named point in every convention."""
    table = Table(title="The same β in every convention", title_justify="left", box=None)
    table.add_column("write")
    for (trial, _), name in names(advice).items():
        table.add_column(f"{name} (trial {trial})", justify="right")
    for name, cells in in_every_row(each_once(advice)):
        table.add_row(name, *cells)
    return table
