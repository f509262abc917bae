"""The linear-Gaussian front that was forecast for a study, as its storage keeps it."""

import math
from collections.abc import Mapping
from typing import Any

from betafront.front.floor import Floor

FLOOR = "linear_front"  # a user attribute of the study


def floor(settings: Mapping[str, Any]) -> Floor | None:
    """The front that was forecast; None where there is none, or where it was not kept.

    Args:
        settings: the user attributes of the study.
    """
    kept = settings.get(FLOOR)
    if not isinstance(kept, Mapping):
        return None
    lines = [_line(kept.get(key)) for key in ("beta", "rate", "distortion")]
    whole = min(map(len, lines)) == max(map(len, lines)) > 1
    return Floor(*lines) if whole else None


def _line(found: Any) -> tuple[float, ...]:
    """A list of finite numbers; empty for anything else: other programs write to storages too."""
    numbers = found if isinstance(found, list | tuple) else []
    finite = all(isinstance(x, int | float) and math.isfinite(x) for x in numbers)
    return tuple(map(float, numbers)) if finite else ()
