"""The numbers that the page's scripts draw; the page holds each of them once."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from betafront.front.attainment import attainment_surfaces, common_replicates
from betafront.front.comparison import Group
from betafront.front.curves import AS_WRITTEN, OF_CURVE, curves
from betafront.front.decision import names
from betafront.front.floor import named
from betafront.front.front import nondominated
from betafront.front.history import hypervolumes
from betafront.front.importance import importance
from betafront.front.show.report.chapter import Chapter, LatentsShown
from betafront.front.show.standings import NUMBERS, standings_of
from betafront.front.slope import hull_slopes
from betafront.front.table import (
    DISTORTION,
    ELBO,
    GROUP,
    METRICS,
    RATE,
    SCALE,
    STANDING,
    label,
    of_layers,
    present,
    usable,
)

DIGITS = 6  # of every number in the page,
COARSE = 3  # but of those that are colours


def page_data(chapters: Sequence[Chapter], groups: Sequence[Group]) -> dict[str, Any]:
    """The data of the page.

    Args:
        chapters: the studies.
        groups: one, or several that are compared.
    """
    objectives = chapters[0].facts.objectives
    parameters = list(dict.fromkeys(p for c in chapters for p in c.facts.parameters))
    table = _every_trial(groups, objectives)
    others = [m for c in chapters for m in c.facts.others]
    told = ["study", GROUP, "trial", *parameters, "normalisation", STANDING, OF_CURVE, AS_WRITTEN]
    numbers = [*SCALE, *METRICS, *of_layers(table), "seconds", *others, *NUMBERS]
    spread = [f"sd/{m}" for m in objectives]
    columns = present(table, dict.fromkeys([*told, *numbers, "on_front", *spread]))
    return {
        "objectives": [{"key": k, "direction": d} for k, d in objectives.items()],
        "columns": {c: _plain(table[c]) for c in columns},
        "labels": {c: NUMBERS.get(c) or label(c) for c in columns},
        "parameters": [p for p in parameters if p in columns],
        "groups": [g.name for g in groups],
        "oneScale": all(c.facts.one_scale for c in chapters),
        "bands": {g.name: _bands(g, objectives) for g in groups if len(objectives) == 2},
        "named": _named(chapters),
        "history": {c.facts.name: _history(c) for c in chapters},
        "slopes": {c.facts.name: _slopes(c) for c in chapters},
        "importances": {c.facts.name: _importances(c) for c in chapters},
        "shown": {c.facts.name: _shown(c) for c in chapters},
        "standingColumns": [STANDING, *NUMBERS],
        "standings": {c.facts.name: standings_of(c.table) for c in chapters},
        "thumbnails": {c.facts.name: c.thumbnails for c in chapters},
        "links": {c.facts.name: c.links for c in chapters},
        "floors": _floors(chapters, table),
        "curves": [curve for group in groups for curve in _curves(group, table)],
        "truths": {c.facts.name: c.truth.nll for c in chapters if c.truth},
        "needs": {c.facts.name: c.needs for c in chapters},
    }


def _every_trial(groups: Sequence[Group], objectives: Mapping[str, str]) -> pd.DataFrame:
    """All points, with the columns `study`, GROUP and `on_front` (of the group)."""
    tables = []
    for g in groups:
        on_front = nondominated(g.table, objectives)
        whose = {"study": g.study or g.name, GROUP: g.name, "on_front": on_front}
        tables.append(g.table.assign(**whose))
    return pd.concat(tables, ignore_index=True)


def _bands(group: Group, objectives: Mapping[str, str]) -> dict[str, Any]:
    """The surfaces that a quarter, a half and three quarters of the replicates attain."""
    runs = common_replicates(group.runs)
    if runs.empty or runs["replicate"].nunique() < 2:
        return {}
    surfaces = attainment_surfaces(runs, objectives)
    return {f"{level:.0f}": [_short(p) for p in surface] for level, surface in surfaces.items()}


def _named(chapters: Sequence[Chapter]) -> list[dict[str, Any]]:
    """The advised points."""
    found = []
    for chapter in chapters:
        for (trial, beta), name in names(chapter.advice).items():
            place = {"study": chapter.facts.name, "trial": trial, "beta": _short([beta])[0]}
            found.append({**place, "text": f"{name}, β {beta:.2g}"})
    return found


def _curves(group: Group, table: pd.DataFrame) -> list[dict[str, Any]]:
    """The curves of a group: the name of each, and the places of its points among all rows.

    Args:
        group: whose curves are meant.
        table: every row of the page.
    """
    mine = table[table[GROUP] == group.name]
    return [
        {"name": name, "group": group.name, "rows": points.index.tolist()}
        for name, points in curves(mine)
    ]


def _floors(chapters: Sequence[Chapter], table: pd.DataFrame) -> list[dict[str, Any]]:
    """The linear-Gaussian fronts of the studies' data beside the trials, for the plane of rate and
    distortion."""
    kept = {c.facts.name: c.facts.floor for c in chapters}
    return [
        {"name": name, RATE: _short(floor.rate), DISTORTION: _short(floor.distortion)}
        for name, whole in named(kept).items()
        for floor in [whole.beside(table[RATE])]
    ]


def _history(chapter: Chapter) -> dict[str, list[float]]:
    found = hypervolumes(chapter.table, chapter.facts.objectives, chapter.facts.reference)
    return {"trial": found["trial"].tolist(), "hypervolume": _short(found["hypervolume"])}


def _slopes(chapter: Chapter) -> dict[str, list[Any]]:
    """The slopes of the hull at its corners, where the front is of rate and distortion."""
    if not chapter.facts.rate_distortion:
        return {}
    found = hull_slopes(usable(chapter.table))
    found = found[found["beta"] > 0]  # the axes are logarithmic
    return {str(name): _plain(found[name]) for name in found}


def _importances(chapter: Chapter) -> list[dict[str, Any]]:
    facts = chapter.facts
    metrics = [*facts.objectives, *([ELBO] if facts.one_scale else [])]
    found = importance(chapter.table, facts.parameters, list(dict.fromkeys(metrics)))
    return [
        {
            "label": label(one.metric),
            "parameters": list(one.shares),
            "shares": _short(one.shares.values()),
            "explained": round(one.explained, 3),
        }
        for one in found
    ]


def _shown(chapter: Chapter) -> list[dict[str, Any]]:
    return [
        {
            "trial": one.trial,
            "trace": {key: _short(values) for key, values in one.trace.items()},
            "spectrum": _short(one.spectrum),
            "widths": list(one.widths),
            "latents": _latents(one.latents) if one.latents else None,
        }
        for one in chapter.shown
    ]


def _latents(found: LatentsShown) -> dict[str, Any]:
    kl = [_short(row, COARSE) for row in found.kl]
    return {**asdict(found), "kl": kl}


def _plain(column: "pd.Series[Any]") -> list[Any]:
    if pd.api.types.is_float_dtype(column):
        return _short(column)
    return [None if pd.isna(value) else value for value in column.tolist()]


def _short(values: Iterable[float], digits: int = DIGITS) -> list[float | None]:
    """Rounded numbers; None for NaN and infinity, which JSON does not have."""
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in map(float, values)]
