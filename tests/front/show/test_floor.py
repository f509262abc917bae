"""The linear-Gaussian front of a study's data, where its plane is drawn."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from betafront.front import Facts
from betafront.front.comparison import Group, compare
from betafront.front.floor import NAME, SAYS, Floor, named
from betafront.front.show.comparison import comparison_figure
from betafront.front.show.picture import front_figure
from betafront.front.show.plane import plane_figure
from betafront.front.show.report import Chapter, write_page

FLOOR = Floor((9.0, 3.0, 1.0, 0.1), (0.0, 2.0, 6.0, 40.0), (5.0, 3.0, -1.0, -30.0))
BESIDE = [[0.0, 2.0, 6.0, 9.0], [5.0, 3.0, -1.0, -1 - 29 * 3 / 34]]
"""Of the trials, of which none has a rate above 9."""


@pytest.fixture
def beside(table: pd.DataFrame) -> pd.DataFrame:
    """The trials, the first of which has a rate of 9."""
    return table.assign(**{"val/rate": table["val/rate"] * 9 / table["val/rate"].max()})


def test_the_page_draws_it_and_says_what_it_is(
    beside: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    chapter = Chapter(replace(facts, floor=FLOOR), beside, pd.DataFrame())
    write_page([chapter], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    data = json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])
    (line,) = data["floors"]
    assert line["name"] == NAME and SAYS in text
    assert np.allclose([line["val/rate"], line["val/distortion"]], BESIDE, rtol=1e-4)
    write_page([Chapter(facts, beside, pd.DataFrame())], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert SAYS not in text and '"floors":[]' in text


def test_the_picture_draws_it_beside_the_trials(beside: pd.DataFrame, facts: Facts) -> None:
    without = front_figure(beside, facts).axes[0]
    axes = front_figure(beside, replace(facts, floor=FLOOR)).axes[0]
    (line,) = (one for one in axes.lines if str(one.get_label()).startswith(NAME))
    assert np.allclose(line.get_xydata().T, BESIDE) and line.get_linestyle() == "--"
    assert "not converged or too weak" in str(line.get_label())
    (bottom, top), before = axes.get_ylim(), without.get_ylim()
    assert axes.get_xlim() == without.get_xlim() and bottom < BESIDE[1][-1] < before[0]
    assert top == before[1] + 0.03 * (before[1] - bottom)  # so that no mark is cut in two
    traces = {
        trace.name: trace for trace in plane_figure(beside, replace(facts, floor=FLOOR), []).data
    }
    assert np.allclose(traces[NAME].y, BESIDE[1])


def test_studies_of_the_same_data_have_one_line(beside: pd.DataFrame, facts: Facts) -> None:
    assert named({"a": FLOOR, "b": FLOOR}) == {f"{NAME}, of all": FLOOR}
    assert named({"a": FLOOR, "b": None}) == {f"{NAME}, of a": FLOOR}
    assert named({"a": FLOOR}) == {NAME: FLOOR}
    other = replace(FLOOR, beta=(8.0, 3.0, 1.0, 0.1))
    many = named({"a": FLOOR, "b": other, "c": other, "d": other, "e": None})
    assert many == {f"{NAME}, of a": FLOOR, f"{NAME}, of b, c and d": other}
    both = named({"a": FLOOR, "b": other})
    groups = [Group(name, beside, beside.assign(replicate=0)) for name in "ab"]
    found = compare(groups, facts.objectives, facts.reference)
    axes = comparison_figure(found, groups, {"a": FLOOR, "b": other}).axes[0]
    labels = [str(line.get_label()).partition(":")[0] for line in axes.lines]
    assert [label for label in labels if label.startswith(NAME)] == list(both)
