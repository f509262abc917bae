"""One trial that tells many points: what counts trials, what names a point, what is drawn."""

import json
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from betafront.front import Facts, decide, hypervolume, hypervolumes, off_their_lines, refusal
from betafront.front.comparison import Group, compare
from betafront.front.curves import curves, number_of_points, trials_of
from betafront.front.decision import cautions, decision_record, names, notes
from betafront.front.decision.confirmation.confirmed import runs_of
from betafront.front.decision.noise.scatter import curve_of
from betafront.front.importance import importance
from betafront.front.one_curve import one_curve
from betafront.front.show.characters import plot
from betafront.front.show.comparison import comparison_figure, conclusions
from betafront.front.show.picture import front_figure
from betafront.front.show.plane import plane_figure
from betafront.front.show.report import Chapter, write_page
from betafront.front.show.report.sections import strip
from betafront.front.show.standings import counted, counts
from betafront.front.show.terminal import front_columns, print_study
from betafront.front.table import thinned
from betafront.study.confirm.picks import picked

LEGEND = "trial 0: one model, β 0.01 to 100"
COMMAND = (
    "betafront sweep data=digits model=multirate model.of.latents=4 model.low=0.01 study.name=m"
)


@pytest.fixture
def curve(table: pd.DataFrame) -> pd.DataFrame:
    """The trials of the table as points of one curve, of a run as written at β = 1."""
    one = table.drop(columns="objective.weight").assign(trial=0, folder="trial-0000", finished=3.0)
    written = {"weight": one["beta"], "normalisation": "sum", "standing": "settled"}
    return one.assign(**written, of_curve=True, as_written=one["beta"] == 1.0)


