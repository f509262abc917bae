"""The front as characters."""

from io import StringIO

import pandas as pd
import pytest
from rich.console import Console

from betafront.front import Asked, Facts, decide, print_study
from betafront.front.show.characters import ROWS, plot


@pytest.fixture
def table(table: pd.DataFrame) -> pd.DataFrame:
    """Seven trials on the front, one that they dominate, and one beyond the reference point."""
    off = table.iloc[[0, 0]].assign(
        **{"trial": [9, 10], "val/rate": [8.8, 8.9], "val/distortion": [9.0, 1000.0]}
    )
    off["val/negative_elbo"] = off["val/rate"] + off["val/distortion"]
    near = table[table["val/distortion"] < 10]
    return pd.concat([near, off], ignore_index=True)


def inside(picture: str) -> str:
    """What stands within the axes."""
    return "".join(line.partition("│")[2] for line in picture.replace("┤", "│").splitlines())


def test_what_is_printed(table: pd.DataFrame, facts: Facts) -> None:
    advice = decide(table, facts, asked=Asked(rate=1.0))
    assert [a.name for a in advice] == ["best ELBO", "knee", "rate 1"]
    picture = plot(table, facts, advice, 100)
    lines = picture.splitlines()
    assert len(lines) == ROWS + 2
    assert max(map(len, lines)) <= 100
    assert lines[0] == "distortion D (nats)"
    assert lines[-2].strip() == "rate R (nats)"
    assert lines[-1] == (
        "o front   · dominated   1 best ELBO, knee (β = 1)   "
        "2 rate 1 (β = 3)   1 beyond the reference point"
    )
    marks = inside(picture)
    members = len(table) - 2
    assert (marks.count("·"), marks.count("1"), marks.count("2")) == (1, 1, 1)
    assert 0 < marks.count("o") <= members - 2  # two of the same cell are one
    assert "\x1b" not in picture


def test_points_stand_where_they_belong(table: pd.DataFrame, facts: Facts) -> None:
    two = table.iloc[[0, 6]]  # the most rate and the least: lower right, upper left
    rows = [line for line in plot(two, facts, [], 60).splitlines() if "o" in line and "│" in line]
    assert len(rows) == 2
    assert rows[0].index("o") < 10
    assert rows[1].rindex("o") > 50


@pytest.mark.parametrize("trials", [1, 2])
def test_the_first_trials_have_a_picture(table: pd.DataFrame, facts: Facts, trials: int) -> None:
    picture = plot(table.head(trials), facts, [], 60)
    assert inside(picture).count("o") == trials
    assert picture.splitlines()[-1] == "o front"


def test_a_narrow_terminal_has_none(table: pd.DataFrame, facts: Facts) -> None:
    assert plot(table, facts, [], 59) == ""
    for width, there in ((59, False), (60, True)):
        out = StringIO()
        print_study(table, facts, Console(file=out, width=width, force_terminal=True))
        assert ("└┬──" in out.getvalue()) is there
        assert "Decision" in out.getvalue()
