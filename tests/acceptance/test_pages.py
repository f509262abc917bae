"""The study in the MLflow UI, in a real browser."""

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.patience import PATIENCE, PATIENCE_MS

TRIALS = 24  # more than the 20 that MLflow's charts show where nothing is said
SWEEP = (
    "sweep", "study=weighting", f"study.budget.trials={TRIALS}", "trainer.steps=5",
    "model.hidden=[8]", "data.limit=200", "hydra/launcher=basic",
)  # fmt: skip
RED = "#d62728"
# Of each chart that plotly has drawn: the kinds of its parts, and the colours of its points.
DRAWN = """charts => charts.map(chart => ({
    kinds: chart.data.map(part => part.type),
    colours: chart.data.flatMap(part => part.marker?.color ?? []),
}))"""


@pytest.mark.slow
def test_pages(shell: Any, browser: Any, own_place: Path) -> None:
    shell.run(*SWEEP)
    members = json.loads(shell.run("status", "--json"))["front"]
    server = shell.start("ui", "--port", "5107")
    try:
        charts, table = (link_printed_by(server) for _ in range(2))
        shows_the_front(browser, charts, members)
        shows_the_trials(browser, table, members)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def link_printed_by(server: Any) -> str:
    end = time.monotonic() + PATIENCE
    for line in server.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+/#/\S+", line)
        if found:
            return found[0]
        assert time.monotonic() < end
    raise AssertionError("the server ended")


def shows_the_front(browser: Any, link: str, members: list[int]) -> None:
    context = browser.new_context(viewport={"width": 1900, "height": 1300})
    tab = context.new_page()
    tab.goto(link)
    tab.wait_for_selector(f"text={TRIALS} matching runs", timeout=PATIENCE_MS)
    tab.wait_for_selector(".parcoords svg .dimension >> nth=4", timeout=PATIENCE_MS)
    tab.wait_for_selector(".js-plotly-plot .contour", timeout=PATIENCE_MS, state="attached")
    # They stand above the charts that MLflow makes of every metric.
    scatter, contour = tab.locator(".js-plotly-plot").evaluate_all(DRAWN)[:2]
    assert scatter["kinds"] == ["scatter"]
    assert len(scatter["colours"]) == TRIALS
    assert scatter["colours"].count(RED) == len(members)
    assert set(scatter["colours"]) == {RED, "#c0c0c0"}
    assert contour["kinds"] == ["contour", "scatter"]
    context.close()


def shows_the_trials(browser: Any, link: str, members: list[int]) -> None:
    context = browser.new_context(viewport={"width": 1900, "height": 2200})
    tab = context.new_page()
    tab.goto(link)
    tab.wait_for_selector("text=t005", timeout=PATIENCE_MS)
    header = tab.locator(".ag-header").inner_text()
    for column in ("beta", "beta_norm", "val/distortion", "val/rate"):
        assert column in header
    cells = tab.locator(".ag-center-cols-container .ag-row").first.inner_text().split("\n")
    assert len([c for c in cells if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", c)]) >= 4
    for number in range(TRIALS):
        assert tab.locator(f"text=/^t{number:03d} /").count() == 1
    # As children: in order of creation the table is a tree, folded under the study.
    tab.goto("about:blank")
    tab.goto(link.replace("&viewStateShareKey=pareto", ""))
    tab.wait_for_selector(".ag-row a:has-text('weighting-digits')", timeout=PATIENCE_MS)
    assert tab.locator("text=/^t0\\d\\d /").count() == 0
    tab.locator(".ag-row button").first.click()
    tab.click(f"text=/^t{members[0]:03d} /")
    tab.wait_for_selector("text=Parent run", timeout=PATIENCE_MS)
    tab.goto(re.sub(r"(/runs/\w+).*", r"\1/artifacts", tab.url))
    tab.click("text=pictures", timeout=PATIENCE_MS)
    tab.click("text=training.png")
    tab.wait_for_selector("img[src^='blob:'], .image-outer-container", timeout=PATIENCE_MS)
    study = context.new_page()  # the front page renders as an artifact of the study's run
    study.goto(link.replace("&viewStateShareKey=pareto", ""))
    study.click(".ag-row a:has-text('weighting-digits')", timeout=PATIENCE_MS)
    study.wait_for_url("**/runs/*")
    study.goto(re.sub(r"(/runs/\w+).*", r"\1/artifacts/front/front.html", study.url))
    page = study.frame_locator("iframe").first
    page.locator(".js-plotly-plot .scatterlayer .point").first.wait_for(timeout=PATIENCE_MS)
    assert page.locator("h1").inner_text() == "weighting-digits"
    context.close()
