"""Which likelihoods are masses of the same thing, counts, so that their distortions compare. Needs
no torch."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

COUNTS = {
    "poisson": "Poisson",
    "negative_binomial": "NegativeBinomial",
    "zero_inflated_poisson": "ZeroInflatedPoisson",
    "zero_inflated_negative_binomial": "ZeroInflatedNegativeBinomial",
}
"""Choices of `conf/likelihood` and their classes: masses of an example's counts; where
`likelihood.total` is given, for their total."""

GIVEN = {"multinomial": "Multinomial"}
"""Those that are for a given total whatever is said."""

OF_COUNTS, OF_GIVEN_TOTAL = "counts", "counts for a given total"


def mass_of(
    settings: Mapping[str, Any], space: Mapping[str, str], command: Iterable[str] = ()
) -> str:
    """What all distortions of a study are minus the log mass of: counts, or counts for a given
    total; empty where they are of anything else, or of several things.

    Args:
        settings: outside of the space, as dotted keys.
        space: parameter to the sweep as written.
        command: the words that the study was made by; what is set below a group that is searched
            stands there alone.
    """
    space = {key.lstrip("+"): sweep for key, sweep in space.items()}
    if "likelihood.total" in space:
        return ""
    searched = space.get("likelihood")
    if searched is None:
        names = {str(settings.get("likelihood._target_")).rpartition(".")[2]}
    else:
        names = set(re.findall(r"\w+", searched)) - {"choice", "tag", "shuffle"}
    total = settings.get("likelihood.total")
    for word in command:
        key, _, value = word.partition("=")
        if key.lstrip("+") == "likelihood.total" and value not in ("null", "None"):
            total = value
    if names <= {*GIVEN, *GIVEN.values()}:
        return OF_GIVEN_TOTAL
    if not names <= {*COUNTS, *COUNTS.values()}:
        return ""
    return OF_COUNTS if total is None else OF_GIVEN_TOTAL
