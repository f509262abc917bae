"""The curve of a trial of several replicates, each of which has one."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

OF_THE_SCALE = ("beta_norm", "weight", "sigma")
Curve = Sequence[Mapping[str, Any]]


def mean_curve(curves: Sequence[Curve]) -> tuple[dict[str, Any], ...]:
    """At each β that all curves have, in rising β, the means over the curves, and the standard
    deviations of the metrics as `spread`.

    Args:
        curves: of the runs of a trial, two or more; none has points where the model is not
            conditioned on β.
    """
    at = [{point["beta"]: point for point in curve} for curve in curves]
    common = sorted(set(at[0]).intersection(*at[1:]))
    return tuple(_mean([points[beta] for points in at]) for beta in common)


def _mean(points: Curve) -> dict[str, Any]:
    first, values = points[0], [point["metrics"] for point in points]
    names = [name for name in values[0] if all(name in of for of in values)]
    scale = {key: mean_of([point.get(key) for point in points]) for key in OF_THE_SCALE}
    return {
        "beta": first["beta"],
        **scale,
        "metrics": {name: statistics.fmean(of[name] for of in values) for name in names},
        "spread": {name: statistics.stdev(of[name] for of in values) for name in names},
    }


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean of those values that are there; None where none is."""
    there = [value for value in values if value is not None]
    return statistics.fmean(there) if there else None
