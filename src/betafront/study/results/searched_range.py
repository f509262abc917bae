"""How far a study searched the weight, and how to search further."""

from optuna.distributions import BaseDistribution

from betafront.front import Reach
from betafront.study.search.automatic import WEIGHT
from betafront.study.search.distributions import is_choice, values
from betafront.study.search.grammar import name_of, searches
from betafront.study.spec import Spec

FURTHER = 10.0  # factor by which a wider interval reaches beyond one end


def as_forecast(spec: Spec) -> str:
    """The range that the forecast gave for the weight, in words; empty where it gave none."""
    for key in spec.as_forecast:
        if key in spec.space:  # else of a study that somebody has edited
            low, high = values(searches([f"{key}={spec.space[key]}"])[key])
            return f"{name_of(key)} from {low:g} to {high:g}, as forecast"
    return ""


def reach(searched: BaseDistribution) -> Reach | None:
    """How far the weight was searched; None where its choices are no numbers.

    Args:
        searched: what the weight was drawn from.
    """
    ends = values(searched)
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        return None
    every = sorted(map(float, ends))
    if is_choice(searched):
        return Reach(every[0], every[-1], *_choices(every))
    return Reach(every[0], every[-1], *_intervals(*every))


def _intervals(low: float, high: float) -> tuple[str, str]:
    """Overrides that reach below and above an interval; empty below an interval that begins at 0,
    and where no wider interval is possible."""
    if low <= 0:
        return "", f"{WEIGHT}=interval({_text(low)},{_text(high * FURTHER)})" if high > 0 else ""

    def wider(start: float, end: float) -> str:
        return f"{WEIGHT}=tag(log,interval({_text(start)},{_text(end)}))"

    return wider(low / FURTHER, high), wider(low, high * FURTHER)


def _choices(every: list[float]) -> tuple[str, str]:
    """Overrides with one more choice below and above, by the ratio of the two at that end."""
    if len(every) < 2 or every[0] <= 0:
        return "", ""
    below, above = every[0] ** 2 / every[1], every[-1] ** 2 / every[-2]

    def longer(choices: list[float]) -> str:
        return f"{WEIGHT}={','.join(map(_text, choices))}"

    return longer([below, *every]), longer([*every, above])


def _text(number: float) -> str:
    return f"{number:.4g}"
