"""Fronts side by side."""

from dataclasses import replace

import pandas as pd
import pytest

from betafront.front.comparison import Group, compare
from betafront.front.show.comparison import conclusions
from betafront.front.table import GROUP

LEAST = {"val/rate": "minimize", "val/distortion": "minimize"}


def group(name: str, *replicates: list[tuple[float, float]]) -> Group:
    runs = pd.DataFrame(
        [(i, t, *point) for i, points in enumerate(replicates) for t, point in enumerate(points)],
        columns=["replicate", "trial", *LEAST],
    )
    return Group(name, runs.groupby("trial", as_index=False).mean(), runs)


def test_by_hand() -> None:
    found = compare(
        [group("a", [(1, 3), (3, 2)]), group("b", [(1, 4), (2, 2), (5, 5)])], LEAST, [6, 6]
    )
    a, b = sorted(found.sides, key=lambda side: side.name)
    assert (a.trials, b.trials) == (2, 3)
    assert (a.shape.hypervolume, b.shape.hypervolume) == (18, 18)
    assert (a.joint, b.joint) == (1, 1)  # (1, 3) and (2, 2)
    # Together 5 x 3 + 4 x 1 = 19, of which each alone has 18.
    assert (a.lost, b.lost) == (1 / 19, 1 / 19)
    assert found.table[found.table["on_front"]][GROUP].tolist() == ["a", "b"]
    (ab, ba) = found.pairs
    assert (ab.one, ab.other, ab.indicators.covered) == ("a", "b", 0.5)
    assert (ab.indicators.epsilon, ba.indicators.epsilon) == (1, 1)
    assert ab.p is None


def test_replicates_give_intervals_and_a_test() -> None:
    good = [[(1 + 0.01 * i, 1.0)] for i in range(3)]
    bad = [[(2 + 0.01 * i, 2.0)] for i in range(3)]
    found = compare([group("bad", *bad), group("good", *good)], LEAST, [4, 4])
    first, second = found.sides
    assert (first.name, second.name) == ("good", "bad")
    assert first.volume is not None
    assert first.volume.low <= first.volume.value <= first.volume.high
    assert {(p.one, p.p) for p in found.pairs} == {("good", 1 / 20), ("bad", 1.0)}


def test_one_group_of_two_adds_nothing() -> None:
    found = compare([group("a", [(1, 1)]), group("b", [(2, 2)])], LEAST, [4, 4])
    assert {s.name: s.lost for s in found.sides} == {"a": pytest.approx(5 / 9), "b": 0}


def test_groups_beyond_the_reference_have_no_more_than_each_other() -> None:
    found = compare([group("a", [(5, 5)]), group("b", [(6, 6)])], LEAST, [4, 4])
    assert conclusions(found)[0] == (
        "No trial of a or b lies below the reference point; a equals or beats every point of b's "
        "front."
    )


def test_runs_off_the_line_that_the_best_of_all_groups_touches() -> None:
    a, b = group("a", [(1, 1), (1, 1.5)]), group("b", [(2, 4)])
    groups = [replace(g, table=g.table.assign(beta=1.0)) for g in (a, b)]
    assert [s.off for s in compare(groups, LEAST, [6, 6]).sides] == [None, None]
    found = compare(groups, LEAST, [6, 6], one_scale=True)
    # D + R is 2 at best, 2.5 and 6: of these 0.5 / √2 is less than a nat and 4 / √2 is more.
    assert [(s.name, s.off) for s in found.sides] == [("a", 0), ("b", 1)]
    (said,) = [line for line in conclusions(found) if "own line" in line]
    assert said.startswith("1 of 1 trials of b lie more than 1 nat off their own line D + βR")
    assert "(trial 0 by 2.83)" in said


def test_single_runs_compare_with_single_runs() -> None:
    """The front of the means of `a` is worse than that of any of its replicates."""
    a = group("a", [(1, 3), (2, 2.9)], [(2, 2.9), (1, 3)])
    b = group("b", [(1.5, 2.95)])
    mixed = compare([a, b], LEAST, [4, 4])
    assert not mixed.replicated
    assert [mixed.worth(side) for side in mixed.sides] == [
        side.shape.hypervolume for side in mixed.sides
    ]
    assert any("a are means of replicates" in line for line in conclusions(mixed))
    both = compare([a, group("b", [(1.4, 2.95)], [(1.4, 2.95)])], LEAST, [4, 4])
    assert both.replicated
    # Of the means: a has 2.5 x 1.05 = 2.625 and b 2.6 x 1.05 = 2.73; of replicates a has
    # 3 x 1 + 2 x 0.1 = 3.2.
    assert [side.name for side in both.sides] == ["a", "b"]
    assert both.worth(both.sides[0]) == pytest.approx(3.2)
    assert both.worth(both.sides[1]) == pytest.approx(2.73)
    assert any("2 and 2 replicates are too few to tell" in line for line in conclusions(both))


def test_replicates_that_some_trials_lack_are_no_fronts() -> None:
    one = group("a", [(1, 3), (3, 1)], [(1, 3), (3, 1)])
    cut = replace(one, name="b", runs=one.runs.drop(index=3))
    found = {side.name: side for side in compare([one, cut], LEAST, [4, 4]).sides}
    assert (found["a"].replicates, found["b"].replicates) == (2, 1)
    assert found["b"].volume is None
