"""What fronts are made of: a table of finished trials, and the facts of their study."""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from betafront.front.curves import AS_WRITTEN, OF_CURVE, Point, are_among
from betafront.front.floor import Floor
from betafront.metrics.catalogue import metric

if TYPE_CHECKING:
    from betafront.front.decision.confirmation.confirmed import Confirmation
    from betafront.front.scout import Scout

RATE, DISTORTION, ELBO, MSE = "val/rate", "val/distortion", "val/negative_elbo", "val/mse"
ACTIVE, PERPLEXITY = "val/active_units", "val/perplexity"
METRICS = (DISTORTION, RATE, ELBO, MSE, PERPLEXITY, ACTIVE)
"""What a table of trials shows, where they have it."""
OF_LAYER = re.compile(r"val/(rate|active_units)_layer_(\d+)")
PLANE = {RATE: "minimize", DISTORTION: "minimize"}
STANDING = "standing"  # the column of how a run stands, a state of `betafront.training.standing`
CAUSE = "cause"  # that of why a run has collapsed, one of `betafront.training.cause`
GROUP = "group"  # the column that says which group a trial is of, where there are several

# The columns that are no metrics: the head of a column, and the label of an axis.
SCALE = {
    "weight": ("weight", "weight, as written"),
    "beta": ("β", "canonical β"),
    "beta_norm": ("β_norm", "β_norm"),
    "sigma": ("σ", "σ"),
}

FORMATS = {  # of the numbers in tables
    "weight": ".3g",
    "beta": ".3g",
    "beta_norm": ".3g",
    "sigma": ".3g",
    DISTORTION: ".2f",
    RATE: ".2f",
    ELBO: ".2f",
    MSE: ".4f",
    PERPLEXITY: ".2f",
    ACTIVE: ".0f",
}

METRIC = ("val/", "test/", "sd/")
"""How the columns of metrics begin, and no other column: nothing that can be searched is called so
(`betafront.config.parts`), whatever characters a user's names have."""

DOMINATED = 0.45  # the opacity of trials that are not on the front


