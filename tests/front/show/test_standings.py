"""How runs stand, wherever a front is shown. The tables are synthetic: a run of each kind."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from rich.console import Console

from betafront.front import Facts, cautions, draw_front, print_study
from betafront.front.comparison import Group, compare
from betafront.front.decision import causes
from betafront.front.show import standings
from betafront.front.show.characters import plot
from betafront.front.show.comparison import conclusions, draw_comparison
from betafront.front.show.report import Chapter
from betafront.front.show.report.page_data import page_data
from betafront.front.show.report.sections import front_of
from betafront.front.show.report.sections import standings as section
from betafront.training.cause import Cause
from betafront.training.standing import STATES, Standing

SETTLED = Standing(
    "settled", "", 640, 800, "best", 0.2, 0.3, over=1.1, over_error=0.2, since=640, gap=3.0
)
FALLING = Standing("still falling", "", 800, 800, "last", falling=12.34, falling_error=1.02)
OVERFITTED = Standing("overfitted", "", 8000, 8000, "last", -3.0, 0.4, 57.3, 1.8, 1200, 60.0)
UNKNOWN = Standing("unknown", "", 12, 12, "last")
COLLAPSED = Standing("collapsed", "", 800, 800, "last", scale_off=-0.08)
CAUSES = ("weight", "optimisation")
EACH = [OVERFITTED, OVERFITTED, FALLING, SETTLED, SETTLED, SETTLED, SETTLED, UNKNOWN, COLLAPSED]


def standing(table: pd.DataFrame, each: list[Standing | None]) -> pd.DataFrame:
    columns = pd.DataFrame([one.columns if one else {} for one in each], index=table.index)
    return pd.concat([table, columns], axis=1)


@pytest.fixture
def stood(table: pd.DataFrame) -> pd.DataFrame:
    """The nine trials of the front, those of the smallest β overfitted, and one that is dominated
    and still falling."""
    off = table.iloc[[4]].assign(trial=9, **{"val/rate": 6.0, "val/distortion": 6.0})
    off["val/negative_elbo"] = 12.0
    every = pd.concat([table, off], ignore_index=True)
    return standing(every, [*EACH, FALLING])


def printed(*arguments: Any, width: int = 100) -> list[str]:
    out = StringIO()
    print_study(*arguments[:2], Console(file=out, width=width), *arguments[2:])
    return out.getvalue().splitlines()


def test_counts(stood: pd.DataFrame, table: pd.DataFrame) -> None:
    found = standings.counts(stood)
    assert list(found) == ["settled", "overfitted", "still falling", "collapsed", "unknown"]
    assert list(found.values()) == [4, 2, 2, 1, 1]
    said = "of 10 runs 4 settled, 2 overfitted, 2 still falling, 1 collapsed, 1 unknown"
    assert standings.counted(stood) == said
    assert standings.counted(standing(table, [SETTLED] * 9)) == "all 9 runs are settled"
    part = standing(table, [SETTLED, *[None] * 8])
    assert standings.counted(part, "trials") == "of 9 trials 1 settled, 8 not recorded"
    assert standings.not_settled(part).sum() == 0
    assert standings.not_settled(stood).sum() == 6
    assert set(standings.MEANINGS) == set(STATES)


def test_collapsed_trials_are_told_by_their_cause(
    table: pd.DataFrame, facts: Facts, stood: pd.DataFrame
) -> None:
    weight, stuck = (replace(COLLAPSED, cause=Cause(c, 0, 9.7, 9.7, 9.0)) for c in CAUSES)
    each = [stuck, *[SETTLED] * 6, weight, weight]
    told = standing(table, each)
    by_weight = (
        "2 trials have collapsed by the weight: β from 30 to 100 is above β_c = 9.7, where "
        "collapse is an optimum of the loss"
    )
    by_optimisation = (
        "1 trial has collapsed by the optimisation (0): β = 0.01 is below β_c = 9.7, where latents "
        "are worth their rate and collapse is a saddle. Anneal (schedule=linear)"
    )
    assert causes(told)["weight"] == by_weight
    assert causes(told)["optimisation"].startswith(by_optimisation)
    assert causes(stood) == {}  # a collapsed trial of which it was not recorded
    page = section(Chapter(facts, told, pd.DataFrame()))
    assert by_weight in page and by_optimisation in page
    lines = " ".join(" ".join(printed(told, facts)).split())
    assert lines.count(by_weight) == lines.count(by_optimisation) == 1
    # The end of a front that is meant to be there is no reason to be careful.
    careful = " ".join(cautions(told, facts, []))
    assert by_optimisation in careful and by_weight not in careful
    shown = standings.standings_of(told)
    assert shown[0].startswith("collapsed by the optimisation; β_c = 9.7; ")
    assert shown[7].startswith("collapsed by the weight; β_c = 9.7; ")


def test_a_collapse_too_near_to_tell_is_said_and_no_caution(
    table: pd.DataFrame, facts: Facts
) -> None:
    near = replace(COLLAPSED, cause=Cause("unclear", 9.8, 9.7, 9.7, 9.0))
    told = standing(table, [*[SETTLED] * 8, near])
    assert causes(told)["unclear"].endswith("too near to β_c = 9.7 to say which")
    assert causes(told)["unclear"] in " ".join(" ".join(printed(told, facts)).split())
    assert "too near" not in " ".join(cautions(told, facts, []))


def test_several_likelihoods_have_several_beta_c(table: pd.DataFrame) -> None:
    two = [replace(COLLAPSED, cause=Cause("weight", 0, c, c, c)) for c in (4.88, 9.7)]
    told = standing(table.tail(2), list(two))
    assert "is above β_c = 4.88 to 9.7, where" in causes(told)["weight"]
    few = standing(table.tail(1), [replace(COLLAPSED, cause=Cause("weight", 0, 1100, 24, 26))])
    assert "above β_live = 24 (β_c = 1100, of a direction that few" in causes(few)["weight"]


def test_of_earlier_records_nothing_is_said(
    table: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    assert (standings.counts(table), standings.counted(table)) == ({}, "")
    assert not any("standing" in line or "settled" in line for line in printed(table, facts))
    chapter = Chapter(facts, table, pd.DataFrame())
    assert section(chapter) == ""
    assert "standing" not in front_of(chapter, alone=True)
    data = page_data([chapter], [Group("example", table, pd.DataFrame())])
    assert not {"standing", "kept_step"} & set(data["columns"])
    assert data["standings"] == {"example": {}}


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            SETTLED,
            "settled; it ended 1.1 ± 0.2 nats above its best, of step 640; validation ended 3 nats "
            "above training; weights of step 640 of 800",
        ),
        (
            FALLING,
            "still falling; another doubling of the steps would improve it by 12.3 ± 1 nats; "
            "weights of step 800 of 800",
        ),
        (
            OVERFITTED,
            "overfitted; it ended 57.3 ± 1.8 nats above its best, of step 1,200; validation ended "
            "60 nats above training; weights of step 8,000 of 8,000",
        ),
        (COLLAPSED, "collapsed; its scale -8% off the error; weights of step 800 of 800"),
        (UNKNOWN, "unknown; weights of step 12 of 12"),
    ],
    ids=lambda part: part.state if isinstance(part, Standing) else "",
)
def test_in_words(one: Standing, words: str) -> None:
    """Also from a table, where what is not known is NaN."""
    assert standings.in_words(one.columns) == words
    table = pd.DataFrame([{"trial": 3, **one.columns}, {"trial": 4, **SETTLED.columns}])
    assert standings.standings_of(table)[3] == words


def test_the_record_has_what_is_known() -> None:
    table = pd.DataFrame([{"trial": n, **s.columns} for n, s in enumerate((SETTLED, UNKNOWN))])
    first, second = (standings.record(row) for row in table.to_dict("records"))
    assert second == {"standing": "unknown", "kept_step": 12, "steps": 12}
    assert (first["since"], first["falling"], first["gap"]) == (640, 0.2, 3.0)
    assert isinstance(first["since"], int)
    assert standings.record({"trial": 1, "standing": np.nan}) == {}


def test_the_table_of_the_front_has_it(stood: pd.DataFrame, facts: Facts) -> None:
    lines = printed(stood, facts)
    assert max(map(len, lines)) <= 100
    heads = lines[1].split()
    assert heads[-1] == "standing"
    shown = {line.split()[0]: line for line in lines[2:11]}
    assert "still falling" in shown["2"] and "collapsed" in shown["8"] and "settled" in shown["4"]
    said = "Of 10 runs 4 settled, 2 overfitted, 2 still falling, 1 collapsed, 1 unknown."
    assert said in lines


def test_runs_are_counted_where_they_are_known(stood: pd.DataFrame, facts: Facts) -> None:
    runs = pd.concat([stood, stood.assign(standing="settled")], ignore_index=True)
    lines = printed(stood, facts, runs.assign(replicate=0))
    assert any(line.startswith("Of 20 runs 14 settled, 2 overfitted") for line in lines)


def test_the_column_outlasts_what_follows_from_others(stood: pd.DataFrame, facts: Facts) -> None:
    """β_norm is β times M/N, and the weight is in the table of conventions."""
    heads = printed(stood, facts, width=72)[1].split()
    assert "standing" in heads and not {"weight", "β_norm"} & set(heads)
    settled = printed(stood.assign(standing="settled"), facts, width=72)
    assert "standing" not in settled[1] and "All 10 runs are settled." in settled


def test_characters_of_their_own(stood: pd.DataFrame, facts: Facts) -> None:
    lines = plot(stood, replace(facts, reference=[50.0, 50.0]), [], 100).splitlines()
    assert lines[-1] == "o front   x front, not settled   : dominated, not settled"
    inside = "".join(line.replace("┤", "│").partition("│")[2] for line in lines)
    assert (inside.count("o"), inside.count("x"), inside.count(":")) == (4, 5, 1)
    narrow = plot(stood, facts, [], 60).splitlines()
    assert max(map(len, narrow)) <= 60 and "x front, not settled" in "   ".join(narrow[-2:])


def axes_of(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of pictures that are drawn from now on, the first of each."""
    seen: list[Any] = []

    def keep(figure: Figure, *_: Any, **__: Any) -> None:
        seen.append(figure.axes[0])

    monkeypatch.setattr(Figure, "savefig", keep)
    return seen


