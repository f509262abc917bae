"""The one form in which fronts are compared: a table of finished trials, and facts beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

RATE, DISTORTION, ELBO, MSE = "val/rate", "val/distortion", "val/negative_elbo", "val/mse"
ACTIVE = "val/active_units"
GROUP = "group"  # the column that says whose trial it is, where there are several groups

UNITS = {
    "rate": "nats",
    "distortion": "nats",
    "negative_elbo": "nats",
    "mse": "per pixel",
    "bits_per_dim": "bits/dim",
}

ACRONYMS = {"dci", "irs", "iwae", "kl", "mig", "mmd", "mse", "psnr", "sap", "ssim"}
DOMINATED = 0.45  # the opacity of trials that are not on the front


@dataclass(frozen=True)
class Reach:
    """How far the weight was searched.

    Attributes:
        low, high: the ends, of the weight as written.
        lower, higher: overrides that search further at either end; empty where nothing lies there.
    """

    low: float
    high: float
    lower: str
    higher: str

    def share(self, weight: float) -> float:
        """How far between the ends a weight lies, 0 to 1; in orders of magnitude where both ends
        are above 0."""
        if self.high <= self.low:
            return 0.0
        if self.low > 0:
            return math.log(weight / self.low) / math.log(self.high / self.low)
        return (weight - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Facts:
    """What a page or a picture says of a study beside its trials.

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
        reach: how far the weight was searched; None where it was not, or by no numbers.
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

    @property
    def rate_distortion(self) -> bool:
        """Whether the front is that of rate and distortion, and all distortions compare."""
        return self.one_scale and set(self.objectives) == {RATE, DISTORTION}

    @property
    def others(self) -> list[str]:
        """The objectives beside those that every table shows."""
        return [m for m in self.objectives if m not in (RATE, DISTORTION, ELBO, MSE, ACTIVE)]


def trials_table(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """A table with one row per finished trial.

    Columns: `trial`; the searched parameters; `weight`, `normalisation`, `beta`, `beta_norm`,
    `sigma`, `pixels`, `latents`; every metric as `split/name`; `seconds`; `folder`;
    `started` and `finished` in Unix seconds.
    """
    table = pd.DataFrame(list(rows))
    return table.sort_values("trial", ignore_index=True) if len(table) else table


def usable(table: pd.DataFrame) -> pd.DataFrame:
    """The trials that have a β to recommend: those that came to what they were held to, if they
    were held to anything."""
    return table[table["reached"] != False] if "reached" in table else table  # noqa: E712


def text(value: object) -> str:
    """A value in a table: four significant digits, or the word; nothing where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def label(metric: str) -> str:
    """The axis label of a metric, with its unit: `val/rate` is `rate R (nats)`."""
    name = metric.rsplit("/", maxsplit=1)[-1]
    symbol = {"rate": "rate R", "distortion": "distortion D", "negative_elbo": "−ELBO, D + R"}
    plain = " ".join(w.upper() if w in ACRONYMS else w for w in name.split("_"))
    words = symbol.get(name, plain)
    return f"{words} ({UNITS[name]})" if name in UNITS else words
