"""Values that were added to complete trials later.

They are kept with the study, by the numbers of the trials: a trial that has ended is never changed.
"""

from collections.abc import Mapping
from typing import Any

PREFIX = "evaluated/"


def key(number: int) -> str:
    """The study's user attribute that holds the values added to a trial."""
    return f"{PREFIX}{number}"


def additions(settings: Mapping[str, Any]) -> dict[int, dict[str, float]]:
    """The values that were added, by the numbers of the trials.

    Args:
        settings: the user attributes of the study.
    """
    kept = {n.removeprefix(PREFIX): v for n, v in settings.items() if n.startswith(PREFIX)}
    # Another program may use such a name for something else.
    ours = {n: v for n, v in kept.items() if n.isdecimal() and isinstance(v, Mapping)}
    return {int(number): dict(values) for number, values in ours.items()}
