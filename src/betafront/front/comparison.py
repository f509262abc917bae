"""Fronts side by side: of studies, or of groups of trials within one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from betafront.front.attainment import (
    Interval,
    bootstrap_mean,
    common_replicates,
    permutation_p,
    replicate_hypervolumes,
)
from betafront.front.curves import trials_of
from betafront.front.front import nondominated
from betafront.front.indicators import Indicators, Shape, indicators_of, shape
from betafront.front.slope import far_off
from betafront.front.table import GROUP, usable


@dataclass(frozen=True)
class Group:
    """Finished trials with a name.

    Attributes:
        name: of the study, or of the value that its trials have in common.
        table: a row per point (`betafront.front.table.trials_table`).
        runs: a row per run, with the column `replicate`.
        study: the name of the study; empty where the group is the whole study, and has its name.
    """

    name: str
    table: pd.DataFrame
    runs: pd.DataFrame
    study: str = ""


@dataclass(frozen=True)
class Side:
    """A group in a comparison.

    Attributes:
        name: of the group.
        trials: the number of its finished trials.
        points: how many points they tell: more where there are curves.
        shape: of its front.
        replicates: the number of replicates that every one of its trials has.
        volume: the mean hypervolume of the fronts of its replicates; None where there is one.
        joint: the number of its points on the front of all groups together.
        lost: the share of the joint hypervolume that is lost without this group.
        off: the number of its points that lie off their own line D + βR, which the best trial of
            all groups touches; None where distortions do not compare.
    """

    name: str
    trials: int
    points: int
    shape: Shape
    replicates: int
    volume: Interval | None
    joint: int
    lost: float
    off: int | None


@dataclass(frozen=True)
class Pair:
    """One group beside another.

    Attributes:
        one, other: the names of the groups.
        indicators: of the front of `one` beside the front of `other`.
        p: of the test that the replicates of `one` have more hypervolume than those of `other`
            (`betafront.front.attainment.permutation_p`); None where either has one replicate.
    """

    one: str
    other: str
    indicators: Indicators
    p: float | None


@dataclass(frozen=True)
class Comparison:
    """Fronts side by side.

    Attributes:
        objectives: metric to direction, in order.
        reference: the worst values of interest, for all hypervolumes here.
        sides: the groups, the greatest `worth` first.
        pairs: every pair of groups, in both orders.
        table: all points, with the columns `group` and `on_front` (of all groups together).
    """

    objectives: dict[str, str]
    reference: list[float]
    sides: list[Side]
    pairs: list[Pair]
    table: pd.DataFrame

    @property
    def replicated(self) -> bool:
        """Whether all groups have replicates: then fronts of single runs are compared."""
        return all(side.volume is not None for side in self.sides)

    def worth(self, side: Side) -> float:
        """The hypervolume by which the groups are ordered: the mean over the fronts of replicates
        where all groups have replicates, else that of the front of the trials."""
        return worth(side, self.replicated)


def worth(side: Side, replicated: bool) -> float:
    """See `Comparison.worth`."""
    return side.volume.value if replicated and side.volume else side.shape.hypervolume


def compare(
    groups: Sequence[Group],
    objectives: Mapping[str, str],
    reference: Sequence[float],
    one_scale: bool = False,
) -> Comparison:
    """Compare groups of trials.

    Args:
        groups: two or more, with the same objectives in the same units on the same data.
        objectives: metric to direction, in order.
        reference: one number per objective.
        one_scale: whether the distortions of all trials compare.

    Raises:
        UserError: a group has no trial, or a value that is no number.
    """
    every = pd.concat([g.table.assign(**{GROUP: g.name}) for g in groups], ignore_index=True)
    every["on_front"] = nondominated(every, objectives)
    sampled = {
        g.name: replicate_hypervolumes(common_replicates(g.runs), objectives, reference)
        for g in groups
    }
    kept = usable(every)
    off = far_off(kept).index if one_scale and len(kept) else None
    sides = [_side(g, every, sampled[g.name], objectives, reference, off) for g in groups]
    pairs = []
    for one, other in permutations(groups, 2):
        a, b = sampled[one.name], sampled[other.name]
        p = permutation_p(a, b) if min(len(a), len(b)) > 1 else None
        found = indicators_of(one.table, other.table, objectives, reference)
        pairs.append(Pair(one.name, other.name, found, p))
    replicated = all(side.volume is not None for side in sides)
    return Comparison(
        objectives=dict(objectives),
        reference=list(reference),
        sides=sorted(sides, key=lambda side: -worth(side, replicated)),
        pairs=pairs,
        table=every,
    )


def _side(
    group: Group,
    every: pd.DataFrame,
    sampled: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    objectives: Mapping[str, str],
    reference: Sequence[float],
    off: "pd.Index[int] | None",
) -> Side:
    mine = every[GROUP] == group.name
    joint = shape(every, objectives, reference).hypervolume
    rest = every[~mine]
    without = shape(rest, objectives, reference).hypervolume if len(rest) else 0.0
    return Side(
        name=group.name,
        trials=len(trials_of(group.table)),
        points=len(group.table),
        shape=shape(group.table, objectives, reference),
        replicates=max(1, len(sampled)),
        volume=bootstrap_mean(sampled) if len(sampled) > 1 else None,
        joint=int((mine & every["on_front"]).sum()),
        lost=(joint - without) / joint if joint > 0 else 0.0,
        off=None if off is None else int(mine[off].sum()),
    )
