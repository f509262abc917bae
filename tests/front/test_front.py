import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from rich.console import Console

from betafront.front import (
    Facts,
    decide,
    draw_front,
    front,
    hypervolume,
    knee,
    nondominated,
    one_curve,
    print_study,
)
from betafront.front.decision import in_every_row, names, trade, trades
from betafront.front.front import planes
from betafront.front.show import Chapter, short_names, write_page
from betafront.front.show.picture import front_figure

LEAST = {"a": "minimize", "b": "minimize"}


def points(*pairs: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["a", "b"])


def test_front_keeps_what_nothing_dominates_and_every_duplicate() -> None:
    table = points((1, 3), (2, 2), (2, 2), (3, 1), (2, 3), (3, 3), (1, 4))
    assert nondominated(table, LEAST).tolist() == [True, True, True, True, False, False, False]


def test_front_of_nothing_and_of_one() -> None:
    assert front(points(), LEAST).empty
    assert len(front(points((5, 5)), LEAST)) == 1


def test_front_is_in_order_of_the_first_objective() -> None:
    assert front(points((3, 1), (1, 3), (2, 2)), LEAST)["a"].tolist() == [1, 2, 3]


def test_maximised_objectives_turn_the_front_round() -> None:
    most = {"a": "minimize", "b": "maximize"}
    assert nondominated(points((1, 1), (2, 3), (2, 2)), most).tolist() == [True, True, False]


def test_hypervolume_by_hand() -> None:
    # Below (4, 4): [1,4]x[3,4] + [2,4]x[2,3] + [3,4]x[1,2] = 3 + 2 + 1.
    assert hypervolume(points((1, 3), (2, 2), (3, 1)), LEAST, [4, 4]) == 6
    assert hypervolume(points((1, 3), (2, 2), (3, 1), (3, 3)), LEAST, [4, 4]) == 6
    assert hypervolume(points((5, 0)), LEAST, [4, 4]) == 0
    assert hypervolume(points(), LEAST, [4, 4]) == 0
    assert hypervolume(points((1, 3)), {"a": "minimize", "b": "maximize"}, [4, 1]) == 6


def test_knee_is_the_corner_whatever_the_units() -> None:
    corner = np.array([[0.0, 10.0], [1.0, 2.0], [5.0, 1.0], [10.0, 0.0]])
    assert knee(corner) == 1
    assert knee(corner * [1000.0, 0.001] + [7.0, -50.0]) == 1


def test_no_knee_on_a_line_an_outward_front_or_two_points() -> None:
    assert knee(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])) is None
    assert knee(np.array([[0.0, 2.0], [1.5, 1.5], [2.0, 0.0]])) is None
    assert knee(np.array([[0.0, 2.0], [2.0, 0.0]])) is None
    assert knee(np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])) is None


def test_the_decision_names_the_best_elbo_and_its_beta_in_every_convention(
    table: pd.DataFrame, facts: Facts
) -> None:
    best, corner = decide(table, facts)
    assert best.trial == table["val/negative_elbo"].idxmin()
    assert best.weights["sum"] == best.beta
    assert best.weights["mean"] == pytest.approx(best.beta * 8 / 64)
    assert best.weights["pixel_mean"] == pytest.approx(best.beta / 64)
    assert best.weights["SSE + w·KL"] == pytest.approx(2 * best.beta * 0.25)
    assert corner.name == "knee"
    change = corner.metrics["val/distortion"] - best.metrics["val/distortion"]
    assert f"distortion {change:+.2f} nats" in trade(best, corner)


def test_points_of_different_likelihoods_share_a_table_and_no_best_elbo(
    table: pd.DataFrame, facts: Facts
) -> None:
    mixed = table.assign(
        sigma=[0.5, None] * 4 + [0.5], likelihood=["gaussian", "other"] * 4 + ["g"]
    )
    searched = replace(facts, parameters=[*facts.parameters, "likelihood"], one_scale=False)
    assert [a.name for a in decide(mixed, searched)] == ["knee"]
    dequantised = replace(searched, one_scale=True)
    assert [a.name for a in decide(mixed, dequantised)] == ["best ELBO", "knee"]
    rows = dict(in_every_row(decide(mixed, facts) + decide(mixed.iloc[[1]], facts)))
    assert rows["SSE + w·KL"][-1] == "–"
    assert len(rows["canonical β"]) == len(rows["SSE + w·KL"])


@pytest.fixture
def three(table: pd.DataFrame, facts: Facts) -> tuple[pd.DataFrame, Facts]:
    """A third objective, which is highest at β = 3, beside the best ELBO and the knee."""
    structure = np.exp(-(np.log(table["beta"] / 3) ** 2))
    objectives = facts.objectives | {"val/mig": "maximize"}
    return table.assign(**{"val/mig": structure}), replace(
        facts, objectives=objectives, reference=[10.0, 10.0, 0.0]
    )


def test_a_third_objective_has_its_best_and_its_price(three: tuple[pd.DataFrame, Facts]) -> None:
    table, facts = three
    best, structured, _ = decide(table, facts)  # no knee: that is of two objectives
    assert (best.name, structured.name) == ("best ELBO", "best MIG")
    assert (structured.beta, structured.metrics["val/mig"]) == (3.0, 1.0)
    assert "MIG = 1" in structured.text
    gain = structured.metrics["val/mig"] - best.metrics["val/mig"]
    assert trade(best, structured).endswith(f"nats, MIG {gain:+.3g}.")
    worst = table["val/mig"].to_numpy() == table["val/mig"].min()
    assert front(table[worst], facts.objectives).shape[0] == 1


