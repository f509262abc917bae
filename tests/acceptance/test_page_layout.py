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
