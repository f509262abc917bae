"""The linear-Gaussian front that was forecast for a study, as its storage keeps it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from betafront.front.floor import Floor

FLOOR = "linear_front"  # a user attribute of the study


def floor(settings: Mapping[str, Any]) -> Floor | None:
    """The front that was forecast; None where there is none, or where it was not kept.

    Args:
        settings: the user attributes of the study.
    """
    kept = settings.get(FLOOR)
    lines = [kept.get(key) if isinstance(kept, Mapping) else None for key in Floor.__annotations__]
    if not all(map(_is_line, lines)) or len({len(line) for line in lines}) > 1:
        return None
    return Floor(*(tuple(map(float, line)) for line in lines))


def _is_line(found: Any) -> bool:
    """Whether it is a list of finite numbers: other programs write to storages too."""
    return (
        isinstance(found, Sequence)
        and len(found) > 1
        and all(isinstance(x, int | float) and math.isfinite(x) for x in found)
    )
