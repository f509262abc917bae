"""How far a weight was searched, and the override that searches further."""

import pytest

from betafront.study.results.searched_range import reach
from betafront.study.search.distributions import values
from betafront.study.search.grammar import searches

KEY = "objective.weight"
FOUND = {
    "tag(log, interval(0.01, 10))": (0.01, 10.0, [0.001, 10.0], [0.01, 100.0]),
    "interval(0.5,2)": (0.5, 2.0, [0.05, 2.0], [0.5, 20.0]),
    "interval(0,4)": (0.0, 4.0, None, [0.0, 40.0]),
    "range(1,5)": (1.0, 4.0, [0.1, 4.0], [1.0, 40.0]),
    "0.1,10,1": (0.1, 10.0, [0.01, 0.1, 1.0, 10.0], [0.1, 1.0, 10.0, 100.0]),
    "choice(1,4,8)": (1.0, 8.0, [0.25, 1.0, 4.0, 8.0], [1.0, 4.0, 8.0, 16.0]),
}


@pytest.mark.parametrize("written", sorted(FOUND))
def test_the_overrides_are_searches_that_reach_further(written: str) -> None:
    low, high, below, above = FOUND[written]
    found = reach(searches([f"{KEY}={written}"])[KEY])
    assert found is not None
    assert (found.low, found.high) == (low, high)
    for override, ends in ((found.lower, below), (found.higher, above)):
        read = values(searches([override])[KEY]) if override else None
        assert read == (None if ends is None else pytest.approx(ends))


def test_choices_that_are_no_numbers() -> None:
    assert reach(searches([f"{KEY}='${{a}}','${{b}}'"])[KEY]) is None
