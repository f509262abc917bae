"""What was predicted of a study by its scout, as its storage keeps it."""

import math
from collections.abc import Mapping
from typing import Any

from betafront.front.scout import POINTS, At, Scout

SCOUT = "scout"
"""The study's user attribute that holds its scout, and the name of its folder."""


def scout(settings: Mapping[str, Any]) -> Scout | None:
    """The scout of a study; None where it had none, or where what is kept cannot be read.

    Args:
        settings: the user attributes of the study.
    """
    kept = settings.get(SCOUT)
    if not isinstance(kept, Mapping):  # another program may use the name
        return None
    if failed := kept.get("failed"):
        return Scout(_points(kept.get("forecast")), {}, failed=str(failed))
    numbers = [kept.get(key) for key in ("seconds", "steps", "low", "high")]
    if not all(map(_is_number, numbers)):
        return None
    seconds, steps, low, high = map(float, numbers)  # type: ignore[arg-type]
    forecast, found = _points(kept.get("forecast")), _points(kept.get("points"))
    return Scout(forecast, found, seconds, int(steps), low, high)


def written(points: Mapping[str, At]) -> dict[str, list[float | None]]:
    """Points as the storage keeps them."""
    return {name: [at.beta, at.distortion, at.rate] for name, at in points.items()}


def _points(kept: Any) -> dict[str, At]:
    found = {}
    for name in POINTS:
        at = kept.get(name) if isinstance(kept, Mapping) else None
        if isinstance(at, list) and len(at) == 3 and _is_number(at[0]):
            distortion, rate = (value if _is_number(value) else None for value in at[1:])
            found[name] = At(at[0], distortion, rate)
    return found


def _is_number(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value)
