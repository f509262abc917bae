"""`betafront compare`: fronts of studies side by side, or of groups within one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from betafront.errors import UserError, near_miss
from betafront.front import console, print_next
from betafront.front.comparison import Comparison, Group, compare
from betafront.front.front import maximised
from betafront.front.report import write_page
from betafront.front.side_by_side import draw_comparison, print_comparison
from betafront.study.additions import additions
from betafront.study.chapter import chapter
from betafront.study.gallery import ROOM
from betafront.study.lines import word
from betafront.study.records import run_rows, table
from betafront.study.report import links_of
from betafront.tracking import Reader

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.spec import Spec

Found = Sequence[tuple["Study", "Spec"]]


@dataclass(frozen=True)
class Compared:
    """Groups beside each other.

    Attributes:
        found: what came of it.
        groups: in the order in which they were named.
        parameters: that any of the studies searches.
    """

    found: Comparison
    groups: list[Group]
    parameters: list[str]


def compare_studies(found: Found, by: str | None = None) -> Compared:
    """Measure the fronts of studies beside each other.

    Args:
        found: the studies; one is enough where its trials are grouped.
        by: a searched parameter, by whose values the trials of each study make groups.

    Raises:
        UserError: there is nothing to compare, or it does not compare.
    """
    specs = [spec for _, spec in found]
    for one, other in combinations(specs, 2):
        if one.objectives != other.objectives:
            raise UserError(
                f"{one.name} and {other.name} have other objectives ({', '.join(one.objectives)}, "
                f"and {', '.join(other.objectives)}): fronts compare by the same ones"
            )
        if why := one.comparable(other, one.objectives):
            raise UserError(f"{why}: their fronts do not compare")
    groups = [group for study, spec in found for group in _groups(study, spec, by, len(found) > 1)]
    if len(groups) < 2:
        raise UserError(
            "there is only one group: name another study, or a parameter with --by that has several"
            " values"
        )
    parameters = [key for key in dict.fromkeys(k for s in specs for k in s.space) if key != by]
    return Compared(compare(groups, specs[0].objectives, _worst(specs)), groups, parameters)


def show(
    compared: Compared,
    csv: Path | None = None,
    png: Path | None = None,
    html: tuple[Found, Path] | None = None,
) -> None:
    """Print a comparison, and write the files that are asked for: all trials, the fronts as a
    picture, and the page of the studies."""
    out, found = console(), compared.found
    print_comparison(found, compared.parameters, out)
    written = []
    if csv is not None:
        csv.parent.mkdir(parents=True, exist_ok=True)
        found.table.to_csv(csv, index=False)
        written.append(("table", csv.absolute()))
    if png is not None:
        draw_comparison(found, compared.groups, png)
        written.append(("picture", png.absolute()))
    if html is not None:
        studies, path = html
        looked = Reader()
        room = ROOM // len(studies)
        chapters = [chapter(study, spec, links_of(looked, spec), room) for study, spec in studies]
        write_page(chapters, path, compared.groups, found)
        written.append(("page", path.absolute()))
    print_next(written, out)


def _groups(study: "Study", spec: "Spec", by: str | None, several: bool) -> list[Group]:
    trials = study.get_trials(deepcopy=False)
    rows, runs = table(trials, additions(study.user_attrs)), pd.DataFrame(run_rows(trials))
    if rows.empty:
        raise UserError(f"no trial of {spec.name} has finished: there is no front to compare")
    if by is None:
        return [Group(spec.name, rows, runs)]
    if by not in rows:
        guess = near_miss(by, list(spec.space))
        raise UserError(f"{spec.name} does not search {by}: {guess}")
    head = f"{spec.name} " if several else ""
    return [
        Group(head + word(by.rpartition(".")[2], value), part, runs[runs[by] == value], spec.name)
        for value, part in rows.groupby(by, sort=True)
    ]


def _worst(specs: "Sequence[Spec]") -> list[float]:
    """The reference point within which all of them lie."""
    signs = np.where(maximised(specs[0].objectives), -1.0, 1.0)
    points = np.array([spec.reference for spec in specs], float) * signs
    return [float(value) for value in points.max(0) * signs]


def as_json(found: Comparison) -> dict[str, Any]:
    """The comparison without its trials."""
    sides = [
        {
            "name": side.name,
            "trials": side.trials,
            "front": side.shape.points,
            "hypervolume": side.shape.hypervolume,
            "interval": [side.volume.low, side.volume.high] if side.volume else None,
            "spread": side.shape.spread,
            "gap": side.shape.gap,
            "on_joint_front": side.joint,
            "lost_without": side.lost,
        }
        for side in found.sides
    ]
    pairs: list[Mapping[str, Any]] = [
        {
            "one": pair.one,
            "other": pair.other,
            "epsilon": pair.indicators.epsilon,
            "igd_plus": pair.indicators.igd_plus,
            "covered": pair.indicators.covered,
            "p": pair.p,
        }
        for pair in found.pairs
    ]
    return {
        "objectives": found.objectives,
        "reference": found.reference,
        "groups": sides,
        "pairs": pairs,
    }
