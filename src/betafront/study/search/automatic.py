"""`objective.weight=auto`: the weight is searched where the forecast says that it is worth it."""

from typing import Any

from betafront.study.search.grammar import name_of

WEIGHT, AUTOMATIC = "objective.weight", "auto"
ANY = "tag(log,interval(1e-300,1e300))"
"""What stands for the range until it is known (`betafront.study.forecast_range`)."""


def is_automatic(key: str, search: Any) -> bool:
    """Whether the range of a parameter is to be that of the forecast.

    Args:
        key: of the parameter.
        search: of it, as it was written or parsed.
    """
    return name_of(key) == WEIGHT and isinstance(search, str) and search.strip() == AUTOMATIC


def asks_for_range(word: str) -> bool:
    """Whether a word of a command is `objective.weight=auto`."""
    key, _, value = word.partition("=")
    return is_automatic(key, value)


def interval(low: float, high: float) -> str:
    """The search of a logarithmic interval, in Hydra's grammar: of floats, whatever the ends.

    >>> interval(1, 15)
    'tag(log,interval(1.0,15.0))'
    """
    return f"tag(log,interval({float(low)!r},{float(high)!r}))"