def test_three_objectives_are_shown_two_at_a_time(
    three: tuple[pd.DataFrame, Facts], tmp_path: Path
) -> None:
    table, facts = three
    assert [list(p) for p in planes(facts.objectives)] == [
        ["val/rate", "val/distortion"],
        ["val/rate", "val/mig"],
        ["val/distortion", "val/mig"],
    ]
    spread = {f"sd/{m}": 0.1 for m in facts.objectives}
    draw_front(table.assign(**spread), facts, tmp_path / "front.png")
    page = tmp_path / "front.html"
    write_page([Chapter(facts, table.assign(**spread, finished=0.0), pd.DataFrame())], page)
    assert "rate R and distortion D" in page.read_text()
    assert "distortion D and MIG" in page.read_text()
    out = StringIO()
    print_study(table, facts, Console(file=out, width=100))
    assert "best MIG" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 100


def test_a_volume_by_hand() -> None:
    table = pd.DataFrame([(1, 1, 0.5), (2, 0, 0.25)], columns=["a", "b", "c"])
    objectives = LEAST | {"c": "maximize"}
    # Below (3, 2, 0): 2 x 1 x 0.5, and what the second adds: 1 x 1 x 0.25.
    assert hypervolume(table, objectives, [3, 2, 0]) == 1.25


def test_a_trial_of_several_names_has_them_all(table: pd.DataFrame, facts: Facts) -> None:
    best, corner = decide(table, facts)
    assert names([best, corner]) == {best.point: best.name, corner.point: corner.name}
    same = replace(corner, trial=best.trial, beta=best.beta)
    assert names([best, same]) == {best.point: "best ELBO, knee"}
    assert trades([best, same]) == []


def test_no_decision_without_trials(facts: Facts) -> None:
    assert decide(pd.DataFrame(), facts) == []


def test_one_scale_brings_conventions_onto_one_curve(table: pd.DataFrame) -> None:
    found = one_curve(table)
    assert found is not None
    # R falls with β in the table by construction; over the written weight it goes up and down.
    assert found.canonical == pytest.approx(0, abs=1e-9)
    assert found.written > 0.5
    assert one_curve(table[table["normalisation"] == "sum"]) is None


@pytest.mark.parametrize("width", [80, 100])
def test_tables_fit_whole_numbers_into_the_terminal(
    table: pd.DataFrame, facts: Facts, width: int
) -> None:
    out = Console(width=width, record=True, file=StringIO())
    print_study(pd.concat([table] * 5, ignore_index=True).assign(trial=range(45)), facts, out)
    text = out.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "pixel_mean" in text
    assert "Decision" in text
    assert "knee" in text
    assert "normalisation=pixel_mean" in text


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_picture_is_drawn_from_the_first_trial_on(
    table: pd.DataFrame, facts: Facts, tmp_path: Path, rows: int
) -> None:
    draw_front(table.head(rows), facts, tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "betas",
    [(0.2, 0.5, 1.0, 3.5), (1.1, 1.2, 1.5, 1.9), (0.01, 1, 50, 900), (1e-4, 5e-4, 2e-3, 9.7e-3)],
)
def test_no_number_of_an_axis_covers_the_next(
    table: pd.DataFrame, facts: Facts, betas: Sequence[float]
) -> None:
    found = table.head(4).assign(beta=betas, weight=[beta / 64 for beta in betas])
    figure = front_figure(found, facts)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for axes in figure.axes:
        for axis, side in ((axes.xaxis, 0), (axes.yaxis, 1)):
            low, high = sorted(axis.get_view_interval())
            labels = [*axis.get_majorticklabels(), *axis.get_minorticklabels()]
            boxes = sorted(
                tuple(text.get_window_extent(canvas.get_renderer()).get_points()[:, side])
                for text in labels
                if text.get_text() and low <= text.get_position()[side] <= high
            )
            assert all(end <= start for (_, end), (start, _) in pairwise(boxes))


def test_a_trial_that_did_not_come_to_its_target_is_not_recommended(
    table: pd.DataFrame, facts: Facts
) -> None:
    best = decide(table, facts)[0]
    reached = pd.Series([None] * len(table), dtype=object)
    reached[table["trial"] == best.trial] = False
    other = decide(table.assign(reached=reached), facts)[0]
    assert other.trial != best.trial
    assert decide(table.assign(reached=False), facts) == []


def test_columns_are_named_by_what_tells_them_apart() -> None:
    keys = ["penalty.mmd.weight", "penalty.dip.weight", "normalisation", "model.latents"]
    assert short_names(keys) == ["mmd.weight", "dip.weight", "normalisation", "latents"]
    schedules = ["schedule", "schedule@shaping.schedule", "optimizer.weight"]
    assert short_names(schedules) == ["schedule", "shaping.schedule", "optimizer.weight"]


def test_the_numbers_of_a_front_need_no_pictures_and_no_torch() -> None:
    heavy = "{'torch', 'plotly', 'matplotlib', 'sklearn', 'scipy.stats', 'optuna'}"
    code = f"import sys, betafront.front; print({heavy} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
