import gc
import json
import re
from dataclasses import replace
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from betafront.front import Facts, decide, draw_front, print_study
from betafront.front.comparison import Group, compare
from betafront.front.show import draw_comparison
from betafront.front.show.report import Chapter, Failure, LatentsShown, Shown, Truth, write_page

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def written(path: Path, *chapters: Chapter, **more: Any) -> tuple[str, dict[str, Any]]:
    """The page, and the data that its pictures are drawn of."""
    write_page(chapters, path / "page.html", **more)
    text = (path / "page.html").read_text()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1], parse_constant=no_number)
    return text, data


def no_number(text: str) -> None:
    raise AssertionError(f"{text} is no JSON, and stops the page")


@pytest.fixture
def runs(table: pd.DataFrame) -> pd.DataFrame:
    """Three runs a trial, of which the second is as the table has it."""
    parts = [
        table.assign(replicate=k, **{"val/distortion": table["val/distortion"] + k - 1.0})
        for k in range(3)
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_page_stands_alone_and_answers_first(
    table: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    text, _ = written(tmp_path, Chapter(facts, table, pd.DataFrame()))
    assert (tmp_path / "page.html").stat().st_size < 6_000_000
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r'(?:src|href)="(?!data:)', outside)
    assert decide(table, facts)[0].text in outside
    assert outside.index('class="answer"') < outside.index("<h2>")


def test_pages_may_share_the_library_that_draws(
    table: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    text, _ = written(tmp_path, Chapter(facts, table, pd.DataFrame()), plotly="../plotly.min.js")
    assert '<script src="../plotly.min.js">' in text
    assert (tmp_path / "page.html").stat().st_size < 100_000


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_every_trial_is_in_it_once(
    table: pd.DataFrame, facts: Facts, tmp_path: Path, rows: int
) -> None:
    _, data = written(tmp_path, Chapter(facts, table.head(rows), pd.DataFrame()))
    columns = data["columns"]
    assert columns["trial"] == list(range(rows))
    assert np.allclose(columns["val/rate"], table["val/rate"].head(rows), rtol=1e-5)
    assert {len(values) for values in columns.values()} == {rows}


def test_values_that_are_no_numbers_are_left_out(
    table: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    table = table.assign(sigma=[np.nan] + [0.5] * 8)
    table.loc[1, "val/mse"] = np.inf
    _, data = written(tmp_path, Chapter(facts, table, pd.DataFrame()))
    assert data["columns"]["sigma"][0] is None
    assert data["columns"]["val/mse"][1] is None


def test_what_users_write_is_text(table: pd.DataFrame, facts: Facts, tmp_path: Path) -> None:
    bad = "</script><b>&"
    failure = Failure("<i>lost</i>", [3], "trial-0003/run.log", "")
    chapter = Chapter(replace(facts, name=bad), table, pd.DataFrame(), failures=[failure])
    text, data = written(tmp_path, chapter)
    assert "<h1>&lt;/script&gt;&lt;b&gt;&amp;</h1>" in text
    assert "&lt;i&gt;lost&lt;/i&gt;" in text
    assert set(data["columns"]["study"]) == {bad}


@pytest.mark.parametrize("name", ["<!--<script>", "$x_{$", "_a", "[red]", "研究", "a & <b>b</b>"])
def test_a_name_is_shown_as_it_is_wherever_it_stands(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    facts: Facts,
    tmp_path: Path,
    name: str,
    recwarn: pytest.WarningsRecorder,
) -> None:
    gc.collect()  # what another test has left open is warned of now, and is not this test's
    recwarn.clear()
    facts = replace(facts, name=name)
    out = StringIO()
    print_study(table, facts, Console(file=out, width=100, markup=False, emoji=False))
    assert f"Front of {name}" in out.getvalue()
    draw_front(table, facts, tmp_path / "front.png")
    groups = [
        Group(f"{name} {n}", p, runs[runs["trial"].isin(p["trial"])])
        for n, p in table.groupby("normalisation")
    ]
    found = compare(groups, facts.objectives, facts.reference)
    draw_comparison(found, groups, tmp_path / "both.png")
    text, data = written(tmp_path, Chapter(facts, table, pd.DataFrame()), groups=groups)
    assert data["groups"] == [group.name for group in groups]
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert f"<h1>{escape(name)}</h1>" in outside
    assert "<" not in text.partition('id="data">')[2].partition("</script>")[0]
    assert not [str(one.message) for one in recwarn]


def test_bands_are_of_the_replicates(
    table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    _, data = written(tmp_path, Chapter(facts, table, runs))
    band = data["bands"]["example"]
    middle = {tuple(np.round(p, 4)) for p in band["50"]}
    assert middle == {
        (round(r, 4), round(d, 4))
        for r, d in zip(table["val/rate"], table["val/distortion"], strict=True)
    }
    assert min(d for _, d in band["25"]) == pytest.approx(min(d for _, d in band["75"]) - 2)
    _, alone = written(tmp_path, Chapter(facts, table, pd.DataFrame()))
    assert alone["bands"]["example"] == {}


def test_what_runs_left_is_shown(table: pd.DataFrame, facts: Facts, tmp_path: Path) -> None:
    latents = LatentsShown([1, 2], ["z2"], [[0.12345, np.nan]], {"layer 1, of 2": [1, 0]}, ["so"])
    trace = {"step": [0, 1], "beta": [0, 1]}
    shown = Shown(2, {"traversals": PIXEL}, trace, [3.0, 0.1], latents=latents)
    chapter = Chapter(
        facts, table, pd.DataFrame(), shown=[shown], thumbnails={2: PIXEL},
        links={2: "http://127.0.0.1/2"}, needs="betafront ui example",
    )  # fmt: skip
    text, data = written(tmp_path, chapter)
    assert text.count(f'src="{PIXEL}"') == 1
    assert "trial 2: β = 0.1" in text
    assert data["shown"]["example"][0]["spectrum"] == [3.0, 0.1]
    assert data["shown"]["example"][0]["latents"] == {
        "step": [1, 2], "names": ["z2"], "kl": [[0.123, None]], "active": {"layer 1, of 2": [1, 0]},
        "said": ["so"],
    }  # fmt: skip
    assert data["thumbnails"]["example"] == {"2": PIXEL}
    assert data["links"]["example"] == {"2": "http://127.0.0.1/2"}


def test_sentences_are_shown_as_text_beside_what_is_true_of_them(
    table: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    sentence = "given   a <unk> & more"
    shown = Shown(2, texts={"samples": sentence, "reconstructions": sentence})
    truth = Truth(entropy=21.5, nll=21.25)
    chapter = Chapter(
        facts, table, pd.DataFrame(), shown=[shown], thumbnails={2: sentence}, truth=truth
    )
    text, data = written(tmp_path, chapter)
    assert text.count(f">{escape(sentence)}</pre>") == 2
    assert "Along the front" in text
    assert "images" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert "True entropy of the data: 21.50 nats per example" in text
    assert data["truths"] == {"example": 21.25}
    assert data["thumbnails"]["example"] == {"2": sentence}
    _, bare = written(tmp_path, Chapter(facts, table, pd.DataFrame()))
    assert bare["truths"] == {}


def test_groups_stand_side_by_side(
    table: pd.DataFrame, runs: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    groups = [
        Group(str(name), part, runs[runs["normalisation"] == name], facts.name)
        for name, part in table.groupby("normalisation")
    ]
    found = compare(groups, facts.objectives, facts.reference)
    text, data = written(tmp_path, Chapter(facts, table, runs), groups=groups, comparison=found)
    assert data["groups"] == ["pixel_mean", "sum"]
    assert set(data["columns"]["study"]) == {"example"}
    assert "Side by side" in text
    assert found.sides[0].name in text


def test_metrics_that_the_data_does_not_have_are_left_out(
    table: pd.DataFrame, facts: Facts, tmp_path: Path
) -> None:
    bare = table.drop(columns=["val/active_units"]).assign(**{"val/mse": np.nan})
    out = StringIO()
    print_study(bare, facts, Console(file=out, width=100))
    draw_front(bare, facts, tmp_path / "front.png")
    text, data = written(tmp_path, Chapter(facts, bare, pd.DataFrame()))
    body = re.sub(r"<script.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL)
    for shown in (out.getvalue(), re.sub("<[^>]*>", " ", body)):
        assert "R and D + R in nats per example" in shown
        assert not {"MSE", "active", "nan"} & set(shown.split())
    assert not {"val/mse", "val/active_units"} & set(data["columns"])