def test_the_picture_has_a_mark_for_each(
    stood: pd.DataFrame, facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = axes_of(monkeypatch)
    draw_front(stood, facts, tmp_path / "front.png")
    (axes,) = seen
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"overfitted: 2", "still falling: 2", "collapsed: 1", "unknown: 1"} <= set(names)
    marks = [part for part in axes.collections if len(part.get_offsets())]
    hollow = [len(m.get_offsets()) for m in marks if m.get_facecolor().size == 0 and m.zorder == 2]
    filled = [len(m.get_offsets()) for m in marks if m.get_facecolor().size]
    assert (sorted(hollow), filled) == ([1, 1, 2, 2], [4])
    shapes = {m.get_paths()[0].vertices.tobytes() for m in marks if m.zorder == 2}
    assert len(shapes) == 4  # settled and unknown are circles, filled and hollow


def test_a_comparison_tells_how_each_stands(
    stood: pd.DataFrame, facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = stood.assign(standing="settled")
    groups = [Group(n, t, t.assign(replicate=0)) for n, t in (("a", stood), ("b", other))]
    found = compare(groups, facts.objectives, facts.reference)
    (said,) = [line for line in conclusions(found) if line.startswith("How the trials stand")]
    assert "a: of 10 trials 4 settled, 2 overfitted" in said
    assert "b: all 10 trials are settled" in said
    calm = compare([replace(g, table=other) for g in groups], facts.objectives, facts.reference)
    assert not any("stand" in line for line in conclusions(calm))
    seen = axes_of(monkeypatch)
    draw_comparison(found, groups, tmp_path / "both.png")
    (axes,) = seen
    assert [t.get_text() for t in axes.get_legend().get_texts()].count("not settled") == 1
    hollow = [m for m in axes.collections if m.get_facecolor().size == 0]
    assert [len(m.get_offsets()) for m in hollow if len(m.get_offsets())] == [6]
    assert to_hex(hollow[0].get_edgecolor()[0]) == "#0072b2"


def test_the_page(stood: pd.DataFrame, facts: Facts) -> None:
    chapter = Chapter(facts, stood, pd.DataFrame())
    assert "<th>standing</th>" in front_of(chapter, alone=True)
    told = section(chapter)
    assert "Of 10 runs 4 settled" in told
    assert "<tr><td>still falling</td><td>2</td><td>2, 9</td>" in told
    data = page_data([chapter], [Group("example", stood, pd.DataFrame())])
    assert data["columns"]["standing"] == [*(one.state for one in EACH), "still falling"]
    assert data["columns"]["falling"][2] == 12.34 and data["columns"]["falling"][7] is None
    assert data["labels"]["falling"].endswith("(nats)")
    assert data["standings"]["example"][0].startswith("overfitted; ")
    assert set(data["standings"]["example"]) == set(range(10))
    assert data["standingColumns"][:3] == ["standing", "kept_step", "steps"]
