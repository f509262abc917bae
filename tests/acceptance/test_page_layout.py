"""The figures of the report in a real browser: nothing covers anything else, at any width."""

from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.test_report import opened
from tests.support.pages import reports

WIDTHS = {390: "dark", 800: "light", 1400: "dark"}

COVERED = (Path(__file__).parents[1] / "support" / "covered.js").read_text()


@pytest.mark.slow
def test_nothing_covers_anything(browser: Any, own_place: Path) -> None:
    for page in reports(own_place):
        for width, scheme in WIDTHS.items():
            with opened(browser, page, width, color_scheme=scheme) as tab:
                assert tab.evaluate(COVERED) == [], (page.stem, width)
                if width == max(WIDTHS):
                    trials_are_named(tab, "weighting-digits · " if page.stem == "two" else "")


def trials_are_named(tab: Any, study: str) -> None:
    """Of two studies every trial has its study's name."""
    name = f"{study}trial 0, β 0.02"
    assert tab.locator(f"#training .legendtext[data-unformatted='{name}']").count() == 1
    chosen = tab.locator("#latents select")
    assert chosen.locator("option").first.inner_text() == name
    layers = tab.locator("#latents .legendtext").all_text_contents()
    assert layers == ["layer 1, of 7", "layer 2, of 3"]
    assert tab.locator("#latents .heatmaplayer image").count() == 1
    chosen.select_option("1")  # of one layer at one validation
    assert tab.locator("#latents .heatmaplayer image").bounding_box()["width"] > 300
    assert tab.locator("#latents .legendtext").count() == 0
    assert tab.locator("#latents p").inner_text().startswith("partly collapsed")