@pytest.fixture
def both(curve: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The curve, and three runs of their own that are better than it by a nat, a later one each."""
    own = table.iloc[[2, 4, 6]].drop(columns="objective.weight")
    own = own.assign(trial=[1, 2, 3], finished=[4.0, 5.0, 6.0], standing="still falling")
    better = {key: own[key] - 1.0 for key in ("val/distortion", "val/negative_elbo")}
    named = {"weight": own["beta"], "normalisation": "mean", "of_curve": False, "as_written": False}
    return pd.concat([curve, own.assign(**better, **named)], ignore_index=True)


@pytest.fixture
def known(facts: Facts) -> Facts:
    return replace(facts, name="m", parameters=[], budget=1, command=COMMAND, inner="mlp")


def test_trials_are_counted_and_not_their_points(both: pd.DataFrame, curve: pd.DataFrame) -> None:
    assert trials_of(both)["trial"].tolist() == [0, 1, 2, 3]
    assert trials_of(both)["beta"].tolist()[0] == 1.0  # that of the run itself
    assert trials_of(curve[curve["beta"] > 2])["beta"].tolist() == [3.0]
    assert number_of_points(both) == "12 points of 4 trials"
    assert number_of_points(curve, "finished ") == "9 points of 1 finished trial"
    assert counts(both) == {"settled": 1, "still falling": 3}
    assert counted(both, "trials") == "of 4 trials 1 settled, 3 still falling"
    assert counted(curve) == "the only run is settled"
    assert runs_of(both.assign(replicates=2.0)) == 8
    assert one_curve(both) is not None and one_curve(both).trials == 4
    assert importance(pd.concat([curve] * 2, ignore_index=True), ["beta"], ["val/rate"]) == []


def test_runs_of_groups_are_told_apart(curve: pd.DataFrame) -> None:
    two = pd.concat([curve.assign(group=name) for name in "ab"], ignore_index=True)
    assert len(trials_of(two)) == 2
    assert len(trials_of(pd.concat([curve.assign(replicate=n) for n in range(3)]))) == 3


def test_the_front_grows_by_a_whole_curve_at_once(both: pd.DataFrame, known: Facts) -> None:
    found = hypervolumes(both, known.objectives, known.reference)
    assert found["trial"].tolist() == [0, 1, 2, 3]
    first = both[both["trial"] == 0]
    assert found["hypervolume"].iloc[0] == hypervolume(first, known.objectives, known.reference)
    assert found["hypervolume"].iloc[-1] == hypervolume(both, known.objectives, known.reference)
    assert found["front_size"].iloc[0] == 9


def test_a_decision_is_read_off_one_curve_and_says_so(curve: pd.DataFrame, known: Facts) -> None:
    best, knee = decide(curve, known)
    assert (best.beta, best.of_curve, best.trial) == (1.0, True, 0) and knee.beta != best.beta
    assert names([best, knee]) == {(0, 1.0): "best ELBO", (0, knee.beta): "knee"}
    assert best.basis == "its neighbours" and (best.low, best.high) == (0.3, 3.0)
    (said,) = (line for line in cautions(curve, known, [best, knee]) if "one model" in line)
    assert said == (
        "best ELBO and knee are read off one model conditioned on β (trial 0), and runs of their "
        "own may come to other values. Such runs at β = 1, at half and at double: betafront sweep "
        "data=digits model=mlp model.latents=4 objective.weight=0.5,1,2 study.sampler=grid "
        "study.budget.trials=3 study.name=m-separate"
    )
    written = decision_record(curve, known)["points"]
    assert [(p["trial"], p["beta"], p["of_curve"]) for p in written] == [
        (0, 1.0, True), (0, knee.beta, True)
    ]  # fmt: skip
    told = " ".join(notes(curve, known, [best, knee]))
    assert "At best ELBO one nat" in told and "At knee one nat" in told and "From best" in told
    assert "Noise:" not in told  # points of one model say nothing of chance
    assert "points); it is -β" in told
    few = refusal(curve.iloc[:4], known)
    assert few == "No decision: the study has 4 points; it takes 5."


def test_a_decision_among_runs_of_their_own_is_none_of_the_curve(
    both: pd.DataFrame, known: Facts
) -> None:
    best, *_ = decide(both.assign(standing="settled"), known)
    assert (best.trial, best.of_curve) == (2, False)
    said = off_their_lines(both)
    assert said == "" or " points lie more than " in said


def test_points_of_one_model_have_no_scatter_unless_it_was_trained_again(
    curve: pd.DataFrame,
) -> None:
    assert curve_of(curve, "val/distortion") is None
    again = curve.assign(replicates=3.0, **{"sd/val/distortion": 0.1})
    assert curve_of(again, "val/distortion") is not None


def test_the_end_of_a_trained_range_is_widened_by_training(
    curve: pd.DataFrame, known: Facts
) -> None:
    cut = curve[curve["beta"] <= 1.0]
    (first, *_) = decide(cut, known)
    (said,) = (line for line in cautions(cut, known, [first]) if "greatest β" in line)
    assert said.startswith("best ELBO has the greatest β of all points: the best may lie beyond")
    assert said.endswith("model=multirate model.of.latents=4 model.low=0.01 model.high=10 "
                         "study.name=m-wider")  # fmt: skip


def test_it_is_not_confirmed_by_runs_that_are_none(curve: pd.DataFrame, known: Facts) -> None:
    found, left_out = picked(curve, known, decide(curve, known))
    assert found == []
    assert left_out[0].startswith("best ELBO (trial 0): it was read off one model conditioned on β")
    assert "Separate runs tell: betafront sweep data=digits model=mlp" in left_out[0]


def test_the_terminal_shows_points(curve: pd.DataFrame, both: pd.DataFrame, known: Facts) -> None:
    out = Console(file=StringIO(), width=100)
    print_study(curve, known, out)
    said = out.file.getvalue()  # type: ignore[attr-defined]
    assert "9 of 9 points of 1 finished trial are on the front" in said
    assert "The curve of" not in said  # the table of the front has every point
    lines = said.splitlines()
    assert sum(line.endswith("best ELBO ") for line in lines) == 1
    assert max(map(len, lines[: lines.index(next(x for x in lines if "hypervolume" in x))])) <= 100
    out = Console(file=StringIO(), width=100)
    print_study(both, known, out)
    said = out.file.getvalue()  # type: ignore[attr-defined]
    assert f"The curve of {LEGEND}" in said and "of 12 points of 4 finished trials" in said
    columns, _ = front_columns(both, [], [], 100, {(2, 1.0): "best ELBO"})
    assert columns[""] == ["of a curve"] * 9 + ["", "best ELBO", ""]


def test_thinning_keeps_a_point_and_not_its_whole_trial(curve: pd.DataFrame) -> None:
    kept = thinned(curve, 4, {(0, 3.0)})
    assert [row["beta"] for row in kept] == [0.01, 1.0, 3.0, 100.0]


def test_characters_number_each_point(curve: pd.DataFrame, known: Facts) -> None:
    best, knee = decide(curve, known)
    drawn = plot(curve, known, [best, knee], 80)
    assert "1 best ELBO (β = 1)" in drawn and f"2 knee (β = {knee.beta:.3g})" in drawn
    inside = [line.split("│")[1] if "│" in line else line.split("┤")[1]
              for line in drawn.splitlines() if "│" in line or "┤" in line]  # fmt: skip
    assert sum(line.count("1") for line in inside) == 1 == sum(line.count("2") for line in inside)


def test_figures_draw_a_line_through_the_points(both: pd.DataFrame, known: Facts) -> None:
    ((name, points),) = curves(both.sample(frac=1, random_state=0))
    assert name == LEGEND and points["beta"].is_monotonic_increasing
    expected = points[["val/rate", "val/distortion"]].to_numpy()
    axes = front_figure(both, known).axes[0]
    (line,) = (one for one in axes.lines if one.get_label() == LEGEND)
    assert (line.get_xydata() == expected).all() and line.get_linestyle() == "-"
    (trace,) = (t for t in plane_figure(both, known, []).data if t.name == LEGEND)
    assert list(trace.y) == expected[:, 1].tolist()
    groups = [Group("m", both, pd.DataFrame()), Group("o", both[both["trial"] > 0], pd.DataFrame())]
    groups = [replace(g, runs=g.table.assign(replicate=0)) for g in groups]
    found = compare(groups, known.objectives, known.reference, one_scale=True)
    axes = comparison_figure(found, groups).axes[0]
    (line,) = (one for one in axes.lines if str(one.get_label()).endswith(LEGEND))
    assert line.get_label() == f"m, {LEGEND}"


def test_a_comparison_counts_trials_and_names_what_is_one_model(
    curve: pd.DataFrame, both: pd.DataFrame, known: Facts
) -> None:
    own = both[both["trial"] > 0]
    groups = [
        Group("m", curve, curve.assign(replicate=0)),
        Group("o", own, own.assign(replicate=0)),
    ]
    found = compare(groups, known.objectives, known.reference, one_scale=True)
    sides = {side.name: side for side in found.sides}
    assert (sides["m"].trials, sides["m"].points) == (1, 9)
    assert (sides["o"].trials, sides["o"].points) == (3, 3)
    said = conclusions(found)
    assert any("have 3 to 9 points, and more points alone" in line for line in said)
    assert any(line.startswith("The 9 points of m are of 1 trial") for line in said)
    assert any("m: the only trial is settled" in line for line in said)
    assert any("o: all 3 trials are still falling" in line for line in said)


def data_of(page: Path) -> dict:
    return json.loads(re.findall(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[0])


def test_the_page_draws_the_curve_and_names_points_of_it(
    both: pd.DataFrame, known: Facts, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    both = both.assign(standing="settled")
    write_page([Chapter(known, both, pd.DataFrame())], page)
    data = data_of(page)
    (line,) = data["curves"]
    assert line["name"] == LEGEND
    assert [data["columns"]["beta"][i] for i in line["rows"]] == both["beta"].tolist()[:9]
    assert data["columns"]["of_curve"] == [True] * 9 + [False] * 3
    assert len(data["history"]["m"]["trial"]) == 4
    for point in data["named"]:
        assert (point["trial"], point["beta"]) in zip(both["trial"], both["beta"], strict=True)
    assert "is the curve of one model conditioned on β" in page.read_text()
    write_page([Chapter(known, both[both["trial"] > 0], pd.DataFrame())], page)
    assert "is the curve of one model conditioned on β" not in page.read_text()
    assert strip(Chapter(known, both, pd.DataFrame())) == ""
