"""The points of a trial: one, or of a model that is conditioned on β those of its curve."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from betafront.front.curves import AS_WRITTEN, OF_CURVE
from betafront.front.table import CAUSE, STANDING, is_metric
from betafront.training.cause import Cause
from betafront.training.standing import COLLAPSED

SAME = 1e-6  # relative, of two β
OF_COLLAPSE = {STANDING, CAUSE, *(field.name for field in fields(Cause))} - {"beta"}


def points(
    row: Mapping[str, Any], curve: Sequence[Mapping[str, Any]], objectives: Collection[str]
) -> list[dict[str, Any]]:
    """The rows of a trial or a run in a table of points, in rising β: the row itself, and where it
    has a curve one for each other point.

    Args:
        row: of the trial, at the β of its run as written.
        curve: of the trial (`betafront.training.result.Result`); may be empty.
        objectives: of the study; a point of which one is not known is left out.
    """
    kept = [point for point in curve if _is_known(point, objectives)]
    others = [p for p in kept if not math.isclose(p["beta"], row["beta"], rel_tol=SAME)]
    if not others:
        return [dict(row)]
    own = dict(row) | {OF_CURVE: True, AS_WRITTEN: True}
    shared = {key: value for key, value in own.items() if not is_metric(key)}
    shared[AS_WRITTEN] = False
    if shared.get(STANDING) == COLLAPSED:  # at the β of the run itself, and why
        shared = {key: value for key, value in shared.items() if key not in OF_COLLAPSE}
    found = [own, *(shared | _of(point) for point in others)]
    return sorted(found, key=lambda one: float(one["beta"]))


def _is_known(point: Mapping[str, Any], objectives: Collection[str]) -> bool:
    return all(math.isfinite(point["metrics"].get(name, math.nan)) for name in objectives)


def _of(point: Mapping[str, Any]) -> dict[str, Any]:
    """What is a point's own among the columns."""
    scale = {key: point.get(key) for key in ("beta", "beta_norm", "weight", "sigma")}
    spread = {f"sd/{name}": value for name, value in point.get("spread", {}).items()}
    return {**scale, **point["metrics"], **spread}
