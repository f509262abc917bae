"""The report in a real browser, from a file and without a network."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.support.patience import PATIENCE_MS

from betafront.front import Facts
from betafront.front.comparison import Group
from betafront.front.show import Chapter, write_page
from betafront.training.standing import STATES

FACTS = Facts(
    name="example", question="",
    objectives={"val/rate": "minimize", "val/distortion": "minimize"},
    reference=[10.0, 40.0], pixels=64, latents=8, budget=3, counts={"complete": 3},
    parameters=["normalisation"], one_scale=True, command="betafront sweep", data="data example",
)  # fmt: skip
SWEEP = (
    "sweep", "study=weighting", "study.name=one", "study.budget.trials=8", "study.replicates=2",
    "trainer.steps=30", "model.hidden=[16]", "hydra/launcher=basic",
)  # fmt: skip
POINT = ".plane .scatterlayer .point"
DRAWN = "[...document.querySelectorAll('.js-plotly-plot')].every(p => p.querySelector('.main-svg'))"


@pytest.mark.slow
def test_report(shell: Any, browser: Any, own_place: Path) -> None:
    shell.run(*SWEEP)
    said = shell.run("compare", "one", "--by", "normalisation", "--html", "by.html")
    assert "by.html" in said
    page = own_place / "runs/one/report/front.html"
    assert page.stat().st_size < 6_000_000
    for width in (375, 1600):
        is_usable(browser, page, width)
    points_answer(browser, page)
    trials_are_filtered_coloured_and_downloaded(browser, page, own_place)
    groups_are_told_apart(browser, own_place / "by.html")


@pytest.mark.slow
def test_runs_that_are_not_settled(browser: Any, own_place: Path) -> None:
    page = own_place / "page.html"
    write_page([Chapter(FACTS, trials("settled", "overfitted", "settled"), pd.DataFrame())], page)
    with opened(browser, page) as tab:
        assert symbols(tab) == ["circle", "triangle-up-open", "circle"]
        entries = [tab.locator(f".plane .legendtext[data-unformatted='{n}']") for n in STATES]
        assert [e.count() for e in entries] == [
            state in ("settled", "overfitted") for state in STATES
        ]
        point(tab, 1)
        card = tab.locator("#card").inner_text()
        assert "overfitted; it ended 9 nats above its best, of step 300" in card
        tab.locator("#controls select").nth(1).select_option("normalisation")
        assert symbols(tab) == ["circle", "square-open", "circle"]
        assert tab.locator(".plane .legendtext[data-unformatted='not settled']").count() == 1
        assert tab.locator("section.told td:has-text('overfitted')").count() == 1
    write_page([Chapter(FACTS, trials("settled", "settled", "settled"), pd.DataFrame())], page)
    with opened(browser, page) as tab:
        assert symbols(tab) == ["circle", "square", "circle"]
        assert tab.locator(".plane .legendtext[data-unformatted='not settled']").count() == 0


@pytest.mark.slow
def test_names_that_look_like_markup_are_read_as_they_are(browser: Any, own_place: Path) -> None:
    name, page = "<b>x</b> & '$y$' <!--<script>", own_place / "page.html"
    table = trials("settled", "settled", "settled", "settled")
    groups = [Group(f"{name} {i}", table[i::2], pd.DataFrame(), name) for i in range(2)]
    write_page([Chapter(replace(FACTS, name=name), table, pd.DataFrame())], page, groups)
    with opened(browser, page) as tab:
        assert tab.locator("h1").inner_text() == name
        named = tab.locator(".plane .legendtext").all_text_contents()
        assert {group.name for group in groups} <= set(named)
        tab.evaluate("pick(0)")
        quoted = name.replace("'", "'\"'\"'")
        again = f"betafront train --trial 0 --study '{quoted}'"
        assert again in tab.locator("#picked code").all_inner_texts()


def trials(*states: str) -> pd.DataFrame:
    """A trial for each state, in two normalisations in turn, on one front."""
    own = {
        "weight": 1.0, "beta_norm": 1.0, "val/mse": 0.1, "val/active_units": 2.0, "seconds": 1.0,
        "kept_step": 800, "steps": 800, "over": 9.0, "since": 300,
        "sigma": 0.1, "pixels": 64, "latents": 8,
    }  # fmt: skip
    found = []
    for i, state in enumerate(states):
        place = {"beta": 0.5 + i, "val/rate": 8.0 - i, "val/distortion": 20.0 + 2 * i}
        total = place["val/rate"] + place["val/distortion"]
        norm = ("mean", "sum")[i % 2]
        found.append({"trial": i, "normalisation": norm, "standing": state, **own, **place})
        found[-1] |= {"val/negative_elbo": total, "folder": f"trial-{i}", "finished": float(i)}
    return pd.DataFrame(found)


def symbols(tab: Any) -> list[str]:
    """The marks of the trials, by their numbers, as they are drawn."""
    drawn = tab.evaluate(
        "document.querySelector('.plane')._fullData.filter(t => t.customdata)"
        ".flatMap(t => t.customdata.map((i, k) => [i, t.marker.symbol[k]]))"
    )
    return [symbol for _, symbol in sorted(drawn)]


def point(tab: Any, trial: int) -> None:
    """Have the page show the card of a trial, as where the mouse is on it."""
    tab.evaluate(
        f"showCard({{points: [{{customdata: {trial}}}], event: {{clientX: 300, clientY: 300}}}})"
    )


@contextmanager
def opened(browser: Any, page: Path, width: int = 1200, **how: Any) -> Iterator[Any]:
    """The page in a tab of its own; nothing may go wrong in it."""
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": 900}, accept_downloads=True, **how
    )
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    tab.on("requestfailed", lambda request: wrong.append(request.url))
    tab.goto(page.as_uri())
    tab.wait_for_selector(POINT, timeout=PATIENCE_MS)
    tab.wait_for_function(DRAWN)
    yield tab
    assert wrong == []
    context.close()


def is_usable(browser: Any, page: Path, width: int) -> None:
    with opened(browser, page, width, color_scheme="dark" if width == 375 else "light") as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        plane = tab.locator(".plane").first.bounding_box()
        assert plane["width"] > 0.85 * min(width, 1280) and plane["height"] > 400
        assert tab.locator("h1").inner_text() == "one"
        assert tab.locator(".answer").is_visible()
        body = "getComputedStyle(document.body).backgroundColor"
        before = tab.evaluate(body)
        tab.click("#theme")
        assert tab.evaluate(body) != before
        for heading in ("On one scale", "The front", "Along the front", "The search"):
            assert tab.locator(f"h2:has-text('{heading}')").count() >= 1
        assert tab.locator(".strip img").count() >= 3
        for image in tab.locator(".strip img").all():
            assert image.evaluate("i => i.complete && i.naturalWidth > 0")


def points_answer(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        # Where another trial lies on the same spot the card may be of that trial.
        for point in tab.locator(f"{POINT}[style*='opacity: 1']").all():
            box = point.bounding_box()
            tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            tab.wait_for_selector("#card:not([hidden])", timeout=PATIENCE_MS)
            said = tab.locator("#card").inner_text()
            if "on the front" in said:
                break
        assert "of one, on the front" in said and "canonical β = " in said
        assert tab.locator("#card img").evaluate("i => i.naturalWidth") > 0
        tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        picked = tab.locator("#picked")
        picked.wait_for(state="visible")
        number = said.split()[1]
        assert f"betafront train --trial {number} --study one" in picked.inner_text()
        link = picked.locator("a").get_attribute("href")
        assert "/#/experiments/" in link and "/runs/" in link
        own = tab.locator(f".legendtext:has-text('of trial {number}')")
        assert own.count() == 1  # the line D + βR of that trial


def trials_are_filtered_coloured_and_downloaded(browser: Any, page: Path, place: Path) -> None:
    with opened(browser, page) as tab:
        assert tab.locator(POINT).count() >= 8
        tab.locator("#controls select").nth(1).select_option("normalisation")
        before = tab.locator(POINT).count()
        names = ("sum", "mean", "pixel_mean", "beta_norm")
        entries = [tab.locator(f".plane .legendtext[data-unformatted='{n}']") for n in names]
        entry = next(e for e in entries if e.count())
        entry.locator("xpath=..").locator(".legendtoggle").click()
        tab.wait_for_function(
            f"document.querySelectorAll('{POINT}').length < {before}", timeout=PATIENCE_MS
        )
        colour = tab.locator("#controls select").first
        colour.select_option("val/mse")
        tab.wait_for_selector(".plane .colorbar :text('MSE')", timeout=PATIENCE_MS)
        colour.select_option("normalisation")
        tab.wait_for_selector(".plane .colorbar", state="detached", timeout=PATIENCE_MS)
        tab.get_by_label("log x").check()
        axis = "document.querySelector('.plane')._fullLayout.xaxis.type"
        assert tab.evaluate(axis) == "log"
        with tab.expect_download() as started:
            tab.click("#csv")
        started.value.save_as(place / "trials.csv")
        rows = list(csv.DictReader((place / "trials.csv").open()))
        assert [int(r["trial"]) for r in rows] == list(range(8))
        assert all(float(r["val/rate"]) >= 0 for r in rows)


def groups_are_told_apart(browser: Any, page: Path) -> None:
    with opened(browser, page) as tab:
        assert tab.locator("h2:has-text('Side by side')").count() == 1
        groups = tab.evaluate("data.groups")
        assert len(groups) > 1
        for group in groups:
            assert tab.locator(f".legendtext[data-unformatted='front of {group}']").count() == 1
        assert tab.locator("#multiples .js-plotly-plot").count() == len(groups)