@dataclass(frozen=True)
class Reach:
    """The range in which the weight was searched.

    Attributes:
        low, high: the ends, of the weight as written.
        lower, higher: overrides that search beyond either end; empty where nothing lies there.
    """

    low: float
    high: float
    lower: str
    higher: str

    def share(self, weight: float) -> float:
        """Where between the ends a weight lies, 0 to 1; on a logarithmic scale where both ends are
        above 0."""
        if self.high <= self.low:
            return 0.0
        if self.low > 0:
            return math.log(weight / self.low) / math.log(self.high / self.low)
        return (weight - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Facts:
    """What is known of a study beside its trials.

    Attributes:
        name, question: of the study.
        objectives: metric to direction, in order.
        reference: for the hypervolume, one number per objective.
        pixels, latents: N and M.
        budget: trials asked for.
        counts: trials by state.
        parameters: the searched ones, in order.
        one_scale: whether distortions of all trials compare.
        command: reproduces the study.
        data: name and digest.
        reach: of the weight; None where the weight was not searched, or not over numbers.
        as_forecast: the range of the weight in words, where the forecast gave it; else empty.
        floor: the linear-Gaussian front of its data; None where it was not forecast.
        scout: what was predicted before the first trial; None where no scout was asked for.
        confirmation: what further seeds and more steps said of the decision; None where it was not
            put to that test.
        keep: which weights its runs were asked to keep, `best` or `last`; empty where that was not
            recorded.
        by_epochs: whether epochs said how long its runs are.
        inner: the choice of the model of which one that is conditioned on β was made; empty where
            its models are not conditioned, or it is not known.
        pruned: how many trials were stopped before their last step, in a sentence; empty where none
            was.
    """

    name: str
    question: str
    objectives: dict[str, str]
    reference: Sequence[float]
    pixels: int
    latents: int
    budget: int
    counts: dict[str, int]
    parameters: Sequence[str]
    one_scale: bool
    command: str
    data: str
    reach: Reach | None = None
    as_forecast: str = ""
    floor: Floor | None = None
    scout: "Scout | None" = None
    confirmation: "Confirmation | None" = None
    keep: str = ""
    by_epochs: bool = False
    inner: str = ""
    pruned: str = ""

    @property
    def rate_distortion(self) -> bool:
        """Whether the front is that of rate and distortion, and all distortions compare."""
        return self.one_scale and set(self.objectives) == set(PLANE)

    @property
    def others(self) -> list[str]:
        """The objectives beside the `METRICS`."""
        return [m for m in self.objectives if m not in METRICS]


def trials_table(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """A table with one row per point: that of a finished trial, or where its model is conditioned
    on β those of its curve (`betafront.front.curves`).

    Columns: `trial`; the searched parameters; `weight`, `normalisation`, `beta`, `beta_norm`,
    `sigma`, `pixels`, `latents`; where it was recorded how the run stands
    (`betafront.training.standing.Standing.columns`): `standing`, `kept_step`, `steps`, `falling`,
    `over`, …; of collapsed runs, where it was recorded why (`betafront.training.cause.Cause`):
    `cause`, `beta_c`, `beta_live`, `val_beta_live`, `weight_live`; where a trial was taken over
    from another study, or went on from there, which: `imported`, `continued`; where some trial
    has a curve, whether the point is of one, `of_curve`, and which of its points is at the β of the
    run itself, `as_written`; every metric as `split/name`; `seconds`; `folder`; `started` and
    `finished` in Unix seconds.
    """
    table = pd.DataFrame(list(rows))
    for column in (OF_CURVE, AS_WRITTEN):
        if column in table:
            table[column] = table[column].eq(True)
    if table.empty:
        return table
    return table.sort_values("trial", ignore_index=True, kind="stable")


def is_metric(column: str) -> bool:
    """Whether a column of a table of trials holds a metric: neither a searched parameter nor a fact
    of the trial."""
    return column.startswith(METRIC)


def usable(table: pd.DataFrame) -> pd.DataFrame:
    """The trials whose β can be recommended: all but those in which a controller or a capacity
    missed its target."""
    return table[table["reached"] != False] if "reached" in table else table  # noqa: E712


def present(table: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """Those of the columns in which some trial has a value, in order: data without a squared error
    has no MSE."""
    return [column for column in columns if column in table and table[column].notna().any()]


def of_layers(columns: Iterable[str]) -> list[str]:
    """The metrics of single layers of a hierarchy among some columns: the rates and then the active
    units, of each the lowest layer first."""
    found = [
        (match[1] != "rate", int(match[2]), column)
        for column in columns
        if (match := OF_LAYER.fullmatch(column))
    ]
    return [column for *_, column in sorted(found)]


def thinned(table: pd.DataFrame, most: int, keep: Collection[Point] = ()) -> list[dict[str, Any]]:
    """At most `most` rows, evenly spread, with both ends and all points of `keep`.

    Args:
        table: in the order in which it is to be spread.
        most: rows, two more than `keep` has points.
        keep: points of the table.
    """
    if len(table) > most:
        spread = np.linspace(0, len(table) - 1, most - len(keep)).round().astype(int)
        if keep:
            spread = np.union1d(spread, np.flatnonzero(are_among(table, keep)))
        table = table.iloc[spread]
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return rows


def text(value: object) -> str:
    """A value in a table: four significant digits, or the word; nothing where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def head(column: str) -> str:
    """The head of a table's column: `D` of `val/distortion`, `β` of `beta`."""
    if column in SCALE:
        return SCALE[column][0]
    return metric(column).head if is_metric(column) else column


def label(column: str) -> str:
    """The label of an axis, with the unit: `rate R (nats)` of `val/rate`, `canonical β` of
    `beta`."""
    if column in SCALE:
        return SCALE[column][1]
    return metric(column).axis if is_metric(column) else column


def units(table: pd.DataFrame) -> str:
    """The units of those `METRICS` that a table has, in words."""
    said = "D, R and D + R in nats per example"
    return f"{said}; MSE {metric(MSE).unit}" if present(table, [MSE]) else said
