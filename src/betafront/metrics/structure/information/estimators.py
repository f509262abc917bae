"""Which estimator of information is asked for, with its settings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypedDict, get_args

from betafront.errors import UserError
from betafront.metrics.structure.information.bins import (
    Binning,
    Correction,
    by_bins,
    number_of_bins,
)
from betafront.metrics.structure.information.estimated import Estimated
from betafront.metrics.structure.information.neighbours import LEAST, SHARE, by_neighbours
from betafront.metrics.structure.inputs import Floats, Ints, at_least, known

Name = Literal["neighbours", "bins"]


class How(TypedDict, total=False):
    """Settings of the estimate of information, as every metric that rests on it takes them.

    Attributes:
        estimator: `neighbours`, or `bins`; None or left out: `bins` where any setting of it is
            given, `neighbours` otherwise.
        neighbours: of `neighbours`: k (3 is usual elsewhere); None or left out takes 1 % of the
            examples of each value, and never fewer than 3.
        bins: of `bins`: for each latent; None or left out takes two for each level of the largest
            factor, and never fewer than 20.
        binning: of `bins`: `quantile` (the default) or `width`.
        correction: of `bins`: `miller-madow` (the default) or `none`, the plug-in estimate.
    """

    estimator: Name | None
    neighbours: int | None
    bins: int | None
    binning: Binning | None
    correction: Correction | None


SETTINGS: dict[Name, tuple[str, ...]] = {
    "neighbours": ("neighbours",),
    "bins": ("bins", "binning", "correction"),
}


@dataclass(frozen=True)
class Estimator:
    """How information is estimated.

    Attributes:
        settings: all that the estimates depend on besides codes and factors.
        estimate: of (n, M) codes about the levels of factors.
    """

    settings: dict[str, float | str]
    estimate: Callable[[Floats, list[Ints]], Estimated]


def estimator_of(how: How, levels: list[Ints]) -> Estimator:
    """The estimator that is asked for, for factors with these levels.

    Raises:
        UserError: unknown names, settings of the other estimator, fewer than ten examples a bin.
    """
    if unknown := how.keys() - How.__annotations__.keys():
        raise TypeError(f"got an unexpected keyword argument '{min(unknown)}'")
    given = [key for key in SETTINGS["bins"] if how.get(key) is not None]
    name: Name = how.get("estimator") or ("bins" if given else "neighbours")
    known("estimator", name, get_args(Name))
    for other in SETTINGS.keys() - {name}:
        for setting in SETTINGS[other]:
            if how.get(setting) is not None:
                raise UserError(
                    f"{setting} is a setting of the estimator {other}, and {name} is asked for: "
                    f"leave it out, or give estimator={other}"
                )
    return _by_bins(how, levels) if name == "bins" else _by_neighbours(how)


def _by_bins(how: How, levels: list[Ints]) -> Estimator:
    binning, correction = how.get("binning") or "quantile", how.get("correction") or "miller-madow"
    known("binning", binning, get_args(Binning))
    known("correction", correction, get_args(Correction))
    bins = number_of_bins(how.get("bins"), levels)
    return Estimator(
        {"estimator": "bins", "bins": bins, "binning": binning, "correction": correction},
        partial(by_bins, bins=bins, binning=binning, correction=correction),
    )


def _by_neighbours(how: How) -> Estimator:
    neighbours = how.get("neighbours")
    if neighbours is not None:
        at_least(1, neighbours=neighbours)
    said = f"{SHARE:.0%} of a value, {LEAST} or more" if neighbours is None else neighbours
    return Estimator(
        {"estimator": "neighbours", "neighbours": said},
        partial(by_neighbours, neighbours=neighbours),
    )
