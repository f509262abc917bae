"""Fronts of studies side by side, or of groups within one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from betafront import html
from betafront.api.study import Study
from betafront.config.overrides import bare
from betafront.errors import UserError, near_miss
from betafront.front.comparison import Comparison, Group
from betafront.front.comparison import compare as measure
from betafront.front.floor import Floor
from betafront.front.front import maximised
from betafront.front.show.comparison import (
    comparison_figure,
    conclusions,
    draw_comparison,
    in_cells,
)
from betafront.front.show.picture import png_of
from betafront.front.show.report import write_page
from betafront.front.show.terminal import short_names
from betafront.front.table import DISTORTION
from betafront.study.display.chapter import chapter
from betafront.study.display.gallery import ROOM
from betafront.study.display.lines import word
from betafront.study.display.report import links_of
from betafront.study.lookup import find_study
from betafront.study.results.floor import floor
from betafront.study.results.read import read
from betafront.tracking import Reader

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy

    from betafront.study.spec import Spec

MOST = 8  # groups; there are so many markers
Found = Sequence[tuple["OptunaStudy", "Spec"]]


@dataclass(frozen=True)
class Compared:
    """A comparison and its groups.

    Attributes:
        found: the comparison: hypervolumes, how the fronts lie beside each other, all trials.
        groups: in the order in which they were named.
        parameters: that any of the studies searches.
        studies: that were compared.
    """

    found: Comparison
    groups: list[Group] = field(repr=False)
    parameters: list[str]
    studies: Found = field(repr=False)

    @property
    def trials(self) -> pd.DataFrame:
        """All trials, with the columns `group` and `on_front` (of all groups together)."""
        return self.found.table

    @property
    def findings(self) -> list[str]:
        """What the comparison says, a sentence each."""
        return conclusions(self.found)

    @property
    def record(self) -> dict[str, Any]:
        """As plain values, without the trials: what `betafront compare --json` prints."""
        return comparison_as_json(self.found)

    def picture(self, path: str | Path) -> Path:
        """Draw the fronts on one plane, as a PNG file."""
        draw_comparison(self.found, self.groups, Path(path), self._floors)
        return Path(path).absolute()

    def page(self, path: str | Path) -> Path:
        """Write the page of the studies, which opens without a network."""
        reader, room = Reader(), ROOM // len(self.studies)
        chapters = [
            chapter(study, spec, links_of(reader, spec), room) for study, spec in self.studies
        ]
        write_page(chapters, Path(path), self.groups, self.found)
        return Path(path).absolute()

    @property
    def _floors(self) -> dict[str, Floor | None]:
        """The linear-Gaussian fronts of the studies' data, by the names of the studies."""
        return {spec.name: floor(study.user_attrs) for study, spec in self.studies}

    def __repr__(self) -> str:
        return "\n".join(self.findings)

    def _repr_html_(self) -> str:
        sides, pairs = in_cells(self.found)
        png = png_of(comparison_figure(self.found, self.groups, self._floors))
        return (
            html.table(*sides, caption="Groups, the greatest hypervolume first")
            + html.table(*pairs, caption="Each beside the others", words=(0, 1))
            + html.paragraphs(*self.findings)
            + html.picture(png, "the fronts of the groups on one plane")
        )


def compare(*studies: "str | Study", by: str | None = None) -> Compared:
    """Put the fronts of studies beside each other, or of groups within one, as `betafront compare`
    does.

    >>> import betafront
    >>> both = betafront.compare("tiny", by="normalisation")
    >>> sorted(group.name for group in both.groups)
    ['mean', 'sum']
    >>> both.record["groups"][0]["trials"]
    2

    Args:
        studies: their names; the newest where there is none.
        by: a searched parameter, by whose values the trials of each study make groups.

    Raises:
        UserError: there is nothing to compare, or it does not compare.
    """
    named = [study.name if isinstance(study, Study) else study for study in studies]
    return compare_studies([find_study(name) for name in named] or [find_study(None)], by)


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
    return Compared(measured, groups, parameters, found)


def _groups(study: "OptunaStudy", spec: "Spec", by: str | None, several: bool) -> list[Group]:
    found = read(study, spec)
    rows, runs = found.table, found.runs
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
