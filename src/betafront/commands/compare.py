"""`betafront compare`: fronts of studies side by side, or of groups within one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from betafront.config.overrides import bare
from betafront.errors import UserError, near_miss
from betafront.files import check_target, write_whole
from betafront.front.comparison import Comparison, Group
from betafront.front.comparison import compare as measure
from betafront.front.front import maximised
from betafront.front.show.comparison import draw_comparison, print_comparison
from betafront.front.show.report import write_page
from betafront.front.show.terminal import short_names
from betafront.front.table import DISTORTION
from betafront.study.display.chapter import chapter
from betafront.study.display.gallery import ROOM
from betafront.study.display.lines import word
from betafront.study.display.report import links_of
from betafront.study.lookup import find_study
from betafront.study.results.added_metrics import additions
from betafront.study.results.table import runs_table, table
from betafront.terminal import console, print_json, print_next
from betafront.tracking import Reader

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.spec import Spec

MOST = 8  # groups; there are so many markers
Found = Sequence[tuple["Study", "Spec"]]


@dataclass(frozen=True)
class Compared:
    """A comparison and its groups.

    Attributes:
        found: the comparison.
        groups: in the order in which they were named.
        parameters: that any of the studies searches.
    """

    found: Comparison
    groups: list[Group]
    parameters: list[str]


def compare(
    names: Sequence[str],
    by: str | None = None,
    as_json: bool = False,
    csv: Path | None = None,
    png: Path | None = None,
    html: Path | None = None,
) -> None:
    """Print the fronts of studies beside each other, and write the files that are asked for.

    Args:
        names: of the studies; empty for the newest.
        by: a searched parameter, by whose values the trials of each study make groups.
        as_json: print JSON, and write no files.
        csv, png, html: all trials, the fronts as a picture, and the page of the studies.

    Raises:
        UserError: there is nothing to compare, it does not compare, or a file cannot be written.
    """
    found = [find_study(name) for name in names] or [find_study(None)]
    if as_json and any((csv, png, html)):
        raise UserError("--json prints the comparison alone: leave out --csv, --png and --html")
    for path in filter(None, (csv, png, html)):
        check_target(path)
    compared = compare_studies(found, by)
    if as_json:
        print_json(comparison_as_json(compared.found))
        return
    show(compared, csv, png, None if html is None else (found, html))


def compare_studies(found: Found, by: str | None = None) -> Compared:
    """Compare the fronts of studies, or of groups within one.

    Args:
        found: the studies; one is enough where its trials are grouped.
        by: a searched parameter, by whose values the trials of each study make groups.

    Raises:
        UserError: there is nothing to compare, or it does not compare.
    """
    specs = [spec for _, spec in found]
    if twice := [name for name, n in Counter(spec.name for spec in specs).items() if n > 1]:
        raise UserError(f"{twice[0]} is named twice")
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
    if len(groups) > MOST:
        raise UserError(
            f"there are {len(groups)} groups, and no more than {MOST} can be told apart: take a "
            "parameter with fewer values"
        )
    searched = dict.fromkeys(key for spec in specs for key in spec.space)
    parameters = [key for key in searched if by not in (key, bare(key))]
    one_scale = all(spec.one_scale for spec in specs) and not any(
        one.comparable(other, [DISTORTION]) for one, other in combinations(specs, 2)
    )
    measured = measure(groups, specs[0].objectives, _worst(specs), one_scale)
    return Compared(measured, groups, parameters)


def show(
    compared: Compared,
    csv: Path | None = None,
    png: Path | None = None,
    html: tuple[Found, Path] | None = None,
) -> None:
    """Print a comparison, and write the files that were asked for: all trials, the fronts as a
    picture, and the page of the studies."""
    out, found = console(), compared.found
    print_comparison(found, compared.parameters, out)
    written = []
    if csv is not None:
        write_whole(csv, found.table.to_csv(index=False))
        written.append(("table", csv.absolute()))
    if png is not None:
        draw_comparison(found, compared.groups, png)
        written.append(("picture", png.absolute()))
    if html is not None:
        studies, path = html
        reader = Reader()
        room = ROOM // len(studies)
        chapters = [chapter(study, spec, links_of(reader, spec), room) for study, spec in studies]
        write_page(chapters, path, compared.groups, found)
        written.append(("page", path.absolute()))
    print_next(written, out)


def _groups(study: "Study", spec: "Spec", by: str | None, several: bool) -> list[Group]:
    trials = study.get_trials(deepcopy=False)
    rows, runs = table(trials, additions(study.user_attrs)), runs_table(trials)
    if rows.empty:
        raise UserError(f"no trial of {spec.name} has finished: there is no front to compare")
    if by is None:
        return [Group(spec.name, rows, runs)]
    key = next((key for key in spec.space if by in (key, bare(key))), None)
    if key is None:
        guess = near_miss(by, map(bare, spec.space))
        raise UserError(f"{spec.name} does not search {by}: {guess}")
    if key not in rows:
        raise UserError(f"no finished trial of {spec.name} has {by}")
    head, (short,) = f"{spec.name} " if several else "", short_names([by], own=frozenset())
    parts = dict(list(rows.groupby(key, sort=False, dropna=False)))
    names = [f"without {short}" if pd.isna(v) else word(short, v) for v in parts]
    if len(set(names)) < len(names):  # of numbers that differ beyond what is shown
        names = [f"{short}={value!r}" for value in parts]
    return [
        Group(head + name, part, runs[runs["trial"].isin(part["trial"])], spec.name)
        for name, part in zip(names, parts.values(), strict=True)
    ]


def _worst(specs: "Sequence[Spec]") -> list[float]:
    """The reference point that is the worst of all studies in each objective."""
    signs = np.where(maximised(specs[0].objectives), -1.0, 1.0)
    points = np.array([spec.reference for spec in specs], float) * signs
    return [float(value) for value in points.max(0) * signs]


def comparison_as_json(found: Comparison) -> dict[str, Any]:
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
            "off_their_line": side.off,
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
